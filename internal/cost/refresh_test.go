package cost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/pricing"

	"github.com/batbern/infrastructure/internal/cost"
)

// product is one product as the Price List API writes it. Tiers are beginRange to price.
func product(sku string, attributes map[string]string, tiers ...string) string {
	dimensions := attrs{}
	for i, tier := range tiers {
		begin, usd, _ := strings.Cut(tier, ":")
		dimensions[fmt.Sprintf("%s.JRTCKXETXF.%d", sku, i)] = attrs{"beginRange": begin, "endRange": "Inf", "unit": "Hrs", "pricePerUnit": attrs{"USD": usd}}
	}
	text, err := json.Marshal(attrs{
		"product": attrs{"sku": sku, "productFamily": "x", "attributes": attributes}, "serviceCode": "x", "version": "20261201000000", "publicationDate": "2026-12-01T08:00:00Z",
		"terms": attrs{"OnDemand": attrs{sku + ".JRTCKXETXF": attrs{"sku": sku, "priceDimensions": dimensions}}},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// priceList answers GetProducts as AWS does: JSON 1.1, filters that all must match, pages.
type priceList struct {
	products map[string][]string // service code to products
	pageSize int
	requests int
}

func (p *priceList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests++
	var in struct {
		ServiceCode, NextToken string
		Filters                []struct{ Type, Field, Value string }
	}
	if r.Header.Get("X-Amz-Target") != "AWSPriceListService.GetProducts" || json.NewDecoder(r.Body).Decode(&in) != nil {
		http.Error(w, `{"__type":"InvalidParameterException"}`, http.StatusBadRequest)
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"not signed"}`)
		return
	}
	var found []string
	for _, text := range p.products[in.ServiceCode] {
		var of struct {
			Product struct{ Attributes map[string]string }
		}
		_ = json.Unmarshal([]byte(text), &of)
		if !slices.ContainsFunc(in.Filters, func(f struct{ Type, Field, Value string }) bool {
			return f.Type != "TERM_MATCH" || of.Product.Attributes[f.Field] != f.Value
		}) {
			found = append(found, text)
		}
	}
	start := 0
	fmt.Sscan(in.NextToken, &start)
	end := min(start+p.pageSize, len(found))
	out := attrs{"FormatVersion": "aws_v1", "PriceList": found[start:end]}
	if end < len(found) {
		out["NextToken"] = fmt.Sprint(end)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

func client(t *testing.T, handler http.Handler) *pricing.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return pricing.New(pricing.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", "")})
}

func smallSheet(t *testing.T) *cost.Sheet {
	t.Helper()
	header, _, _ := strings.Cut(checkedIn, "\n")
	s, err := cost.ReadSheet(strings.NewReader(strings.Join([]string{header,
		"nat.hour,eu-central-1,hour,0.052,high,OLD,somewhere,2025-01-01,AmazonEC2,NatGateway-Hours,operation=NatGateway,1,partial hours count",
		"lambda.requests,eu-central-1,1M requests,0.3,assumption,,no firm source,2025-01-01,AWSLambda,Request-ARM,,1000000,guessed",
		"alb.hour,us-east-1,hour,0.02,medium,,somewhere,2025-01-01,AWSELB,LoadBalancerUsage,operation=LoadBalancing:Application,1,",
		"kms.key,eu-central-1,key-month,1,high,,somewhere,2025-01-01,awskms,KMS-Keys,,1,",
		"s3.put,eu-central-1,1k requests,0.0054,high,,somewhere,2025-01-01,AmazonS3,Requests-Tier1,,1000,",
		"xray.traces,global,1M traces,5,assumption,,prose,2025-01-01,,,,,prose",
		""}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRefresh(t *testing.T) {
	list := &priceList{pageSize: 1, products: map[string][]string{
		"AmazonEC2": {
			product("NAT", map[string]string{"usagetype": "EUC1-NatGateway-Hours", "operation": "NatGateway"}, "0:0.0520000000"),
			product("OTHER", map[string]string{"usagetype": "EUC1-NatGateway-Hours", "operation": "RegionalNatGateway"}, "0:0.9"),
		},
		"AWSLambda": {product("FN", map[string]string{"usagetype": "EUC1-Request-ARM"}, "1000000:0.0000002000", "0:0.0000000000")}, // a free tier first
		"AWSELB":    {product("LB", map[string]string{"usagetype": "LoadBalancerUsage", "operation": "LoadBalancing:Application"}, "0:0.0225")},
		"AmazonS3": {
			product("P1", map[string]string{"usagetype": "EUC1-Requests-Tier1"}, "0:0.0000054"),
			product("P2", map[string]string{"usagetype": "EUC1-Requests-Tier1"}, "0:0.0000099"),
		},
	}}
	s := smallSheet(t)
	done, err := s.Refresh(context.Background(), client(t, list))
	if err != nil {
		t.Fatal(err)
	}
	want := []cost.Change{{Key: "lambda.requests", Region: "eu-central-1", Old: 0.3, New: 0.2}, {Key: "alb.hour", Region: "us-east-1", Old: 0.02, New: 0.0225}}
	if !slices.Equal(done.Changed, want) || done.Confirmed != 1 || len(done.Kept) != 3 {
		t.Errorf("refresh did %+v", done)
	}
	for _, part := range []string{"kms.key in eu-central-1: the Price List answers with no product", "SKU P1 costs 0.0000054, P2 costs 0.0000099", "xray.traces in global: the Price List has no such price"} {
		if !strings.Contains(strings.Join(done.Kept, "\n"), part) {
			t.Errorf("kept %q does not say %q", done.Kept, part)
		}
	}
	for _, c := range []struct {
		key, region string
		usd         float64
		sku, source string
		date, note  string
		confidence  cost.Confidence
	}{
		{"nat.hour", "eu-central-1", 0.052, "NAT", cost.PriceListSource, "2026-12-01", "partial hours count", cost.High},
		{"lambda.requests", "eu-central-1", 0.2, "FN", cost.PriceListSource, "2026-12-01", "", cost.High},
		{"alb.hour", "us-east-1", 0.0225, "LB", cost.PriceListSource, "2026-12-01", "", cost.High},
		{"kms.key", "eu-central-1", 1, "", "somewhere", "2025-01-01", "", cost.High},
		{"s3.put", "eu-central-1", 0.0054, "", "somewhere", "2025-01-01", "", cost.High},
		{"xray.traces", "global", 5, "", "prose", "2025-01-01", "prose", cost.Assumption},
	} {
		p, err := s.Price(c.key, c.region)
		if err != nil || p.Usd != c.usd || p.Sku != c.sku || p.Source != c.source || p.SourceDate != c.date || p.Note != c.note || p.Confidence != c.confidence {
			t.Errorf("%s is %+v, %v, want %+v", c.key, p, err, c)
		}
	}
}

func TestRefreshFaultsLeaveTheSheet(t *testing.T) {
	for name, handler := range map[string]http.Handler{
		"refused": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"not authorized to perform pricing:GetProducts"}`)
		}),
		"nonsense": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"PriceList":["no product"]}`)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			s := smallSheet(t)
			before := slices.Clone(s.Prices)
			_, err := s.Refresh(context.Background(), client(t, handler))
			if err == nil || !strings.Contains(err.Error(), "nat.hour in eu-central-1") {
				t.Errorf("error is %v, want one that names the price", err)
			}
			if !slices.Equal(before, s.Prices) {
				t.Error("the sheet changed though the refresh failed")
			}
		})
	}
}

func TestEveryRegionOfTheSheetCanBeRefreshed(t *testing.T) {
	s := sheet(t)
	done, err := s.Refresh(context.Background(), client(t, &priceList{pageSize: 100}))
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Kept) != len(s.Prices) || len(done.Changed) != 0 {
		t.Errorf("an empty Price List changes %d and keeps %d of %d", len(done.Changed), len(done.Kept), len(s.Prices))
	}
}
