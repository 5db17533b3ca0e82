package migrationlint

import (
	"regexp"
	"slices"
	"strings"
)

var (
	setsParameter = regexp.MustCompile(`^SET (SESSION |LOCAL )?([\pL_][\pL\pN_. ]*?) ?(=|TO)(?: |$)(.*)$`)
	resets        = regexp.MustCompile(`^RESET (.+)$`)
	setsOther     = regexp.MustCompile(`^SET (SESSION |LOCAL )?(TIME ZONE|NAMES|XML OPTION|SCHEMA)\b`)
	setsRole      = regexp.MustCompile(`^SET (SESSION |LOCAL )?ROLE (.+)$`)
	setsSession   = regexp.MustCompile(`^SET (LOCAL |SESSION )?SESSION AUTHORIZATION ("|'|[^D]|D[^E])`)
	// characteristics is the SET that changes the defaults of all later transactions.
	characteristics = regexp.MustCompile(`^SET SESSION CHARACTERISTICS\b`)
	setConfig       = regexp.MustCompile(`\bSET_CONFIG \( '' , (.*?) , (?:IS_LOCAL (?:= >|: =) )?([A-Z]+|'') (?:: : BOOL(?:EAN)? )?\)`)

	// advisoryLock are the functions whose lock belongs to the session. pg_advisory_xact_lock ends with the transaction.
	advisoryLock   = regexp.MustCompile(`\bPG_(TRY_)?ADVISORY_LOCK(_SHARED)? \(`)
	advisoryUnlock = regexp.MustCompile(`\bPG_ADVISORY_UNLOCK(_SHARED)? \(`)
	unlocksAll     = regexp.MustCompile(`\bPG_ADVISORY_UNLOCK_ALL \(`)
	prepares       = regexp.MustCompile(`^PREPARE ` + identifier)
	holdsCursor    = regexp.MustCompile(`^DECLARE ` + identifier + `.*? CURSOR WITH HOLD\b`)
	listens        = regexp.MustCompile(`^LISTEN ` + identifier)
	createsTemp    = regexp.MustCompile(`^CREATE (?:GLOBAL |LOCAL )?TEMP(?:ORARY)? (?:TABLE|SEQUENCE|(?:RECURSIVE )?VIEW) (?:IF NOT EXISTS )?` + qualified)
	selectsTemp    = regexp.MustCompile(`^(?:SELECT|WITH)\b.* INTO TEMP(?:ORARY)? (?:TABLE )?` + qualified)
	createsPgTemp  = regexp.MustCompile(`^CREATE .*?\bPG_TEMP \. ` + identifier)
	ends           = regexp.MustCompile(`^(?:DROP (?:TABLE|SEQUENCE|VIEW) (?:IF EXISTS )?(?:PG_TEMP \. )?|DEALLOCATE (?:PREPARE )?|CLOSE |UNLISTEN )` +
		`(` + identifier + `|\*)`)
	endsAll = regexp.MustCompile(`^(DISCARD TEMP|DISCARD TEMPORARY|DEALLOCATE ALL|CLOSE ALL|UNLISTEN \*)$`)
)

// transactional are parameters of the transaction that SET names without LOCAL.
var transactional = []string{"TRANSACTION", "CONSTRAINTS"}

// checkSession finds what changes the session, which Flyway uses for all later files of the location.
func (c *content) checkSession(s step) {
	outside, _ := c.outside()
	switch {
	case s.text == "DISCARD ALL":
		c.found(s.line, `"DISCARD ALL" drops Flyway's lock and search path; leave it out`)
	case setsSession.MatchString(s.text):
		c.found(s.line, "%q makes objects that do not belong to the owner role; leave it out", opening(s.statement))
	case s.text == "RESET ALL":
		c.found(s.line, `"RESET ALL" resets the search path to the shared schema, where all that follows is made; reset the one parameter`)
	case s.text == "RESET SEARCH_PATH" && c.schema != c.target.Shared && c.schema != "":
		c.found(s.line, `"RESET search_path" leaves the shared schema alone, where all that follows is made; leave it out`)
	case characteristics.MatchString(s.text):
		c.found(s.line, "%q changes all later transactions of the run; write SET TRANSACTION", opening(s.statement))
	case setsRole.MatchString(s.text):
		if role := fold(strings.ReplaceAll(setsRole.FindStringSubmatch(s.text)[2], "''", "?")); role != c.target.Owner {
			c.found(s.line, "%q makes objects that do not belong to the owner role; leave it out", opening(s.statement))
		}
	case setsOther.MatchString(s.text):
		m := setsOther.FindStringSubmatch(s.text)
		parameter := map[string]string{"TIME ZONE": "timezone", "NAMES": "client_encoding", "XML OPTION": "xmloption", "SCHEMA": "search_path"}[m[2]]
		if parameter == "search_path" {
			c.checkSearchPath(s, s.strings)
			return
		}
		c.checkSet(s, parameter, m[1] == "LOCAL ", outside)
	case setsParameter.MatchString(s.text):
		m := setsParameter.FindStringSubmatch(s.text)
		parameter := strings.ToLower(strings.ReplaceAll(m[2], " ", ""))
		if slices.Contains(transactional, strings.ToUpper(parameter)) {
			return
		}
		switch parameter {
		case "search_path":
			c.checkSearchPath(s, pathOf(m[4], s.strings))
		case "role", "session_authorization":
			if value := pathOf(m[4], s.strings); parameter != "role" || len(value) != 1 || value[0].content != c.target.Owner {
				c.found(s.line, "%q makes objects that do not belong to the owner role; leave it out", opening(s.statement))
			}
		default:
			c.checkSet(s, parameter, m[1] == "LOCAL ", outside)
		}
	case setConfig.MatchString(s.text) && len(s.strings) > 0:
		c.checkSetConfig(s, outside)
	}
	if unlocksAll.MatchString(s.text) {
		c.found(s.line, "pg_advisory_unlock_all releases Flyway's lock, and a second run may begin; release the lock you took")
	}
}

func (c *content) checkSet(s step, parameter string, local, outside bool) {
	switch {
	case local && outside && !s.nested:
		if !c.inBlock(s.line) {
			c.found(s.line, "%q has no effect outside a transaction, and PostgreSQL only warns; write SET, and RESET %s at the end of the file",
				opening(s.statement), parameter)
		}
	case !local && !c.isReset(s, parameter):
		c.found(s.line, "%q stays in the session and governs all later files of the run; write SET LOCAL, or RESET %s at the end of the file",
			opening(s.statement), parameter)
	}
}

// inBlock says whether a line is between BEGIN and COMMIT of the file itself.
func (c *content) inBlock(line int) bool {
	open := false
	for _, s := range c.statements {
		if s.line >= line {
			break
		}
		open = opensBlock.MatchString(s.text) || open && !endsTransaction.MatchString(s.text)
	}
	return open
}

// isReset says whether a later statement of the file resets the parameter.
func (c *content) isReset(set step, parameter string) bool {
	for _, s := range c.executed {
		reset := resets.FindStringSubmatch(s.text)
		if reset == nil || s.line < set.line {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(reset[1], " ", ""))
		if name == parameter || name == "timezone" && parameter == "timezone" {
			return true
		}
	}
	return false
}

func (c *content) checkSetConfig(s step, outside bool) {
	parameter := strings.ToLower(s.strings[0].content)
	m := setConfig.FindStringSubmatch(s.text)
	local := m[2] == "TRUE" || m[2] == "''" && strings.HasPrefix(strings.ToLower(s.strings[len(s.strings)-1].content), "t")
	if parameter == "search_path" {
		if len(s.strings) > 1 {
			c.checkSearchPath(s, pathOf("''", s.strings[1:2]))
		}
		return
	}
	c.checkSet(s, parameter, local, outside)
}

// pathOf returns the names of a search path as it is written in SET: words, quoted identifiers and strings.
func pathOf(text string, strs []literal) []literal {
	var names []literal
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if name == "''" && len(strs) > 0 {
			for _, part := range strings.Split(strs[0].content, ",") {
				names = append(names, literal{content: fold(strings.TrimSpace(part))})
			}
			strs = strs[1:]
			continue
		}
		names = append(names, literal{content: fold(name)})
	}
	return names
}

// checkSearchPath accepts a path that begins with the location's schema, and that has only the shared one besides:
// Flyway sets its own before every file.
func (c *content) checkSearchPath(s step, path []literal) {
	if c.schema == "" || len(path) == 0 {
		return
	}
	for i, name := range path {
		if i == 0 && name.content == c.schema || i > 0 && slices.Contains([]string{c.schema, c.target.Shared, "pg_catalog", "pg_temp"}, name.content) {
			continue
		}
		c.found(s.line, "%q makes and finds objects in schema %s, and this location fills %s; leave it out: Flyway sets the search path",
			opening(s.statement), name.content, c.schema)
		return
	}
}

// checkKeptState finds temporary tables, prepared statements, cursors, channels and locks that the file does not end.
func (c *content) checkKeptState() {
	type kept struct {
		line         int
		what, remedy string
	}
	open := map[string]kept{}
	outside, _ := c.outside()
	for _, s := range c.executed {
		keep := func(pattern *regexp.Regexp, group int, what, remedy string) {
			if m := pattern.FindStringSubmatch(s.text); m != nil {
				open[fold(m[group])] = kept{s.line, what, remedy}
			}
		}
		if !strings.Contains(s.text, "ON COMMIT DROP") || outside {
			keep(createsTemp, 2, "makes a temporary object", "add ON COMMIT DROP, or drop it at the end of the file")
			keep(selectsTemp, 2, "makes a temporary table", "drop it at the end of the file")
			keep(createsPgTemp, 1, "makes a temporary object", "drop it at the end of the file")
		}
		if !strings.HasPrefix(s.text, "PREPARE TRANSACTION") {
			keep(prepares, 1, "prepares a statement", "add DEALLOCATE at the end of the file")
		}
		if !s.nested {
			keep(holdsCursor, 1, "declares a cursor WITH HOLD", "add CLOSE at the end of the file")
		}
		keep(listens, 1, "listens on a channel", "leave it out")
		if advisoryLock.MatchString(s.text) {
			open["advisory lock"] = kept{s.line, "takes a lock of the session", "write pg_advisory_xact_lock"}
		}
		if advisoryUnlock.MatchString(s.text) {
			delete(open, "advisory lock")
		}
		if m := ends.FindStringSubmatch(s.text); m != nil {
			delete(open, fold(m[1]))
		}
		if endsAll.MatchString(s.text) {
			lock, locked := open["advisory lock"]
			clear(open)
			if locked {
				open["advisory lock"] = lock
			}
		}
	}
	for _, state := range open {
		c.found(state.line, "%s that outlives the file: later files of the run see it; %s", state.what, state.remedy)
	}
}
