package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checkTexts refuses, in every text of a part, what would be a template of Terraform's, what holds a credential, and
// characters that no AWS API accepts in a name or description. Records of the live domain are escaped instead: SPF
// macros are templates too.
func checkTexts(at path, value reflect.Value, remedy string, report *Faults) {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() {
			checkTexts(at, value.Elem(), remedy, report)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if field := value.Type().Field(i); field.IsExported() && field.Name != "Existing" {
				checkTexts(at.field(field.Name), value.Field(i), remedy, report)
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			name := entryName(value.Index(i))
			if name == "" {
				name = strconv.Itoa(i)
			}
			checkTexts(at.key(name), value.Index(i), remedy, report)
		}
	case reflect.Map:
		keys := value.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			checkTexts(at.key(key.String()), value.MapIndex(key), remedy, report)
		}
	case reflect.String:
		checkText(at, value.String(), remedy, report)
	}
}

func checkText(at path, text, remedy string, report *Faults) {
	switch {
	case credential.MatchString(text):
		report.add(at, "a value", "nothing secret: it would stand in the state and in every plan",
			"put the credential into Secrets Manager, and name it among a service's Secrets")
	case strings.Contains(text, "${") || strings.Contains(text, "%{"):
		report.add(at, text, "a text without ${ and %{", "write the value itself: Terraform would read this as a template; "+remedy)
	case unprintable.MatchString(text):
		report.add(at, text, "printable characters", "remove line breaks and control characters; "+remedy)
	}
}

var (
	// credential finds what is secret by its form: a password in a URL, access keys of AWS, tokens of GitHub, Slack and
	// OpenID Connect, private keys, and assignments of passwords.
	credential = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@` +
		`|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_|\bxox[abeoprs]-|\bsk_(?:live|test)_` +
		`|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[A-Za-z0-9_-]{10,}\.eyJ|(?i)\b(?:password|passwd|pwd|secret|token)\s*=\s*\S`)
	unprintable = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

// environmentsApart refuses two environments in one account or with names of each other's.
func environmentsApart(base Base, environments []Environment, report *Faults) {
	accounts := map[string]string{base.Account.ID: string(BaseName)}
	for i, one := range environments {
		at := path(one.Name)
		if owner, taken := accounts[one.Account.ID]; taken {
			report.add(at.field("Account.ID"), one.Account.ID, "an account of its own, not that of "+owner,
				"give each stack its account: it is the boundary that keeps environments apart")
		}
		accounts[one.Account.ID] = string(one.Name)
		for _, other := range environments[:i] {
			switch {
			case one.Domains.Root == other.Domains.Root:
				report.add(at.field("Domains.Root"), one.Domains.Root, fmt.Sprintf("a name of its own, not that of %s", other.Name), "choose another name")
			case other.Domains.owns(one.Domains.Root):
				report.add(at.field("Domains.Root"), one.Domains.Root,
					fmt.Sprintf("a name apart from those of %s (%s)", other.Name, other.Domains.Root), "choose another name: each has a zone of its own")
			case one.Domains.owns(other.Domains.Root):
				report.add(path(other.Name).field("Domains.Root"), other.Domains.Root,
					fmt.Sprintf("a name apart from those of %s (%s)", one.Name, one.Domains.Root), "choose another name: each has a zone of its own")
			}
		}
	}
}

// checkDeployments refuses deployments of one name, and names outside the zone: each name below the apex has a zone.
func (b Base) checkDeployments(report *Faults) {
	names, roots := map[Name]bool{}, map[string]bool{}
	for _, deployment := range b.Deployments {
		at, root := path("base.Deployments").key(string(deployment.Environment)), deployment.Domains.Root
		switch {
		case names[deployment.Environment]:
			report.add(at.field("Environment"), string(deployment.Environment), "each environment once", "remove one of the two")
		case roots[root]:
			report.add(at.field("Domains.Root"), root, "a name of its own", "another deployment has it: choose another name")
		case root != b.Zone && !strings.HasSuffix(root, "."+b.Zone):
			report.add(at.field("Domains.Root"), root, "the zone "+b.Zone+" or a name below it", "change one of the two")
		}
		names[deployment.Environment], roots[root] = true, true
	}
}

// checkNames refuses names that become one: the alarm addresses' resources, redirects that CloudFront compares without
// letter case, selectors of DKIM.
func (e Environment) checkNames(at path, report *Faults) {
	collide(at.field("AlarmEmails"), e.AlarmEmails, addressName, "addresses that differ in letters and digits", report)
	var from []string
	for _, redirect := range e.Edge.Redirects {
		from = append(from, redirect.From)
	}
	collide(at.field("Edge.Redirects"), from, func(text string) string { return strings.TrimSuffix(strings.ToLower(text), "/") },
		"paths that differ in more than letter case and the slash at their end", report)
	for _, service := range e.Services {
		if user := service.DatabaseUser; isReservedUser(user) {
			report.add(at.field("Services").key(service.Name).field("DatabaseUser"), user,
				"no name that PostgreSQL, RDS or these stacks reserve: postgres, public, rds..., batbern_...", fmt.Sprintf("name it %s_service", service.Schema()))
		}
		if slices.Contains(reservedSchemas, service.Schema()) {
			report.add(at.field("Services").key(service.Name).field("Name"), service.Name,
				"a name whose schema PostgreSQL does not reserve: not "+strings.Join(reservedSchemas, ", "), "choose another")
		}
	}
}

// addressName is what an address is called in Terraform: letters and digits in small letters, everything else a "_".
func addressName(address string) string {
	return regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(address), "_")
}

func collide(at path, texts []string, normal func(string) string, allowed string, report *Faults) {
	first := map[string]string{}
	for _, text := range texts {
		if other, taken := first[normal(text)]; taken && other != text {
			report.add(at.key(text), text, allowed, fmt.Sprintf("%q counts as the same: remove one of the two", other))
			continue
		}
		first[normal(text)] = text
	}
}

// reservedSchemas are schemas that every PostgreSQL database has, as services' names write them.
var reservedSchemas = []string{"public", "information_schema"}

// isReservedUser says whether a login of that name exists already, or could not be made.
// https://www.postgresql.org/docs/15/sql-createrole.html and
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html
func isReservedUser(name string) bool {
	return slices.Contains([]string{"postgres", "public", "none", "user", "current_user", "session_user", "current_role", "template0", "template1", "root", "admin", DatabaseName}, name) ||
		strings.HasPrefix(name, "rds") || strings.HasPrefix(name, DatabaseName+"_")
}

// routesReached refuses a pattern that leaves another service's route nothing, because its number is lower.
func (e Environment) routesReached(at path, report *Faults) {
	taken := map[int]int{}
	for _, service := range e.Services {
		for _, route := range service.Routes {
			taken[route.Priority]++
		}
	}
	for _, service := range e.Services {
		for _, route := range service.Routes {
			if taken[route.Priority] > 1 {
				continue // the number is told, and which comes first is open
			}
			for _, pattern := range route.Paths {
				if hidden := e.hiddenBy(service.Name, route.Priority, pattern); len(hidden) > 0 {
					report.add(at.field("Services").key(service.Name).field("Routes").key(strconv.Itoa(route.Priority)).field("Paths"), pattern,
						"a pattern that leaves something to the routes of higher numbers",
						"it hides "+strings.Join(hidden, ", ")+": narrow it, or give the route a higher number")
				}
			}
		}
	}
}

// hiddenBy are the services that have a path which the pattern covers entirely at a higher number.
func (e Environment) hiddenBy(service string, priority int, pattern string) []string {
	if !strings.ContainsAny(pattern, "*?") {
		return nil // it covers itself alone, which routesApart tells
	}
	matches, hidden := matcher(pattern), []string(nil)
	for _, other := range e.Services {
		if other.Name == service {
			continue
		}
		covered := slices.ContainsFunc(other.Routes, func(route Route) bool {
			return route.Priority > priority && route.Priority <= highestPriority && slices.ContainsFunc(route.Paths, func(path string) bool {
				return path != pattern && covers(matches, path)
			})
		})
		if covered {
			hidden = append(hidden, other.Name)
		}
	}
	return hidden
}

// covers says whether a matcher accepts every path that the pattern stands for. Its wildcards are tried as nothing and as
// characters that no pattern names.
func covers(matches *regexp.Regexp, other string) bool {
	const unnamed = "\u2042"
	empty := strings.NewReplacer("*", "", "?", unnamed).Replace(other)
	long := strings.NewReplacer("*", unnamed+"/"+unnamed, "?", unnamed).Replace(other)
	return matches.MatchString(empty) && matches.MatchString(long)
}

// cronFields are the fields of a schedule, with the numbers and the names that each may hold.
var cronFields = []struct {
	name        string
	least, most int
	names       []string
}{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{"day of the week", 1, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

var cronItem = regexp.MustCompile(`^(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]+))?$`)

// cronFault says what a cron expression has that no calendar has, or "". The expression has the form of cronExpression.
func cronFault(expression string) string {
	fields := strings.Fields(expression)
	for i, field := range cronFields {
		for _, item := range strings.Split(fields[i], ",") {
			if item == "?" || strings.ContainsAny(item, "L#") || strings.HasSuffix(item, "W") {
				continue // the last day, the third Friday, the nearest weekday
			}
			match := cronItem.FindStringSubmatch(item)
			if match == nil {
				return fmt.Sprintf("%q is no %s", item, field.name)
			}
			for _, text := range match[1:3] {
				number, err := strconv.Atoi(text)
				if slices.Contains(field.names, text) || text == "" || text == "*" {
					continue
				}
				if err != nil || number < field.least || number > field.most {
					return fmt.Sprintf("%q is no %s", text, field.name)
				}
			}
		}
	}
	return dateFault(fields[2], fields[3])
}

// dateFault says whether a day of the month is in none of the months.
func dateFault(days, months string) string {
	longestMonth := 0
	for _, month := range strings.Split(months, ",") {
		number, err := strconv.Atoi(month)
		if err != nil {
			number = slices.Index(cronFields[3].names, month) + 1
		}
		if number == 0 {
			return "" // a range or every month: some of them has 31 days
		}
		longestMonth = max(longestMonth, []int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[number-1])
	}
	for _, day := range strings.Split(days, ",") {
		if number, err := strconv.Atoi(day); err == nil && number > longestMonth {
			return fmt.Sprintf("the month %s has no day %d", months, number)
		}
	}
	return ""
}

// leastStorageDays is how long S3 charges for an object in a class at least.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
var leastStorageDays = map[StorageClass]int{InfrequentAccess: 30, GlacierInstant: 90, Glacier: 90, DeepArchive: 180}

// checkWorth refuses a transition after which objects are deleted before the class has been paid for.
func (l Lifecycle) checkWorth(at path, report *Faults) {
	if len(l.Transitions) == 0 || l.ExpirationDays == 0 {
		return
	}
	last := l.Transitions[len(l.Transitions)-1]
	if least := last.AfterDays + leastStorageDays[last.Class]; l.ExpirationDays > last.AfterDays && l.ExpirationDays < least {
		report.add(at.field("ExpirationDays"), l.ExpirationDays, fmt.Sprintf("%d or more, or 0", least),
			fmt.Sprintf("S3 charges for %d days in %s: keep objects longer, or remove that transition", leastStorageDays[last.Class], last.Class))
	}
}

// checkIgnored refuses values that nothing reads, because what they belong to is switched off.
func (e Environment) checkIgnored(at path, report *Faults) {
	if wall := e.Edge.Firewall; wall.Mode == FirewallOff && (wall.RequestsPerFiveMinutes != 0 || wall.LogRetentionDays != 0) {
		report.add(at.field("Edge.Firewall"), fmt.Sprintf("RequestsPerFiveMinutes %d, LogRetentionDays %d", wall.RequestsPerFiveMinutes, wall.LogRetentionDays),
			"neither with Mode off", "remove both, or take the mode count")
	}
	if !e.Cache.Enabled() && e.Cache != (Cache{}) {
		report.add(at.field("Cache"), "values without Shape", "nothing without a cache", "remove them, or set Shape: nothing would read them")
	}
	if e.Observability.Canaries == nil || e.Observability.Canaries.ApiPath == "" {
		return
	}
	if !canaryPath.MatchString(e.Observability.Canaries.ApiPath) {
		report.add(at.field("Observability.Canaries.ApiPath"), e.Observability.Canaries.ApiPath, "a path of letters, digits and /._~%-", "write the path of a public route")
	}
}

var canaryPath = regexp.MustCompile(`^/[A-Za-z0-9._~%/-]*$`)

// contradictions refuses settings that contradict or ignore each other.
func (s Settings) contradictions(variables map[string]string, report *Faults) {
	ignored := func(name, allowed, remedy string) {
		if value := strings.TrimSpace(variables[name]); value != "" {
			report.add(path(name), value, allowed, remedy)
		}
	}
	if s.Backend != "s3" {
		for _, name := range []string{"BATBERN_STATE_BUCKET", "BATBERN_STATE_REGION"} {
			ignored(name, "nothing with BATBERN_BACKEND="+s.Backend, "set BATBERN_BACKEND=s3, or unset this variable: nothing would read it")
		}
	}
	if s.Organization == "" {
		for _, name := range []string{"BATBERN_TFC_PROJECT", "BATBERN_TFC_HOST"} {
			ignored(name, "nothing without BATBERN_TFC_ORGANIZATION", "set the organization, or unset this variable: nothing would read it")
		}
	}
	if s.AwsEndpoint != "" && s.DeployRole != "none" && s.DeployRole != RemoteRuns {
		report.add("BATBERN_DEPLOY_ROLE", s.DeployRole, "none with BATBERN_AWS_ENDPOINT_URL", "unset it: an emulator has no roles to assume")
	}
}

// nearest is the known variable that a misspelt name most likely means, or "" where none is near.
func nearest(name string) string {
	best, least := "", 4
	for _, variable := range Variables() {
		if d := distance(strings.ToUpper(name), variable.Name); d < least {
			best, least = variable.Name, d
		}
	}
	return best
}

// looksLikeOurs says whether a name is meant for us, although its beginning is misspelt: "BATBRN_BACKEND". One letter may
// be missing, wrong, too many, or changed with its neighbour.
func looksLikeOurs(name string) bool {
	name = strings.ToUpper(name)
	begin, _, found := strings.Cut(name, "_")
	return isOurs(name) || found && distance(begin, strings.TrimSuffix(prefix, "_")) <= 1 || distance(begin, "BATBERN") <= 2 && nearest(name) != ""
}

// distance is how many letters have to be added, removed, replaced or exchanged with their neighbour.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// expanded are the variables of ours in a .env file whose values hold a $. The file's reader replaces $NAME by another
// variable of the file, and by nothing where there is none: BATBERN_BACKEND=${MY_BACKEND} would mean local state.
func expanded(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, assigned := strings.Cut(strings.TrimSpace(line), "=")
		name = strings.TrimSpace(strings.TrimPrefix(name, "export "))
		value, _, _ = strings.Cut(value, " #")
		if assigned && looksLikeOurs(name) && strings.Contains(value, "$") {
			found[name] = strings.TrimSpace(value)
		}
	}
	return found
}

// dotenvFaults are the faults of a .env file that its reader would hide.
func dotenvFaults(file, text string) error {
	var faults Faults
	all := expanded(text)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		faults.add(path(name), all[name], "a value without $", "write the value itself: a variable is not expanded here ("+file+")")
	}
	return faults.err()
}
