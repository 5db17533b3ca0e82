package main

// CostCmd groups the cost commands.
type CostCmd struct {
	Estimate EstimateCmd `cmd:"" default:"withargs" help:"Estimate what the stacks cost a month (the default command)."`
	Refresh  RefreshCmd  `cmd:"" help:"Read the prices again from the AWS Price List API."`
}
