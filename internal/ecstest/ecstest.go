// Package ecstest answers as the ECS API does, as far as one-off tasks go: AWS's JSON protocol over HTTP, idempotency
// by client token, tasks that pass through ECS's statuses, failures inside a successful answer, and errors with ECS's
// names. It also answers logs:GetLogEvents for the tasks' log streams. A test says how tasks end, what they print and
// which calls go wrong.
package ecstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const (
	account = "123456789012"
	region  = "eu-central-1"
	target  = "AmazonEC2ContainerServiceV20141113."
	// logsTarget begins the calls of CloudWatch Logs.
	logsTarget = "Logs_20140328."
	pageLines  = 2 // lines per page of a log stream
)

// Cluster and TaskDefinition are what the server knows besides its tasks.
const (
	Cluster        = "arn:aws:ecs:" + region + ":" + account + ":cluster/batbern-test"
	TaskDefinition = "arn:aws:ecs:" + region + ":" + account + ":task-definition/batbern-test-flyway:3"
)

// Container is a container as DescribeTasks shows it.
type Container struct {
	Name       string `json:"name"`
	LastStatus string `json:"lastStatus"`
	ExitCode   *int   `json:"exitCode,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// End is how a task stops.
type End struct {
	StopCode      string
	StoppedReason string
	Containers    []Container
}

// Exited is the end of a task whose container ended by itself.
func Exited(container string, code int) End {
	return End{
		StopCode:      "EssentialContainerExited",
		StoppedReason: "Essential container in task exited",
		Containers:    []Container{{Name: container, LastStatus: "STOPPED", ExitCode: &code}},
	}
}

// Fault is what a call is answered with instead.
type Fault struct {
	Status int    // 400 for the caller's fault, 500 for the server's
	Type   string // such as "AccessDeniedException"
	// Body is a whole answer with status 200, in place of an error.
	Body string
}

// Server is the API. The fields may be set before the first call.
type Server struct {
	*httptest.Server

	// Statuses are what a task passes through, one a DescribeTasks, before it stops.
	Statuses []string
	// Ends are how tasks stop, in the order of their start; the last one counts for all further tasks.
	Ends []End
	// Lines are what every task prints, all of it before its first status. Nil: there is no log stream.
	Lines []string
	// Forever keeps every task in the last of Statuses.
	Forever bool
	// Fault, when set, may answer a call in the API's place. n counts the calls of that operation from 1.
	Fault func(operation string, n int) *Fault

	mu     sync.Mutex
	calls  map[string]int
	inputs map[string][]map[string]any
	tokens map[string]launch
	tasks  map[string]*task
}

type launch struct {
	request string
	arn     string
}

type task struct {
	looks     int
	end       End
	startedBy string
}

// New starts a server that closes with the test. Tasks pass through ECS's statuses and end with exit code 0.
func New(t testing.TB, container string) *Server {
	s := &Server{
		Statuses: []string{"PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING"},
		Ends:     []End{Exited(container, 0)},
		calls:    map[string]int{},
		inputs:   map[string][]map[string]any{},
		tokens:   map[string]launch{},
		tasks:    map[string]*task{},
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// Env are the environment variables that lead the AWS SDK and CLI to the server.
func (s *Server) Env() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_ECS": s.URL, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": s.URL, "AWS_REGION": region,
		"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true",
	}
}

// Calls returns how often an operation was called.
func (s *Server) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[operation]
}

// Inputs returns what an operation was called with.
func (s *Server) Inputs(operation string) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inputs[operation]
}

// Started returns how many tasks were started.
func (s *Server) Started() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tasks)
}

// Finish lets running tasks end at their next look.
func (s *Server) Finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Forever = false
}

// Forget drops all client tokens, as ECS does an hour after a task has stopped.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	operation, known := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	if !known {
		operation, known = strings.CutPrefix(r.Header.Get("X-Amz-Target"), logsTarget)
	}
	var input map[string]any
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil || !known {
		respondError(w, http.StatusBadRequest, "SerializationException", "not a call of the ECS API")
		return
	}
	s.calls[operation]++
	s.inputs[operation] = append(s.inputs[operation], input)
	if s.Fault != nil {
		if fault := s.Fault(operation, s.calls[operation]); fault != nil {
			if fault.Body != "" {
				respond(w, json.RawMessage(fault.Body))
			} else {
				respondError(w, fault.Status, fault.Type, "planted by the test")
			}
			return
		}
	}
	switch operation {
	case "RunTask":
		s.runTask(w, input)
	case "DescribeTasks":
		s.describeTasks(w, input)
	case "GetLogEvents":
		s.logEvents(w, input)
	default:
		respondError(w, http.StatusBadRequest, "AccessDeniedException", "the runner may not call ecs:"+operation)
	}
}

var (
	tokenPattern     = regexp.MustCompile(`^[!-~]{1,64}$`)
	startedByPattern = regexp.MustCompile(`^[A-Za-z0-9/_-]{1,128}$`)
)

func (s *Server) runTask(w http.ResponseWriter, input map[string]any) {
	token, _ := input["clientToken"].(string)
	startedBy, _ := input["startedBy"].(string)
	switch {
	case input["cluster"] != Cluster:
		respondError(w, 400, "ClusterNotFoundException", "Cluster not found.")
		return
	case input["taskDefinition"] != TaskDefinition:
		respondError(w, 400, "ClientException", "Unable to describe task definition.")
		return
	case !tokenPattern.MatchString(token) || !startedByPattern.MatchString(startedBy):
		respondError(w, 400, "InvalidParameterException", "clientToken or startedBy is not well-formed.")
		return
	case input["launchType"] != "FARGATE" || !hasNetwork(input):
		respondError(w, 400, "InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
		return
	}

	encoded, _ := json.Marshal(input)
	if known, replay := s.tokens[token]; replay {
		if known.request != string(encoded) {
			respondError(w, 400, "ConflictException", "The clientToken is already in use with a different request.")
			return
		}
		respond(w, map[string]any{"tasks": []any{s.show(known.arn)}, "failures": []any{}})
		return
	}
	arn := fmt.Sprintf("arn:aws:ecs:%s:%s:task/batbern-test/%032x", region, account, len(s.tasks)+1)
	s.tokens[token] = launch{request: string(encoded), arn: arn}
	s.tasks[arn] = &task{end: s.Ends[min(len(s.tasks), len(s.Ends)-1)], startedBy: startedBy}
	respond(w, map[string]any{"tasks": []any{s.show(arn)}, "failures": []any{}})
}

func hasNetwork(input map[string]any) bool {
	network, _ := input["networkConfiguration"].(map[string]any)
	vpc, _ := network["awsvpcConfiguration"].(map[string]any)
	subnets, _ := vpc["subnets"].([]any)
	return len(subnets) > 0
}

func (s *Server) describeTasks(w http.ResponseWriter, input map[string]any) {
	var tasks, failures []any
	arns, _ := input["tasks"].([]any)
	for _, arn := range arns {
		if found, exists := s.tasks[arn.(string)]; exists && input["cluster"] == Cluster {
			tasks = append(tasks, s.show(arn.(string)))
			if !s.Forever || found.looks < len(s.Statuses)-1 {
				found.looks++
			}
		} else {
			failures = append(failures, map[string]any{"arn": arn, "reason": "MISSING"})
		}
	}
	respond(w, map[string]any{"tasks": tasks, "failures": failures})
}

// logEvents pages through Lines. At the end it returns the token that it was given, as CloudWatch Logs does.
func (s *Server) logEvents(w http.ResponseWriter, input map[string]any) {
	stream, _ := input["logStreamName"].(string)
	id := stream[strings.LastIndex(stream, "/")+1:]
	_, exists := s.tasks["arn:aws:ecs:"+region+":"+account+":task/batbern-test/"+id]
	if s.Lines == nil || !exists {
		respondError(w, 400, "ResourceNotFoundException", "The specified log stream does not exist.")
		return
	}
	from := 0
	if token, _ := input["nextToken"].(string); token != "" {
		fmt.Sscanf(token, "f/%d", &from)
	}
	to := min(from+pageLines, len(s.Lines))
	events := []any{}
	for i, line := range s.Lines[from:to] {
		events = append(events, map[string]any{"message": line, "timestamp": 1700000000000 + from + i})
	}
	respond(w, map[string]any{"events": events, "nextForwardToken": fmt.Sprintf("f/%d", to), "nextBackwardToken": "b/0"})
}

func (s *Server) show(arn string) map[string]any {
	current := s.tasks[arn]
	shown := map[string]any{
		"taskArn": arn, "clusterArn": Cluster, "taskDefinitionArn": TaskDefinition, "startedBy": current.startedBy,
		"desiredStatus": "RUNNING",
	}
	if current.looks < len(s.Statuses) {
		shown["lastStatus"] = s.Statuses[current.looks]
		return shown
	}
	shown["lastStatus"], shown["desiredStatus"] = "STOPPED", "STOPPED"
	shown["containers"] = current.end.Containers
	if current.end.StopCode != "" {
		shown["stopCode"] = current.end.StopCode
	}
	if current.end.StoppedReason != "" {
		shown["stoppedReason"] = current.end.StoppedReason
	}
	return shown
}

func respond(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(answer)
}

func respondError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": message})
}
