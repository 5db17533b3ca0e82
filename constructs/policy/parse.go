package policy

import (
	"encoding/json"
	"fmt"
)

// Parse reads a document from JSON, in whichever of the grammar's forms it is written. It is for judging policies, so
// it is strict: an element that [Statement] cannot hold (NotPrincipal, an unknown kind of principal) is
// an error, because a judge that overlooks it would be wrong. A missing Sid is none.
func Parse(text string) (Document, error) {
	var wire struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return Document{}, fmt.Errorf("not a policy document: %w", err)
	}
	var statements []json.RawMessage
	if err := json.Unmarshal(wire.Statement, &statements); err != nil {
		statements = []json.RawMessage{wire.Statement}
	}
	var document Document
	for i, text := range statements {
		statement, err := parseStatement(text)
		if err != nil {
			return Document{}, fmt.Errorf("policy statement %d: %w", i, err)
		}
		document.Statements = append(document.Statements, statement)
	}
	return document, nil
}

func parseStatement(text json.RawMessage) (Statement, error) {
	var elements map[string]json.RawMessage
	if err := json.Unmarshal(text, &elements); err != nil {
		return Statement{}, err
	}
	var statement Statement
	for name, value := range elements {
		var err error
		switch name {
		case "Sid":
			err = json.Unmarshal(value, &statement.Sid)
		case "Effect":
			err = json.Unmarshal(value, &statement.Effect)
		case "Principal":
			statement.Principals, err = parsePrincipals(value)
		case "Action":
			err = json.Unmarshal(value, (*words)(&statement.Actions))
		case "NotAction":
			err = json.Unmarshal(value, (*words)(&statement.NotActions))
		case "Resource":
			err = json.Unmarshal(value, (*words)(&statement.Resources))
		case "NotResource":
			err = json.Unmarshal(value, (*words)(&statement.NotResources))
		case "Condition":
			statement.Conditions, err = parseConditions(value)
		default:
			err = fmt.Errorf("the element is not supported")
		}
		if err != nil {
			return Statement{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return statement, nil
}

func parsePrincipals(text json.RawMessage) (Principals, error) {
	var everyone string
	if json.Unmarshal(text, &everyone) == nil {
		if everyone != "*" {
			return Principals{}, fmt.Errorf("%q; allowed: * or an object", everyone)
		}
		return Principals{Everyone: true}, nil
	}
	var kinds map[string]words
	if err := json.Unmarshal(text, &kinds); err != nil {
		return Principals{}, err
	}
	var principals Principals
	for kind, names := range kinds {
		switch kind {
		case "Service":
			principals.Services = names
		case "AWS":
			principals.AWS = names
		case "Federated":
			principals.Federated = names
		default:
			return Principals{}, fmt.Errorf("kind %q; allowed: Service, AWS, Federated", kind)
		}
		for _, name := range names {
			principals.Everyone = principals.Everyone || name == "*"
		}
	}
	return principals, nil
}

func parseConditions(text json.RawMessage) (Conditions, error) {
	var wire map[string]map[string]words
	if err := json.Unmarshal(text, &wire); err != nil {
		return nil, err
	}
	conditions := Conditions{}
	for operator, keys := range wire {
		conditions[operator] = map[string][]string{}
		for key, values := range keys {
			conditions[operator][key] = values
		}
	}
	return conditions, nil
}
