package permissions

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/config"
)

// emulatorAccount is the account id in the emulator's answers, whatever the stack's account is.
const emulatorAccount = "123456789012"

// Stack is a synthesized stack and the account that it is for.
type Stack struct {
	Name, Account string
	// Document is the synthesized JSON.
	Document map[string]any
	// Values are attributes that only an apply tells, by reference: "aws_route53_zone.zone.zone_id". Policies that name
	// one of them are judged with it.
	Values map[string]string
}

// Project are the stacks whose roles are judged.
type Project struct {
	Stacks []Stack
	// Managed are AWS's managed policies that roles carry: the document by ARN.
	Managed map[string]string
}

// Role is a role with its policies, references resolved.
type Role struct {
	Name     string            `json:"name"`
	Arn      string            `json:"arn"`
	Account  string            `json:"account"`
	Stack    string            `json:"-"`
	Policies map[string]string `json:"policies"`
	Boundary string            `json:"boundary"`
}

func (p Project) stack(name string) (Stack, error) {
	for _, stack := range p.Stacks {
		if stack.Name == name {
			return stack, nil
		}
	}
	return Stack{}, fmt.Errorf("requests of %s were recorded, but the stack is not among the synthesized ones", name)
}

func (p Project) base() string {
	return config.Base{}.Stack()
}

// roleFor is the role with which a pipeline makes the call: the one of the phase in the stack's account, or the one for
// the environment's names in the base's.
func (p Project) roleFor(call Call) (Role, error) {
	phase := "apply"
	if call.Phase == "plan" {
		phase = "plan"
	}
	if dns := strings.HasSuffix(call.Key, "-dns"); dns && call.Stack != p.base() {
		return p.role(p.base(), call.Stack+map[string]string{"plan": "-dns-read", "apply": "-dns"}[phase])
	}
	return p.role(call.Stack, call.Stack+"-"+phase)
}

var reference = regexp.MustCompile(`\$\{([a-z0-9_]+\.[A-Za-z0-9_-]+)\.([a-z_]+)\}`)

// role finds a role of a stack by its name.
func (p Project) role(in, name string) (Role, error) {
	stack, err := p.stack(in)
	if err != nil {
		return Role{}, err
	}
	found := Role{
		Name:     name,
		Account:  stack.Account,
		Stack:    in,
		Arn:      fmt.Sprintf("arn:aws:iam::%s:role/%s", stack.Account, name),
		Policies: map[string]string{},
	}
	for address, body := range stack.resources("aws_iam_role") {
		if body["name"] != name {
			continue
		}
		boundary := reference.FindStringSubmatch(fmt.Sprint(body["permissions_boundary"]))
		if boundary == nil {
			return Role{}, fmt.Errorf("%s: the role %s has no permissions boundary of the stack", in, name)
		}
		if found.Boundary, err = stack.resolve(fmt.Sprint(stack.resource(boundary[1])["policy"])); err != nil {
			return Role{}, err
		}
		return found, p.addPolicies(&found, stack, address)
	}
	return Role{}, fmt.Errorf("%s has no role %s", in, name)
}

func (p Project) addPolicies(role *Role, stack Stack, address string) error {
	for _, inline := range stack.resources("aws_iam_role_policy") {
		if strings.Contains(fmt.Sprint(inline["role"]), "${"+address+".") {
			text, err := stack.resolve(fmt.Sprint(inline["policy"]))
			if err != nil {
				return err
			}
			role.Policies[fmt.Sprint(inline["name"])] = text
		}
	}
	for _, attached := range stack.resources("aws_iam_role_policy_attachment") {
		if strings.Contains(fmt.Sprint(attached["role"]), "${"+address+".") {
			arn := fmt.Sprint(attached["policy_arn"])
			text, known := p.Managed[arn]
			if !known {
				return fmt.Errorf("%s carries %s, whose document is not known", role.Name, arn)
			}
			role.Policies[arn[strings.LastIndex(arn, "/")+1:]] = text
		}
	}
	return nil
}

// resolve replaces references in a policy: the ARNs of the stack's own policies and roles by what they will be, others by
// the values that an apply told.
func (s Stack) resolve(text string) (string, error) {
	var missing []string
	text = reference.ReplaceAllStringFunc(text, func(found string) string {
		parts := reference.FindStringSubmatch(found)
		address, attribute := parts[1], parts[2]
		if value, known := s.Values[address+"."+attribute]; known {
			return value
		}
		name, _ := s.resource(address)["name"].(string)
		switch typ, _, _ := strings.Cut(address, "."); {
		case typ == "aws_iam_policy" && attribute == "arn":
			return fmt.Sprintf("arn:aws:iam::%s:policy/%s", s.Account, name)
		case typ == "aws_iam_role" && attribute == "arn":
			return fmt.Sprintf("arn:aws:iam::%s:role/%s", s.Account, name)
		}
		missing = append(missing, address+"."+attribute)
		return found
	})
	if len(missing) > 0 {
		return "", fmt.Errorf(
			"%s: a policy refers to %s, which only an applied state tells",
			s.Name,
			strings.Join(missing, ", "),
		)
	}
	return text, nil
}

// resources are the resources of a type, by address.
func (s Stack) resources(typ string) map[string]map[string]any {
	found := map[string]map[string]any{}
	all, _ := s.Document["resource"].(map[string]any)
	instances, _ := all[typ].(map[string]any)
	for name, body := range instances {
		if body, is := body.(map[string]any); is {
			found[typ+"."+name] = body
		}
	}
	return found
}

func (s Stack) resource(address string) map[string]any {
	typ, _, _ := strings.Cut(address, ".")
	return s.resources(typ)[address]
}

// roles are the roles that questions are about, by name.
func (p Project) roles(questions []question) map[string]Role {
	found := map[string]Role{}
	for _, asked := range questions {
		if _, known := found[asked.Role]; !known {
			if role, err := p.roleFor(asked.call); err == nil {
				found[asked.Role] = role
			}
		}
	}
	return found
}

// trusted is the service that a role of a stack trusts, and the role's boundary; "" where there is no such role.
func (s Stack) trusted(roleName string) (service, boundaryArn string) {
	for _, body := range s.resources("aws_iam_role") {
		if body["name"] != roleName {
			continue
		}
		boundaryArn, _ = s.resolve(fmt.Sprint(body["permissions_boundary"]))
		var trust struct {
			Statement []struct {
				Principal struct{ Service any }
			}
		}
		if json.Unmarshal([]byte(fmt.Sprint(body["assume_role_policy"])), &trust) == nil && len(trust.Statement) > 0 {
			service, _ = trust.Statement[0].Principal.Service.(string)
		}
	}
	return service, boundaryArn
}

// byAdministrator says whether only an administrator makes the call: it is about the stack's boundary, a deploy role, or
// an environment's identity provider, all of which no pipeline may change. Reading and tagging them is everybody's.
func (p Project) byAdministrator(call Call) bool {
	if call.Service != "iam" || !mutates(call.Operation) || strings.HasPrefix(call.Operation, "Tag") ||
		strings.HasPrefix(call.Operation, "Untag") {
		return false
	}
	name := text(call.Params, "RoleName")
	policy := text(call.Params, "PolicyName")
	if arn := text(call.Params, "PolicyArn"); policy == "" && !strings.Contains(call.Operation, "RolePolicy") {
		policy = arn[strings.LastIndex(arn, "/")+1:]
	}
	provider := strings.Contains(call.Operation, "OpenIDConnectProvider")
	return slices.Contains([]string{call.Stack + "-plan", call.Stack + "-apply"}, name) ||
		name == "" && policy == call.Stack+"-boundary" || provider && call.Stack != p.base()
}

// sortedKeys are a map's keys in order.
func sortedKeys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }
