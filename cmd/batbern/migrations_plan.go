package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/internal/migrationlint"
	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/migrations"
)

// PlanMigrationsCmd shows what a deployment would apply.
type PlanMigrationsCmd struct {
	jsonFlag
	Env      environmentName `help:"The environment whose history is read, by a task of its deployed image." placeholder:"ENV" completion-predictor:"environment" xor:"source" required:""`
	Database string          `help:"Read history and table sizes from this database instead: a name of a variable that holds its address, such as DATABASE_URL." placeholder:"VARIABLE" xor:"source" required:""`
	Dir      []string        `help:"Folders of migrations, as for lint: this project's, and those of services." default:"migrations" placeholder:"DIR"`
	Wait     time.Duration   `help:"How long to wait for the task." default:"10m" placeholder:"TIME"`
}

// pendingMigration is one line of the plan.
type pendingMigration struct {
	File  string   `json:"file"`
	Risks []string `json:"risks"`
}

// Run reads what has been applied, compares it with the folders, and prints what is pending in the order of its
// application, with the warnings about each file. It changes nothing. A fault of a pending file fails the command.
func (c *PlanMigrationsCmd) Run(ctx context.Context, std streams) error {
	target := migrations.Target()
	folders := make([]migrationFolder, 0, len(c.Dir))
	for _, dir := range c.Dir {
		folder, err := openMigrations(dir, "")
		if err != nil {
			return err
		}
		folders = append(folders, folder)
	}
	var applied map[string][]string
	var err error
	if c.Database != "" {
		applied, target.Sizes, err = readDatabase(ctx, c.Database, append([]string{migrations.Baseline, migrations.SharedSchema}, target.Schemas...))
	} else {
		applied, err = c.readHistories(ctx, std)
	}
	if err != nil {
		return err
	}

	plan := []pendingMigration{} // printed as [] where nothing is pending
	failed := 0
	for _, folder := range folders {
		_, findings, err := folder.lint(target)
		if err != nil {
			return err
		}
		failed += len(migrationlint.Faults(findings))
		files, err := migrationlint.Order(folder.files)
		if err != nil {
			return err
		}
		for _, file := range files {
			location, script, _ := strings.Cut(file, "/")
			if slices.Contains(applied[location], script) {
				continue
			}
			pending := pendingMigration{File: file, Risks: []string{}}
			for _, finding := range findings {
				if finding.Path == file {
					pending.Risks = append(pending.Risks, strings.TrimPrefix(finding.String(), file+":"))
				}
			}
			plan = append(plan, pending)
		}
	}
	slices.SortStableFunc(plan, func(a, b pendingMigration) int { return migrationlint.CompareLocations(a.File, b.File, target) })
	if err := c.print(std.Out, plan, func() error { return printPlan(std, plan) }); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d faults: this would not be applied as it is; see batbern migrations lint", failed)
	}
	return nil
}

func printPlan(std streams, plan []pendingMigration) error {
	if len(plan) == 0 {
		_, err := fmt.Fprintln(std.Out, "Nothing is pending.")
		return err
	}
	fmt.Fprintf(std.Out, "%d pending, in this order (repeatable files also run again when they have changed):\n", len(plan))
	for i, pending := range plan {
		fmt.Fprintf(std.Out, "%3d. %s\n", i+1, pending.File)
		for _, risk := range pending.Risks {
			fmt.Fprintf(std.Out, "     line %s\n", strings.TrimSpace(risk))
		}
	}
	return nil
}

// readHistories runs the deployed image's "plan" in a task and returns the scripts that each location has applied.
func (c *PlanMigrationsCmd) readHistories(ctx context.Context, std streams) (map[string][]string, error) {
	run, err := prepareMigration(ctx, c.Env, "")
	if err != nil {
		return nil, err
	}
	run.request.Command = []string{"plan"}
	run.runner.Once = time.Now().UTC().Format(time.RFC3339Nano)
	var printed []string
	run.runner.Progress = func(line string) { printed = append(printed, line) }
	run.runner.Log = progressLog(std.Err)
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	if _, err := run.runner.Run(ctx, run.request); err != nil {
		return nil, err
	}
	return parseHistories(printed)
}

// parseHistories reads what "migrate.sh plan" prints: per location a line "plan SCHEMA", then Flyway's JSON.
func parseHistories(lines []string) (map[string][]string, error) {
	applied := map[string][]string{}
	for i := 0; i < len(lines); i++ {
		location, found := strings.CutPrefix(lines[i], "plan ")
		if !found {
			continue
		}
		var document strings.Builder
		for i+1 < len(lines) && !strings.HasPrefix(lines[i+1], "plan ") {
			i++
			if document.Len() > 0 || strings.HasPrefix(strings.TrimSpace(lines[i]), "{") {
				document.WriteString(lines[i] + "\n")
			}
		}
		var info struct {
			Migrations []struct{ State, Filepath, RawVersion string }
		}
		if err := json.NewDecoder(strings.NewReader(document.String())).Decode(&info); err != nil {
			return nil, fmt.Errorf("the task's answer for %s is not Flyway's JSON: %w; see its log, and the version of the deployed image", location, err)
		}
		applied[location] = []string{}
		for _, migration := range info.Migrations {
			_, script, inside := strings.Cut(migration.Filepath, "/sql/"+location+"/")
			if inside && (migration.State == "Success" || migration.State == "Out of Order") {
				applied[location] = append(applied[location], script)
			}
		}
	}
	if len(applied) == 0 {
		return nil, fmt.Errorf("the task printed no history; deploy once with an image that knows the command \"plan\"")
	}
	return applied, nil
}

// readDatabase returns the scripts that each location has applied, and the sizes of all tables.
func readDatabase(ctx context.Context, variable string, locations []string) (map[string][]string, map[string]int64, error) {
	address := os.Getenv(variable)
	if address == "" {
		return nil, nil, usageError{fmt.Errorf("the variable %s is empty; set it to postgres://USER:PASSWORD@HOST:PORT/DATABASE", variable)}
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the database of %s: %w", variable, err)
	}
	defer conn.Close(context.Background())

	sizes := map[string]int64{}
	rows, err := conn.Query(ctx, `SELECT relnamespace::regnamespace || '.' || relname, pg_total_relation_size(oid)
		FROM pg_class WHERE relkind IN ('r', 'm', 'p')`)
	if err != nil {
		return nil, nil, fmt.Errorf("read the tables' sizes: %w", err)
	}
	var name string
	var bytes int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &bytes}, func() error { sizes[name] = bytes; return nil }); err != nil {
		return nil, nil, fmt.Errorf("read the tables' sizes: %w", err)
	}
	applied := map[string][]string{}
	for _, location := range locations {
		table := pgx.Identifier{location, "flyway_schema_history"}
		if _, exists := sizes[location+".flyway_schema_history"]; !exists {
			continue // nothing has been applied yet
		}
		rows, err := conn.Query(ctx, "SELECT script FROM "+table.Sanitize()+" WHERE success")
		if err != nil {
			return nil, nil, fmt.Errorf("read the history of %s: %w", location, err)
		}
		if applied[location], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, nil, fmt.Errorf("read the history of %s: %w", location, err)
		}
	}
	return applied, sizes, nil
}

// repairRequest is the request that removes the failed rows of a location's history.
func repairRequest(request event.Migration, location string) event.Migration {
	request.Command = []string{"repair", location}
	return request
}
