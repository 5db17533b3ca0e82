package cost

import (
	"cmp"
	"slices"
)

// Delta is what a change does to one thing that is billed.
type Delta struct {
	Environment string  `json:"environment"`
	Concern     string  `json:"concern"`
	Resource    string  `json:"resource"`
	Address     string  `json:"address"`
	Item        string  `json:"item"`
	Before      float64 `json:"before"` // usd a month, 0 where it was not there
	After       float64 `json:"after"`  // usd a month, 0 where it is gone
}

// Change is what the month gets dearer by.
func (d Delta) Change() float64 { return d.After - d.Before }

// unseen is the difference below which two sums print alike.
const unseen = 0.005

// Difference compares two trees line by line. What costs the same on both sides is left out; the dearest changes of
// each environment come first. A moved resource shows as removed and added, as it does in a plan.
func Difference(before, after []Estimate) []Delta {
	deltas := map[[3]string]*Delta{}
	collect := func(estimates []Estimate, add func(*Delta, float64)) {
		for _, e := range estimates {
			for _, l := range e.Lines {
				at := [3]string{l.Environment, l.Address, l.Item}
				if deltas[at] == nil {
					deltas[at] = &Delta{Environment: l.Environment, Concern: l.Concern, Resource: l.Resource, Address: l.Address, Item: l.Item}
				}
				add(deltas[at], l.Usd)
			}
		}
	}
	collect(before, func(d *Delta, usd float64) { d.Before += usd })
	collect(after, func(d *Delta, usd float64) { d.After += usd })
	rank := func(environment string) int {
		return slices.IndexFunc(append(slices.Clone(after), before...), func(e Estimate) bool { return e.Environment == environment })
	}
	var changed []Delta
	for _, d := range deltas {
		if abs(d.Change()) >= unseen {
			changed = append(changed, *d)
		}
	}
	slices.SortFunc(changed, func(a, b Delta) int {
		return cmp.Or(cmp.Compare(rank(a.Environment), rank(b.Environment)), cmp.Compare(abs(b.Change()), abs(a.Change())),
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Item, b.Item))
	})
	return changed
}

func abs(x float64) float64 { return max(x, -x) }
