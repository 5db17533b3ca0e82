package migrationlint

import (
	"fmt"
	"strings"
)

// scriptConfig is a file's own configuration: <file>.sql.conf beside it.
// https://documentation.red-gate.com/flyway/reference/script-configuration
type scriptConfig struct {
	executeInTransaction *bool // nil: Flyway decides by the statements
	placeholders         bool  // placeholderReplacement, which flyway.env turns off
}

// parseConfig reads a script configuration and returns its faults.
func parseConfig(content string) (config scriptConfig, faults []Finding) {
	for number, line := range strings.Split(content, "\n") {
		found := func(format string, args ...any) {
			faults = append(faults, Finding{Line: number + 1, Message: fmt.Sprintf(format, args...)})
		}
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		isTrue := strings.EqualFold(value, "true")
		switch key {
		case "executeInTransaction", "placeholderReplacement":
			if !isTrue && !strings.EqualFold(value, "false") {
				found("%s is %q; true and false are allowed", key, value)
				continue
			}
			if key == "executeInTransaction" {
				config.executeInTransaction = &isTrue
			} else {
				config.placeholders = isTrue
			}
		case "encoding":
			if !strings.EqualFold(value, "UTF-8") {
				found("encoding is %q; only UTF-8 is allowed: save the file as UTF-8 and remove the setting", value)
			}
		case "shouldExecute":
			found("shouldExecute is refused by Flyway's open-source edition; remove it: every environment applies the same files")
		default:
			found("has the unknown setting %q; executeInTransaction and placeholderReplacement are allowed", key)
		}
	}
	return config, faults
}
