package terraform

import (
	"bytes"
	"time"
)

// progressInterval is the least time between two reports of an apply.
const progressInterval = 10 * time.Second

// Watch reports how many resources an apply or destroy has finished, at most every 10 seconds.
func (s Stack) Watch(report func(finished int)) {
	s.run.SetStdout(&counter{report: report, last: time.Now(), now: time.Now})
}

// counter counts the lines by which Terraform says that a resource is finished.
type counter struct {
	report   func(finished int)
	last     time.Time
	now      func() time.Time
	finished int
	partial  []byte // of the last line
}

var finishedSigns = [][]byte{[]byte(": Creation complete after "), []byte(": Modifications complete after "), []byte(": Destruction complete after ")}

// Write implements io.Writer and never fails.
func (c *counter) Write(p []byte) (int, error) {
	lines := bytes.Split(append(c.partial, p...), []byte("\n"))
	c.partial = bytes.Clone(lines[len(lines)-1])
	for _, line := range lines[:len(lines)-1] {
		for _, sign := range finishedSigns {
			if bytes.Contains(line, sign) {
				c.finished++
			}
		}
	}
	if now := c.now(); now.Sub(c.last) >= progressInterval {
		c.last = now
		c.report(c.finished)
	}
	return len(p), nil
}
