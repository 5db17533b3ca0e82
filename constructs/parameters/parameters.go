// Package parameters puts an environment's plain settings into Parameter Store, where services and people look them up:
// /batbern/dev/platform/database/host. What all services read is below platform, what one reads below its name. Nothing
// secret is among them: that is what constructs/secrets is for.
package parameters

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ssmparameter"

	"github.com/batbern/infrastructure/config"
)

// Props say what the settings are.
type Props struct {
	Environment config.Environment // already validated
	Made        Made
}

// Made is what only AWS knows before the stack is applied. An empty value makes no parameter.
type Made struct {
	DatabaseHost string // RDS Proxy's endpoint
	DatabasePort int
	ReplicaHost  string // the read replica's endpoint
	ReplicaPort  int
	Buckets      map[string]string // names by purpose
	// ServicesDomain is where services find each other.
	ServicesDomain string
	Cache          *Cache // nil where there is none
}

// Cache is the way to the cache.
type Cache struct {
	Host, ReaderHost string
	Port             int
	ClusterMode      bool
	Users            map[string]string // by service
}

// Platform holds what every service reads.
const Platform = "platform"

// Type is how a parameter's value is read.
type Type string

// The types. A list's entries are separated by commas.
const (
	String     Type = "String"
	StringList Type = "StringList"
)

// Parameter is one setting.
type Parameter struct {
	Owner       string // Platform, or a service
	Key         string // below the owner: "database/host"
	Type        Type
	Value       string
	Pattern     string // what Parameter Store lets pass, whoever writes it
	Description string
}

// Name is the parameter's in Parameter Store.
func (p Parameter) Name(environment config.Environment) string {
	return path(environment, p.Owner) + "/" + p.Key
}

// What values look like.
const (
	hostPattern     = `^[a-z0-9.-]+$`
	portPattern     = `^[0-9]{2,5}$`
	wordPattern     = `^[a-z][a-z0-9_-]*$`
	urlPattern      = `^https://[a-z0-9.-]+$`
	bucketPattern   = `^[a-z0-9.-]{3,63}$`
	regionPattern   = `^[a-z]{2}(-[a-z]+)+-[0-9]$`
	levelPattern    = `^(DEBUG|INFO|WARN)$`
	truthPattern    = `^(true|false)$`
	servicesPattern = `^[a-z0-9-]+:[0-9]{2,5}(,[a-z0-9-]+:[0-9]{2,5})*$`
)

// Outputs are what other constructs may use.
type Outputs struct {
	// PlatformPath is what every service may read below, "/batbern/dev/platform".
	PlatformPath string
	// ServicePaths are what each may read below besides, by service.
	ServicePaths map[string]string
}

// New makes the parameters.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	owners := map[string]constructs.Construct{}
	for _, parameter := range All(props) {
		if owners[parameter.Owner] == nil {
			owners[parameter.Owner] = constructs.NewConstruct(scope, jsii.String(snake(parameter.Owner)))
		}
		ssmparameter.NewSsmParameter(owners[parameter.Owner], jsii.String(snake(parameter.Key)), &ssmparameter.SsmParameterConfig{
			Name:           jsii.String(parameter.Name(props.Environment)),
			Description:    jsii.String(parameter.Description),
			Type:           jsii.String(string(parameter.Type)),
			InsecureValue:  jsii.String(parameter.Value), // plain: a plan shows what changes
			AllowedPattern: jsii.String(parameter.Pattern),
		})
	}
	out := Outputs{PlatformPath: path(props.Environment, Platform), ServicePaths: map[string]string{}}
	for _, service := range props.Environment.Services {
		out.ServicePaths[service.Name] = path(props.Environment, service.Name)
	}
	return out
}

// All are the parameters of an environment, by owner and key.
func All(props Props) []Parameter {
	all := platform(props)
	for _, service := range props.Environment.Services {
		all = append(all, own(service, props)...)
	}
	all = slices.DeleteFunc(all, func(p Parameter) bool { return p.Value == "" })
	slices.SortFunc(all, func(a, b Parameter) int { return strings.Compare(a.Owner+"/"+a.Key, b.Owner+"/"+b.Key) })
	return all
}

// platform is what every service reads.
func platform(props Props) []Parameter {
	environment, made := props.Environment, props.Made
	text := func(key, value, pattern, description string) Parameter {
		return Parameter{Platform, key, String, value, pattern, description}
	}
	all := []Parameter{
		text("environment", string(environment.Name), wordPattern, "The environment's name"),
		text("region", environment.Account.Region, regionPattern, "The home region"),
		text("log-level", environment.Compute.LogLevel, levelPattern, "What services log at least"),
		text("domain", environment.Domains.Root, hostPattern, "The domain that all names of the environment are below"),
		text("frontend-url", "https://"+environment.Domains.Www(), urlPattern, "Where the web frontend is"),
		text("api-url", "https://"+environment.Domains.Api(), urlPattern, "Where the API is"),
		text("cdn-url", "https://"+environment.Domains.Cdn(), urlPattern, "Where files of the content bucket are served"),
		text("database/host", made.DatabaseHost, hostPattern, "RDS Proxy, to sign in to by IAM"),
		text("database/port", number(made.DatabasePort), portPattern, "The proxy's port"),
		text("database/name", config.DatabaseName, wordPattern, "The database"),
		text("services-domain", made.ServicesDomain, hostPattern, "A service is found at its name below this domain"),
		{Platform, "services", StringList, services(environment.Services), servicesPattern, "The services, each with its port"},
	}
	for purpose, name := range made.Buckets {
		all = append(all, text("buckets/"+purpose, name, bucketPattern, "The bucket for "+purpose))
	}
	if made.ReplicaHost != "" {
		all = append(all,
			text("database/replica/host", made.ReplicaHost, hostPattern, "The read replica, for operators, who sign in by IAM"),
			text("database/replica/port", number(made.ReplicaPort), portPattern, "The replica's port"))
	}
	if cache := made.Cache; cache != nil {
		all = append(all,
			text("cache/host", cache.Host, hostPattern, "The cache, to sign in to by IAM"),
			text("cache/reader-host", cache.ReaderHost, hostPattern, "The cache, for reading"),
			text("cache/port", number(cache.Port), portPattern, "The cache's port"),
			text("cache/cluster-mode", fmt.Sprint(cache.ClusterMode), truthPattern, "Whether clients must speak the cluster's protocol"))
	}
	return all
}

// own is what one service reads.
func own(service config.Service, props Props) []Parameter {
	all := []Parameter{
		{service.Name, "port", String, number(service.Port), portPattern, "Where the service listens"},
		{service.Name, "database/user", String, service.DatabaseUser, wordPattern, "Who the service is in the database"},
	}
	if cache := props.Made.Cache; cache != nil {
		all = append(all, Parameter{service.Name, "cache/user", String, cache.Users[service.Name], wordPattern, "Who the service is in the cache"})
	}
	return all
}

// services are "name:port", in an order that says nothing about the list's.
func services(list []config.Service) string {
	var entries []string
	for _, service := range list {
		entries = append(entries, fmt.Sprintf("%s:%d", service.Name, service.Port))
	}
	return strings.Join(slices.Sorted(slices.Values(entries)), ",")
}

func path(environment config.Environment, owner string) string {
	return fmt.Sprintf("/batbern/%s/%s", environment.Name, owner)
}

func number(value int) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprint(value)
}

func snake(name string) string { return strings.NewReplacer("-", "_", "/", "_").Replace(name) }
