package migrationlint

import (
	"regexp"
	"strings"
)

var (
	isDo           = regexp.MustCompile(`^DO\b`)
	executesString = regexp.MustCompile(`^EXECUTE\b`)
	blockStart     = regexp.MustCompile(`^(<< [^>]* >>|DECLARE|BEGIN|ELSE|LOOP|EXCEPTION|RETURN QUERY)( |$)`)
	condition      = regexp.MustCompile(`^(IF|ELSIF|ELSEIF|WHEN)\b.*? THEN( |$)`)
	loop           = regexp.MustCompile(`^(FOR|FOREACH|WHILE)\b.*? LOOP( |$)`)
	perform        = regexp.MustCompile(`^PERFORM\b`)
)

// bodySteps returns the statements that a DO statement executes: its body is taken apart at semicolons, without the
// control structures of PL/pgSQL in front of them, and so are the strings that it executes.
func bodySteps(s statement) []step {
	if !isDo.MatchString(s.text) {
		return nil
	}
	return innerSteps(s)
}

// routineSteps returns the statements in the body of a function or procedure.
func routineSteps(s statement) []step { return innerSteps(s) }

func innerSteps(s statement) []step {
	var steps []step
	for _, body := range s.strings {
		inner, _, _ := split(body.content)
		for _, part := range inner {
			part.line += body.line - 1
			steps = append(steps, part.withoutControl())
			if at := executesString.FindStringIndex(part.withoutControl().text); at != nil {
				for _, text := range part.strings {
					dynamic, _, _ := split(text.content)
					for _, d := range dynamic {
						d.line = part.line
						steps = append(steps, step{statement: d, whole: d, nested: true})
					}
				}
			}
		}
	}
	return steps
}

// withoutControl returns what a piece of PL/pgSQL does once control structures have let it.
func (s statement) withoutControl() step {
	text := s.text
	for {
		var at []int
		for _, start := range []*regexp.Regexp{blockStart, condition, loop} {
			if at = start.FindStringIndex(text); at != nil {
				break
			}
		}
		if at == nil {
			break
		}
		text = strings.TrimPrefix(text[at[1]:], " ")
	}
	whole := s
	s.strings = s.strings[min(len(s.strings), strings.Count(strings.TrimSuffix(s.text, text), "''")):]
	if text == "END" || strings.HasPrefix(text, "END ") {
		text = "" // of a block, not of the transaction
	}
	s.text = perform.ReplaceAllString(text, "SELECT")
	return step{statement: s, whole: whole, nested: true}
}
