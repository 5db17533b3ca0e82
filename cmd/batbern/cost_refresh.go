package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/pricing"

	"github.com/batbern/infrastructure/internal/cost"
)

// RefreshCmd rewrites the price sheet. It needs the permission pricing:GetProducts and changes nothing in AWS.
type RefreshCmd struct {
	jsonFlag
	Sheet string `help:"Price sheet to rewrite." default:"internal/cost/prices.csv" placeholder:"FILE"`
}

// Run reads each price again and says what changed.
func (c *RefreshCmd) Run(ctx context.Context, std streams) error {
	text, err := os.ReadFile(c.Sheet)
	if err != nil {
		return fmt.Errorf("read the price sheet: %w", err)
	}
	sheet, err := cost.ReadSheet(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Sheet, err)
	}
	aws, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion("us-east-1")) // where the Price List answers
	if err != nil {
		return fmt.Errorf("find AWS credentials: %w", err)
	}
	done, err := sheet.Refresh(ctx, pricing.NewFromConfig(aws))
	if err != nil {
		return err
	}
	var fresh bytes.Buffer
	if err := sheet.Write(&fresh); err != nil {
		return err
	}
	if err := writeFile(c.Sheet, fresh.Bytes()); err != nil {
		return fmt.Errorf("write the price sheet: %w", err)
	}
	return c.print(std.Out, done, func() error { return printRefreshed(std.Out, done) })
}

func printRefreshed(out io.Writer, done cost.Refreshed) error {
	for _, change := range done.Changed {
		fmt.Fprintf(out, "changed  %s in %s: %v, was %v\n", change.Key, change.Region, change.New, change.Old)
	}
	for _, kept := range done.Kept {
		fmt.Fprintf(out, "kept     %s\n", kept)
	}
	_, err := fmt.Fprintf(out, "%d prices changed, %d confirmed, %d kept\n", len(done.Changed), done.Confirmed, len(done.Kept))
	return err
}
