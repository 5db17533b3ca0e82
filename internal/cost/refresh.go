package cost

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"
)

// PriceList is the part of AWS's Price List API that a refresh needs. Its client works in us-east-1 and needs the
// action pricing:GetProducts.
type PriceList interface {
	GetProducts(context.Context, *pricing.GetProductsInput, ...func(*pricing.Options)) (*pricing.GetProductsOutput, error)
}

// PriceListSource is the source that a refreshed price names.
const PriceListSource = "AWS Price List API"

// Change is one price that a refresh found to differ.
type Change struct {
	Key, Region string
	Old, New    float64
}

// Refreshed says what a refresh did.
type Refreshed struct {
	Changed   []Change
	Confirmed int      // prices that were right
	Kept      []string // rows that the Price List does not hold or that it answers ambiguously, and why
}

// Refresh reads every price again that the Price List can hold and replaces price, SKU, source and date of its row.
// Rows it cannot confirm stay as they are and are named. The sheet is unchanged where an error is returned.
func (s *Sheet) Refresh(ctx context.Context, api PriceList) (Refreshed, error) {
	var done Refreshed
	prices := slices.Clone(s.Prices)
	for i, p := range prices {
		if p.Offer == "" {
			done.Kept = append(done.Kept, fmt.Sprintf("%s in %s: the Price List has no such price", p.Key, p.Region))
			continue
		}
		offers, err := find(ctx, api, p)
		if err != nil {
			return Refreshed{}, fmt.Errorf("price list: %s in %s: %w", p.Key, p.Region, err)
		}
		found, err := pick(offers)
		if err != nil {
			done.Kept = append(done.Kept, fmt.Sprintf("%s in %s: %v", p.Key, p.Region, err))
			continue
		}
		usd := significant(found.usd * p.Scale)
		if usd == p.Usd {
			done.Confirmed++
		} else {
			done.Changed = append(done.Changed, Change{Key: p.Key, Region: p.Region, Old: p.Usd, New: usd})
		}
		if p.Confidence == Assumption {
			p.Note = "" // it said why there was no source
		}
		p.Usd, p.Sku, p.Confidence, p.Source, p.SourceDate = usd, found.sku, High, PriceListSource, found.date
		prices[i] = p
	}
	s.Prices = prices
	return done, nil
}

// significant drops what multiplying leaves behind the tenth digit.
func significant(x float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 10, 64), 64)
	return rounded
}

// usagePrefixes are what usage types of a region start with. The oldest regions have two: older services none or "EU".
var usagePrefixes = map[string][]string{
	"us-east-1":    {"", "USE1-"},
	"eu-central-1": {"EUC1-"},
	"eu-west-1":    {"EU-", "EUW1-"},
	Global:         {"", "Global-"},
}

type offer struct {
	sku, date string
	usd       float64
}

// find asks for the products of one row.
func find(ctx context.Context, api PriceList, p Price) ([]offer, error) {
	prefixes, ok := usagePrefixes[p.Region]
	if !ok {
		return nil, fmt.Errorf("the usage types of the region are not known: add its prefix to internal/cost/refresh.go")
	}
	var offers []offer
	for _, prefix := range prefixes {
		in := &pricing.GetProductsInput{ServiceCode: aws.String(p.Offer), FormatVersion: aws.String("aws_v1"), Filters: []types.Filter{
			equals("usagetype", prefix+p.UsageType),
		}}
		if field, value, ok := strings.Cut(p.Filter, "="); ok {
			in.Filters = append(in.Filters, equals(field, value))
		}
		for pages := pricing.NewGetProductsPaginator(api, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, text := range page.PriceList {
				o, onDemand, err := parseOffer(text)
				if err != nil {
					return nil, err
				}
				if onDemand {
					offers = append(offers, o)
				}
			}
		}
	}
	return offers, nil
}

func equals(field, value string) types.Filter {
	return types.Filter{Type: types.FilterTypeTermMatch, Field: aws.String(field), Value: aws.String(value)}
}

// parseOffer reads one product. Of graduated prices the first that is not free counts; free tiers are left out.
func parseOffer(text string) (o offer, onDemand bool, err error) {
	var product struct {
		Product struct {
			Sku string `json:"sku"`
		} `json:"product"`
		PublicationDate string `json:"publicationDate"`
		Terms           struct {
			OnDemand map[string]struct {
				PriceDimensions map[string]tier `json:"priceDimensions"`
			}
		} `json:"terms"`
	}
	if err := json.Unmarshal([]byte(text), &product); err != nil {
		return offer{}, false, fmt.Errorf("the answer is no product: %w", err)
	}
	var tiers []tier
	for _, term := range product.Terms.OnDemand {
		for _, t := range term.PriceDimensions {
			if t.usd, err = strconv.ParseFloat(t.PricePerUnit["USD"], 64); err != nil {
				return offer{}, false, fmt.Errorf("product %s has no price in usd: %w", product.Product.Sku, err)
			}
			t.begin, _ = strconv.ParseFloat(t.BeginRange, 64)
			tiers = append(tiers, t)
		}
	}
	slices.SortFunc(tiers, func(a, b tier) int { return cmp.Compare(a.begin, b.begin) })
	date, _, _ := strings.Cut(product.PublicationDate, "T")
	o = offer{sku: product.Product.Sku, date: date}
	for _, t := range tiers {
		if o.usd = t.usd; o.usd > 0 {
			break
		}
	}
	return o, len(tiers) > 0, nil
}

type tier struct {
	BeginRange   string            `json:"beginRange"`
	PricePerUnit map[string]string `json:"pricePerUnit"`
	begin, usd   float64
}

// pick chooses among the products of a row: there must be one price.
func pick(offers []offer) (offer, error) {
	if len(offers) == 0 {
		return offer{}, fmt.Errorf("the Price List answers with no product")
	}
	slices.SortFunc(offers, func(a, b offer) int { return cmp.Compare(a.sku, b.sku) })
	for _, o := range offers[1:] {
		if o.usd != offers[0].usd {
			return offer{}, fmt.Errorf("the Price List answers with several prices: SKU %s costs %s, %s costs %s", offers[0].sku, plain(offers[0].usd), o.sku, plain(o.usd))
		}
	}
	return offers[0], nil
}
