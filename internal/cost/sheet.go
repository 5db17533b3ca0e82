// Package cost estimates what a synthesized stack costs a month, before it is applied.
//
// Every managed resource is priced, free for a stated reason, or an error: a resource that nobody thought about must
// not cost nothing. Unit prices come from one sheet, prices.csv, which says for each where it comes from and when.
package cost

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Confidence says how well a price is known.
type Confidence string

// The confidences of the sheet. An assumption has no firm source: estimates say how much of their sum rests on such.
const (
	High       Confidence = "high"   // machine-read from AWS's Price List, or two agreeing sources
	Medium     Confidence = "medium" // one good source
	Assumption Confidence = "assumption"
)

// Price is one row of the sheet: what one unit costs on demand, before tax, credits and free tiers.
type Price struct {
	Key        string     `json:"key"`    // "nat.hour": what code asks for
	Region     string     `json:"region"` // or "global"
	Unit       string     `json:"unit"`
	Usd        float64    `json:"usd"`
	Confidence Confidence `json:"confidence"`
	Sku        string     `json:"sku,omitempty"` // of AWS's Price List, where known
	Source     string     `json:"source"`
	SourceDate string     `json:"sourceDate"` // of the source, or of the day the assumption was made

	// How the Price List finds the row again; empty where it does not know such a price.
	Offer     string  `json:"-"` // service code, "AmazonRDS"
	UsageType string  `json:"-"` // without the region's prefix, "NatGateway-Hours"
	Filter    string  `json:"-"` // one more attribute, "databaseEngine=PostgreSQL"
	Scale     float64 `json:"-"` // how many of the Price List's units make one of ours

	Note string `json:"note,omitempty"`
}

// Global is the region of prices that no region changes.
const Global = "global"

// homeRegion is the region whose prices stand in, as assumptions, for a region that the sheet does not hold.
const homeRegion = "eu-central-1"

// Sheet is a set of prices.
type Sheet struct {
	Prices []Price // by key and region
	index  map[[2]string]int
}

//go:embed prices.csv
var checkedIn string

// CheckedIn returns the sheet that is part of the program.
func CheckedIn() (*Sheet, error) { return ReadSheet(strings.NewReader(checkedIn)) }

var columns = []string{"key", "region", "unit", "usd", "confidence", "sku", "source", "source_date", "offer", "usage_type", "filter", "scale", "note"}

// ReadSheet reads a sheet in CSV. All faults are reported together, each with its line.
func ReadSheet(r io.Reader) (*Sheet, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = len(columns)
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("price sheet: %w", err)
	}
	if !slices.Equal(header, columns) {
		return nil, fmt.Errorf("price sheet: header is %v, must be %v", header, columns)
	}
	sheet := &Sheet{index: map[[2]string]int{}}
	var faults []error
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("price sheet: %w", err)
		}
		price, err := parsePrice(row)
		if err == nil {
			err = sheet.add(price)
		}
		if err != nil {
			line, _ := rows.FieldPos(0)
			faults = append(faults, fmt.Errorf("price sheet line %d: %w", line, err))
		}
	}
	return sheet, errors.Join(faults...)
}

func parsePrice(row []string) (Price, error) {
	p := Price{
		Key: row[0], Region: row[1], Unit: row[2], Confidence: Confidence(row[4]), Sku: row[5], Source: row[6],
		SourceDate: row[7], Offer: row[8], UsageType: row[9], Filter: row[10], Scale: 1, Note: row[12],
	}
	var err error
	if p.Usd, err = strconv.ParseFloat(row[3], 64); err != nil || p.Usd < 0 {
		return p, fmt.Errorf("%s: usd is %q, must be a number of at least 0", p.Key, row[3])
	}
	if row[11] != "" {
		if p.Scale, err = strconv.ParseFloat(row[11], 64); err != nil || p.Scale <= 0 {
			return p, fmt.Errorf("%s: scale is %q, must be a number above 0", p.Key, row[11])
		}
	}
	switch p.Confidence {
	case High, Medium, Assumption:
	default:
		return p, fmt.Errorf("%s: confidence is %q, must be high, medium or assumption", p.Key, row[4])
	}
	for i, name := range map[int]string{0: "key", 1: "region", 2: "unit", 6: "source", 7: "source_date"} {
		if row[i] == "" {
			return p, fmt.Errorf("%s: %s is empty", p.Key, name)
		}
	}
	return p, nil
}

func (s *Sheet) add(p Price) error {
	at := [2]string{p.Key, p.Region}
	if _, exists := s.index[at]; exists {
		return fmt.Errorf("%s in %s is there twice", p.Key, p.Region)
	}
	s.index[at] = len(s.Prices)
	s.Prices = append(s.Prices, p)
	return nil
}

// Write writes the sheet as ReadSheet reads it.
func (s *Sheet) Write(w io.Writer) error {
	rows := csv.NewWriter(w)
	if err := rows.Write(columns); err != nil {
		return fmt.Errorf("write price sheet: %w", err)
	}
	for _, p := range s.Prices {
		scale := ""
		if p.Offer != "" {
			scale = plain(p.Scale)
		}
		row := []string{p.Key, p.Region, p.Unit, plain(p.Usd), string(p.Confidence), p.Sku, p.Source, p.SourceDate,
			p.Offer, p.UsageType, p.Filter, scale, p.Note}
		if err := rows.Write(row); err != nil {
			return fmt.Errorf("write price sheet: %w", err)
		}
	}
	rows.Flush()
	return rows.Error()
}

// plain writes a number without an exponent and without needless zeros.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// Price returns the price of a key in a region. Where the region has none, the global one counts, then the home
// region's, which is then an assumption. A key without any price is an error.
func (s *Sheet) Price(key, region string) (Price, error) {
	for _, r := range []string{region, Global} {
		if i, ok := s.index[[2]string{key, r}]; ok {
			return s.Prices[i], nil
		}
	}
	if i, ok := s.index[[2]string{key, homeRegion}]; ok && region != "" {
		p := s.Prices[i]
		p.Confidence = Assumption
		p.Note = fmt.Sprintf("price of %s taken for %s", homeRegion, region)
		return p, nil
	}
	return Price{}, fmt.Errorf("no price for %s in region %q: add it to internal/cost/prices.csv with its source", key, region)
}
