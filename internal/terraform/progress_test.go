package terraform

import (
	"slices"
	"testing"
	"time"
)

func TestProgressOfAnApply(t *testing.T) {
	now := time.Unix(0, 0)
	var reports []int
	c := &counter{report: func(finished int) { reports = append(reports, finished) }, last: now, now: func() time.Time { return now }}
	for _, step := range []struct {
		after time.Duration
		text  string
	}{
		{time.Second, "aws_vpc.a: Creating...\naws_vpc.a: Creation complete after 1s [id=vpc-1]\naws_eip.b: Creation com"},
		{10 * time.Second, "plete after 9s [id=eip-1]\naws_vpc.c: Still creating... [10s elapsed]\n"},
		{time.Second, "aws_vpc.d: Modifications complete after 0s\n"},
		{9 * time.Second, "aws_vpc.e: Destruction complete after 1s\n"},
	} {
		now = now.Add(step.after)
		if n, err := c.Write([]byte(step.text)); n != len(step.text) || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
	}
	if want := []int{2, 4}; !slices.Equal(reports, want) {
		t.Errorf("reported %v, want %v", reports, want)
	}
}
