// Package rollout_test runs the recipe of a service's rollout against an AWS CLI that answers as the test says.
package rollout_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cli is an AWS CLI: each call is written to calls, and answered with the file of its name, of which the next line counts
// each time; the last line stays.
const cli = `#!/usr/bin/env bash
echo "$*" >> "$FAKE/calls"
file="$FAKE/$1.$2"
[ -f "$file" ] || { echo "no answer for $1 $2" >&2; exit 254; }
line=$(head -n 1 "$file")
[ "$(wc -l < "$file")" -le 1 ] || sed -i 1d "$file"
case $line in ERROR*) echo "$line" >&2; exit 254 ;; esac
printf '%s\n' "$line"
`

const (
	arm     = `{"manifests":[{"platform":{"architecture":"arm64"}},{"platform":{"architecture":"unknown"}}]}`
	intel   = `{"manifests":[{"platform":{"architecture":"amd64"}}]}`
	both    = `{"manifests":[{"platform":{"architecture":"amd64"}},{"platform":{"architecture":"arm64"}}]}`
	single  = `{"config":{"digest":"sha256:c"}}`
	awake   = `{"desiredCount":1}`
	asleep  = `{"desiredCount":0,"runningCount":0,"taskDefinition":"new:1","deployments":[{}]}`
	rolled  = `{"desiredCount":1,"runningCount":1,"taskDefinition":"new:1","deployments":[{}]}`
	rolling = `{"desiredCount":1,"runningCount":1,"taskDefinition":"new:1","deployments":[{},{}]}`
	former  = `{"desiredCount":1,"runningCount":1,"taskDefinition":"old:7","deployments":[{}]}`
	shifted = `{"desiredCount":1,"taskSets":[{"status":"PRIMARY","taskDefinition":"new:1","runningCount":1}]}`
	empty   = `{"desiredCount":1,"taskSets":[{"status":"PRIMARY","taskDefinition":"new:1","runningCount":0}]}`

	rollingTo = `{"cluster":"c","service":"s","template":"t","family":"f","container":"app","port":8080,"repository":"1.dkr.ecr.r.amazonaws.com/batbern/s"}`
	shiftTo   = `{"cluster":"c","service":"s","template":"t","family":"f","container":"app","port":8080,"repository":"1.dkr.ecr.r.amazonaws.com/batbern/s",` +
		`"application":"a","deploymentGroup":"g","subnets":["n"],"securityGroup":"x","capacityProviderStrategy":[{"capacityProvider":"FARGATE","base":1,"weight":1}]}`
	suspend = "DynamicScalingInSuspended=true,DynamicScalingOutSuspended=true"
	resume  = "DynamicScalingInSuspended=false,DynamicScalingOutSuspended=false"
)

func TestRollout(t *testing.T) {
	for _, program := range []string{"bash", "jq", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s was not found: apt-get install %s", program, program)
			}
			t.Skipf("%s was not found", program)
		}
	}
	for name, test := range map[string]struct {
		to, image, architecture string
		services, deployments   []string
		seconds                 string
		fails                   string   // "" for success
		calls                   []string // in this order
		never                   []string
	}{
		"by ECS":                   {to: rollingTo, image: arm, services: []string{awake, rolling, rolled}, calls: []string{"ecs register-task-definition", "ecs update-service"}, never: []string{"application-autoscaling"}},
		"taken back by ECS":        {to: rollingTo, image: arm, services: []string{awake, rolling, former}, fails: "ECS took it back"},
		"by ECS at night":          {to: rollingTo, image: arm, services: []string{asleep}, fails: "no task is wanted now", never: []string{"ecs update-service", "ecs register-task-definition"}},
		"the night begins":         {to: rollingTo, image: arm, services: []string{awake, asleep}, fails: "stopped meanwhile"},
		"by CodeDeploy":            {to: shiftTo, image: arm, services: []string{awake, shifted}, deployments: []string{"InProgress", "Succeeded"}, calls: []string{suspend, "deploy create-deployment", resume}, never: []string{"stop-deployment"}},
		"by CodeDeploy at night":   {to: shiftTo, image: arm, services: []string{asleep}, fails: "no task is wanted now", never: []string{"create-deployment", "application-autoscaling"}},
		"failed in CodeDeploy":     {to: shiftTo, image: arm, services: []string{awake}, deployments: []string{"InProgress", "Failed"}, fails: "CodeDeploy says Failed", calls: []string{suspend, resume}, never: []string{"stop-deployment"}},
		"given up":                 {to: shiftTo, image: arm, services: []string{awake}, deployments: []string{"InProgress"}, seconds: "1", fails: "gave up waiting", calls: []string{suspend, "deploy stop-deployment --deployment-id d-1 --auto-rollback-enabled", resume}},
		"the answer is lost":       {to: shiftTo, image: arm, services: []string{awake}, deployments: []string{"ERROR throttled"}, fails: "throttled", calls: []string{suspend, "deploy stop-deployment", resume}},
		"succeeded without a task": {to: shiftTo, image: arm, services: []string{awake, empty}, deployments: []string{"Succeeded"}, fails: "no task of the new revision runs", calls: []string{resume}},
		"another architecture":     {to: shiftTo, image: intel, services: []string{awake}, fails: "the image is for amd64, the tasks are arm64", never: []string{"register-task-definition", "create-deployment"}},
		"several architectures":    {to: rollingTo, image: both, services: []string{awake, rolled}},
		"a single image":           {to: rollingTo, image: single, architecture: "arm64", services: []string{awake, rolled}},
		"a single other image":     {to: rollingTo, image: single, architecture: "amd64", services: []string{awake}, fails: "the image is for amd64", never: []string{"register-task-definition"}},
		"no image":                 {to: rollingTo, image: "None", services: []string{awake}, fails: "push it first", never: []string{"register-task-definition"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			write := func(name, text string, mode os.FileMode) {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), mode); err != nil {
					t.Fatal(err)
				}
			}
			write("aws", cli, 0o700)
			write("blob", `{"architecture":"`+test.architecture+`"}`, 0o600)
			for call, answer := range map[string]string{
				"ssm.get-parameter":                                test.to,
				"ecs.describe-task-definition":                     `{"runtimePlatform":{"cpuArchitecture":"ARM64"},"containerDefinitions":[{"name":"app","image":"undeployed"}]}`,
				"ecr.batch-get-image":                              test.image,
				"ecr.get-download-url-for-layer":                   "file://" + filepath.Join(folder, "blob"),
				"ecs.describe-services":                            strings.Join(test.services, "\n"),
				"ecs.register-task-definition":                     "new:1",
				"ecs.update-service":                               "{}",
				"application-autoscaling.register-scalable-target": "{}",
				"deploy.create-deployment":                         "d-1",
				"deploy.get-deployment":                            strings.Join(test.deployments, "\n"),
				"deploy.stop-deployment":                           "{}",
			} {
				write(call, answer+"\n", 0o600)
			}
			seconds := test.seconds
			if seconds == "" {
				seconds = "60"
			}
			script := exec.Command("bash", "rollout.sh", "dev", "s", "sha256:d")
			script.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "FAKE="+folder, "ROLLOUT_POLL_SECONDS=0.05", "ROLLOUT_SECONDS="+seconds)
			output, err := script.CombinedOutput()
			if (err != nil) != (test.fails != "") || !strings.Contains(string(output), test.fails) {
				t.Errorf("ended with %v, wanted a failure %q:\n%s", err, test.fails, output)
			}
			record, _ := os.ReadFile(filepath.Join(folder, "calls"))
			calls := strings.Split(string(record), "\n")
			for _, wanted := range test.calls {
				i := slices.IndexFunc(calls, func(call string) bool { return strings.Contains(call, wanted) })
				if i < 0 {
					t.Fatalf("did not call %q in this order:\n%s", wanted, record)
				}
				calls = calls[i+1:]
			}
			for _, call := range test.never {
				if strings.Contains(string(record), call) {
					t.Errorf("called %s:\n%s", call, record)
				}
			}
		})
	}
}
