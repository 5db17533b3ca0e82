package migrationlint

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// statement is one SQL statement. Its text holds words in upper case, quoted identifiers as written with _ for spaces,
// one space between tokens, no comments, and ” in place of every string.
type statement struct {
	line    int // on which it starts, from 1
	text    string
	strings []literal // what the '' of the text stand for, in order
}

// literal is the content of a string constant, with its doubled quotes resolved.
type literal struct {
	line    int // on which it starts, from 1
	content string
	dollar  bool // $$ ... $$: usually the body of a function or of a DO statement
}

// split takes a script apart into statements as PostgreSQL's own scanner would: it knows nested comments, quoted
// identifiers, E” strings, dollar quotes, SQL-standard function bodies (BEGIN ATOMIC … END) and the data after COPY
// FROM STDIN. A line ends with \n or \r. open is the line of a quote or comment that does not end, 0 for none.
func split(script string) (statements []statement, meta []int, open int) {
	s := scanner{rest: script, line: 1, lineStart: true}
	s.run()
	return s.statements, s.meta, s.open
}

type scanner struct {
	rest      string
	line      int
	lineStart bool // nothing but spaces since the last line end

	text       strings.Builder
	literals   []literal // of the current statement
	start      int       // line of the current statement
	depth      int       // of BEGIN ATOMIC and CASE inside a function body
	statements []statement
	meta       []int // lines of psql meta-commands
	open       int   // line of a quote or comment that does not end
}

var (
	dollarTag     = regexp.MustCompile(`^\$([\pL_][\pL\pN_]*)?\$`)
	wordPattern   = regexp.MustCompile(`^[\pL_][\pL\pN_$]*`)
	copyFromStd   = regexp.MustCompile(`^COPY\b.*\bFROM STDIN\b`)
	createRoutine = regexp.MustCompile(`^CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b`)
)

func (s *scanner) run() {
	for s.rest != "" {
		switch {
		case strings.HasPrefix(s.rest, "--"):
			s.take(lineLength(s.rest))
		case strings.HasPrefix(s.rest, "/*"):
			s.take(s.closed(commentLength(s.rest)))
		case s.lineStart && s.rest[0] == '\\':
			s.meta = append(s.meta, s.line)
			s.take(lineLength(s.rest))
		case s.rest[0] == '\'':
			s.literal(quoteLength(s.rest, '\'', false), 1, 1)
		case (s.rest[0] == 'E' || s.rest[0] == 'e') && strings.HasPrefix(s.rest[1:], "'"):
			length := quoteLength(s.rest[1:], '\'', true)
			if length >= 0 {
				length++
			}
			s.literal(length, 2, 1)
		case s.rest[0] == '"':
			s.identifier(quoteLength(s.rest, '"', false))
		case dollarTag.MatchString(s.rest):
			tag := dollarTag.FindString(s.rest)
			end := strings.Index(s.rest[len(tag):], tag)
			if end >= 0 {
				end += 2 * len(tag)
			}
			s.literal(end, len(tag), len(tag))
		case s.rest[0] == ';' && s.depth == 0:
			s.take(1)
			s.finish()
		case wordPattern.MatchString(s.rest):
			s.word(wordPattern.FindString(s.rest))
		default:
			s.other()
		}
	}
	s.finish()
}

// take moves on without adding to the statement.
func (s *scanner) take(length int) {
	for _, r := range s.rest[:length] {
		switch {
		case r == '\n':
			s.line++
			s.lineStart = true
		case r == '\r':
			s.lineStart = true
		case !unicode.IsSpace(r):
			s.lineStart = false
		}
	}
	s.rest = s.rest[length:]
}

func (s *scanner) add(token string) {
	if s.text.Len() == 0 {
		s.start = s.line
	} else {
		s.text.WriteByte(' ')
	}
	s.text.WriteString(token)
}

// literal takes a string constant of the given length, the delimiters included.
func (s *scanner) literal(length, opening, closing int) {
	s.add("''")
	content, dollar := "", s.rest[0] == '$'
	if length >= 0 {
		content = s.rest[opening : length-closing]
	}
	if !dollar {
		content = strings.ReplaceAll(content, "''", "'")
	}
	s.literals = append(s.literals, literal{line: s.line, content: content, dollar: dollar})
	s.take(s.closed(length))
}

// identifier takes a quoted identifier.
func (s *scanner) identifier(length int) {
	text := `""`
	if length >= 0 {
		text = strings.Join(strings.Fields(s.rest[:length]), "_")
	}
	s.add(text)
	s.take(s.closed(length))
}

// closed is the length of a quote or comment; one that does not end (a negative length) takes the rest of the script.
func (s *scanner) closed(length int) int {
	if length >= 0 {
		return length
	}
	s.open = s.line
	return len(s.rest)
}

func (s *scanner) word(word string) {
	upper := strings.ToUpper(word)
	s.add(upper)
	s.take(len(word))
	switch {
	case s.depth > 0 && upper == "CASE", upper == "ATOMIC" && s.inRoutineBody():
		s.depth++
	case s.depth > 0 && upper == "END":
		s.depth--
	}
}

func (s *scanner) inRoutineBody() bool {
	text := s.text.String()
	return strings.HasSuffix(text, " BEGIN ATOMIC") && createRoutine.MatchString(text)
}

func (s *scanner) other() {
	r, size := utf8.DecodeRuneInString(s.rest)
	if !unicode.IsSpace(r) {
		s.add(string(r))
	}
	s.take(size)
}

func (s *scanner) finish() {
	text, literals := s.text.String(), s.literals
	s.text.Reset()
	s.literals, s.depth = nil, 0
	if text == "" {
		return
	}
	s.statements = append(s.statements, statement{line: s.start, text: text, strings: literals})
	if copyFromStd.MatchString(text) {
		s.skipCopyData()
	}
}

// skipCopyData moves behind the line \. that ends the data. Data without that line is open.
func (s *scanner) skipCopyData() {
	begin := s.line
	s.take(lineLength(s.rest))
	for s.rest != "" {
		s.take(1) // the line end
		length := lineLength(s.rest)
		ended := s.rest[:length] == `\.`
		s.take(length)
		if ended {
			return
		}
	}
	s.open = begin
}

// lineLength returns the length of a line without its end. PostgreSQL ends comments at \r as well.
func lineLength(s string) int {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		return i
	}
	return len(s)
}

// quoteLength returns the length of a quoted piece with its quotes, -1 for one that does not end. A doubled quote stays
// inside, and where escapes are known (E”) so does one behind a backslash.
func quoteLength(s string, quote byte, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return -1
}

// commentLength returns the length of a /* comment */, which PostgreSQL lets nest, -1 for one that does not end.
func commentLength(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
