package cost_test

import (
	"bytes"
	_ "embed"
	"regexp"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/cost"
)

//go:embed prices.csv
var checkedIn string

func TestCheckedInSheet(t *testing.T) {
	s := sheet(t)
	date := regexp.MustCompile(`^20\d\d-\d\d-\d\d$`)
	regions := map[string]map[string]bool{}
	for _, p := range s.Prices {
		if !date.MatchString(p.SourceDate) {
			t.Errorf("%s in %s: date is %q", p.Key, p.Region, p.SourceDate)
		}
		if p.Confidence == cost.Assumption && p.Note == "" {
			t.Errorf("%s in %s is an assumption that does not say why", p.Key, p.Region)
		}
		if p.UsageType != "" && p.Offer == "" || p.Offer != "" && p.UsageType == "" {
			t.Errorf("%s in %s: offer %q and usage type %q must both be there or neither", p.Key, p.Region, p.Offer, p.UsageType)
		}
		if regions[p.Key] == nil {
			regions[p.Key] = map[string]bool{}
		}
		regions[p.Key][p.Region] = true
	}
	for key, in := range regions {
		if !in[cost.Global] && !(in["eu-central-1"] && in["us-east-1"]) {
			t.Errorf("%s has prices in %v, must be global or in eu-central-1 and us-east-1", key, in)
		}
	}
}

func TestSheetSurvivesWriting(t *testing.T) {
	var written bytes.Buffer
	if err := sheet(t).Write(&written); err != nil {
		t.Fatal(err)
	}
	if written.String() != checkedIn {
		t.Error("reading and writing the sheet changes it: a refresh would touch every line")
	}
}

func TestSheetFaultsAreReportedTogether(t *testing.T) {
	header, _, _ := strings.Cut(checkedIn, "\n")
	_, err := cost.ReadSheet(strings.NewReader(header + "\n" +
		"a,global,hour,-1,high,,s,2026-01-01,,,,,\n" +
		"b,global,hour,1,sure,,s,2026-01-01,,,,,\n" +
		"c,global,hour,1,high,,,2026-01-01,,,,,\n" +
		"d,global,hour,1,high,,s,2026-01-01,,,,,\n" +
		"d,global,hour,2,high,,s,2026-01-01,,,,,\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"line 2: a: usd", `line 3: b: confidence is "sure"`, "line 4: c: source is empty", "line 6: d in global is there twice"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if _, err := cost.ReadSheet(strings.NewReader("x,y\n")); err == nil {
		t.Error("a sheet with another header is read")
	}
}
