package cost

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/tree"
)

// Line is one thing that a resource is billed for.
type Line struct {
	Environment  string  `json:"environment"`
	Concern      string  `json:"concern"`  // the construct's folder
	Resource     string  `json:"resource"` // the construct's path below the stack
	Address      string  `json:"address"`  // Terraform's
	Type         string  `json:"type"`
	Item         string  `json:"item"` // "NAT gateway", "data processed"
	Quantity     float64 `json:"quantity"`
	Basis        string  `json:"basis"`        // how the quantity came about
	AssumedUsage bool    `json:"assumedUsage"` // the quantity is an assumption of the configuration
	Price        Price   `json:"price"`
	Usd          float64 `json:"usd"`
}

// Estimate is the monthly cost of one environment.
type Estimate struct {
	Environment string             `json:"environment"`
	Stack       string             `json:"stack"`
	Lines       []Line             `json:"lines"`
	Free        map[string]string  `json:"free"` // resource type that costs nothing, and why
	BudgetUsd   float64            `json:"budgetUsd"`
	Hours       map[string]float64 `json:"hours"` // what runs how long a month
}

// Of estimates one stack. It fails, naming every fault, where a resource type is not classified, a price is missing or
// a billed attribute is known only to Terraform.
func Of(stack *tree.Stack, cost config.Cost, sheet *Sheet) (Estimate, error) {
	env := stack.Environment()
	e := Estimate{Environment: env, Stack: stack.Name, BudgetUsd: cost.MonthlyBudgetUsd, Free: map[string]string{}, Hours: map[string]float64{
		"always on": cost.Assumptions.HoursPerMonth,
		"tasks":     cost.Assumptions.TaskHoursPerMonth,
		"database":  cost.Assumptions.DatabaseHoursPerMonth,
	}}
	var faults []error
	for _, r := range stack.Resources {
		if reason, ok := freeTypes[r.Type]; ok {
			e.Free[r.Type] = reason
			continue
		}
		price, ok := pricers[r.Type]
		if !ok {
			faults = append(faults, fmt.Errorf("%s (%s): resource type %s is neither priced nor known to be free: classify it in internal/cost", r.Address(), r.Path, r.Type))
			continue
		}
		m := &meter{Resource: r, stack: stack, assume: cost.Assumptions, sheet: sheet, environment: env}
		price(m)
		e.Lines = append(e.Lines, m.lines...)
		faults = append(faults, m.faults...)
	}
	slices.SortStableFunc(e.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Concern, b.Concern), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Address, b.Address))
	})
	return e, errors.Join(faults...)
}

// All estimates every stack of a tree, in its order, each with the cost configuration of its environment.
func All(tree *tree.Tree, costOf func(environment string) (config.Cost, error), sheet *Sheet) ([]Estimate, error) {
	var all []Estimate
	var faults []error
	for _, stack := range tree.Stacks {
		cost, err := costOf(stack.Environment())
		if err != nil {
			faults = append(faults, fmt.Errorf("stack %s: %w", stack.Name, err))
			continue
		}
		e, err := Of(stack, cost, sheet)
		if err != nil {
			faults = append(faults, err)
		}
		all = append(all, e)
	}
	return all, errors.Join(faults...)
}

// Total is the sum of all lines.
func (e Estimate) Total() float64 { return e.sum(func(Line) bool { return true }) }

// Concern is the sum of one concern's lines.
func (e Estimate) Concern(concern string) float64 {
	return e.sum(func(l Line) bool { return l.Concern == concern })
}

// OnAssumedPrices is how much of the total rests on prices without a firm source.
func (e Estimate) OnAssumedPrices() float64 {
	return e.sum(func(l Line) bool { return l.Price.Confidence == Assumption })
}

// OnAssumedUsage is how much of the total rests on quantities that the configuration assumes.
func (e Estimate) OnAssumedUsage() float64 { return e.sum(func(l Line) bool { return l.AssumedUsage }) }

func (e Estimate) sum(of func(Line) bool) float64 {
	var total float64
	for _, l := range e.Lines {
		if of(l) {
			total += l.Usd
		}
	}
	return total
}

// CheckBudget fails where the estimate is above the environment's budget. It names the three dearest concerns, since
// they are where a remedy will be found.
func (e Estimate) CheckBudget() error {
	if e.BudgetUsd <= 0 {
		return fmt.Errorf("%s: MonthlyBudgetUsd is %v, must be above 0: set it in config/cost.go", e.Environment, e.BudgetUsd)
	}
	if e.Total() <= e.BudgetUsd {
		return nil
	}
	concerns := e.Concerns()
	sort.SliceStable(concerns, func(i, j int) bool { return e.Concern(concerns[i]) > e.Concern(concerns[j]) })
	var dearest []string
	for _, c := range concerns[:min(3, len(concerns))] {
		dearest = append(dearest, fmt.Sprintf("%s %.2f", c, e.Concern(c)))
	}
	return fmt.Errorf("%s: estimated %.2f usd a month, budget %.2f: make it smaller (dearest: %s) or raise MonthlyBudgetUsd in config",
		e.Environment, e.Total(), e.BudgetUsd, strings.Join(dearest, ", "))
}

// Concerns are the concerns that cost something, by name.
func (e Estimate) Concerns() []string {
	var names []string
	for _, l := range e.Lines {
		if !slices.Contains(names, l.Concern) {
			names = append(names, l.Concern)
		}
	}
	sort.Strings(names)
	return names
}

// meter prices one resource: it collects the lines and the faults.
type meter struct {
	*tree.Resource
	stack       *tree.Stack
	assume      config.Assumptions
	sheet       *Sheet
	environment string
	lines       []Line
	faults      []error
}

// quantity is how much of something is used, and why so much.
type quantity struct {
	n       float64
	basis   string
	assumed bool
}

// stated is a quantity that follows from the resource.
func stated(n float64, basis string) quantity { return quantity{n: n, basis: basis} }

// assumed is a quantity of the configuration's Assumptions.
func assumed(n float64, basis string) quantity { return quantity{n: n, basis: basis, assumed: true} }

// hours are those of count things that are never stopped.
func (m *meter) hours(count float64, what string) quantity {
	return stated(count*m.assume.HoursPerMonth, fmt.Sprintf("%s × %s h", times(count, what), plain(m.assume.HoursPerMonth)))
}

// one is a thing that is billed by the month.
func one(what string) quantity { return stated(1, "1 "+what) }

// times writes a count of things: "1 task", "2.5 tasks".
func times(count float64, what string) string {
	if count != 1 {
		what += "s"
	}
	return short(count) + " " + what
}

// add bills a quantity in the resource's own region.
func (m *meter) add(item, key string, q quantity) { m.addIn(m.Region(), item, key, q) }

// addIn bills a quantity in another region, such as that of a replica.
func (m *meter) addIn(region, item, key string, q quantity) {
	price, err := m.sheet.Price(key, region)
	if err != nil {
		m.fault("%s: %w", m.Address(), err)
		return
	}
	n := q.n * m.Instances
	m.lines = append(m.lines, Line{
		Environment: m.environment, Concern: m.Concern(), Resource: m.Label(), Address: m.Address(), Type: m.Type,
		Item: item, Quantity: n, Basis: q.basis, AssumedUsage: q.assumed, Price: price, Usd: n * price.Usd,
	})
}

func (m *meter) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Errorf(format, args...))
}

// number reads a billed attribute; one that is known only to Terraform is a fault.
func (m *meter) number(path string, otherwise float64) float64 {
	return m.numberOf(m.Resource, path, otherwise)
}

func (m *meter) numberOf(r *tree.Resource, path string, otherwise float64) float64 {
	n, err := r.Number(path, otherwise)
	if err != nil {
		m.faults = append(m.faults, err)
	}
	return n
}

// first returns the first resource that an attribute refers to and that has the type, nil where there is none.
func first(r *tree.Resource, attribute, typ string) *tree.Resource {
	for _, to := range r.Refers(attribute) {
		if to.Type == typ {
			return to
		}
	}
	return nil
}

// isFirstOf says whether the resource is the stack's first of the types, so that what is billed once is billed once.
func (m *meter) isFirstOf(prefix string) bool {
	for _, r := range m.stack.Resources {
		if strings.HasPrefix(r.Type, prefix) {
			return r == m.Resource
		}
	}
	return false
}
