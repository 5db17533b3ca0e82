#!/usr/bin/env bash
# Rolls an image out to a service: rollout.sh ENVIRONMENT SERVICE DIGEST, in a job that has the role
# batbern-ENVIRONMENT-SERVICE-rollout. Needs the AWS CLI, jq and curl. Exit code 0 means that tasks of the new revision run.
# ROLLOUT_MINUTES (50) is how long it waits: a session that went from role to role lasts one hour.
set -euo pipefail

environment=${1:?the environment} service=${2:?the service} digest=${3:?the digest of the image, sha256:...}
deadline=$((SECONDS + ${ROLLOUT_SECONDS:-$((${ROLLOUT_MINUTES:-50} * 60))}))
pause=${ROLLOUT_POLL_SECONDS:-15}
deployment=""
suspended=""

fail() {
  echo "rollout of $service to $environment: $*" >&2
  exit 1
}

get() { jq --raw-output ".$1 // empty" <<<"$to"; }

running() {
  aws ecs describe-services --cluster "$(get cluster)" --services "$(get service)" --query 'services[0]' --output json
}

# scaling true|false: whether the autoscaler may change the number of tasks. A change while CodeDeploy replaces them fails the
# deployment. Schedules stay on: one that is skipped is never made up for, and one that fires fails the rollout safely.
# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-suspend-resume-scaling.html
scaling() {
  local off=true
  if [ "$1" = true ]; then off=false; fi
  aws application-autoscaling register-scalable-target --service-namespace ecs --scalable-dimension ecs:service:DesiredCount \
    --resource-id "service/$(get cluster)/$(get service)" \
    --suspended-state "DynamicScalingInSuspended=$off,DynamicScalingOutSuspended=$off" >/dev/null
}

# whatever ends the script, no deployment goes on unwatched and scaling goes on
finish() {
  local code=$?
  trap - EXIT
  if [ -n "$deployment" ]; then
    echo "stopping deployment $deployment: the former tasks take the traffic back" >&2
    aws deploy stop-deployment --deployment-id "$deployment" --auto-rollback-enabled >/dev/null || code=1
  fi
  if [ -n "$suspended" ]; then scaling true || { echo "scaling of $service is still suspended: resume it by hand" >&2; code=1; }; fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# ECS would start no task of an image for another architecture, after it had stopped waiting for one
refuse_other_architecture() {
  local wanted registry repository manifest found config url
  wanted=$(jq --raw-output '.runtimePlatform.cpuArchitecture | if . == "ARM64" then "arm64" else "amd64" end' <<<"$template")
  registry=$(get repository); repository=${registry#*/}; registry=${registry%%.*}
  manifest=$(aws ecr batch-get-image --registry-id "$registry" --repository-name "$repository" --image-ids "imageDigest=$digest" \
    --accepted-media-types application/vnd.oci.image.index.v1+json application/vnd.docker.distribution.manifest.list.v2+json \
    application/vnd.oci.image.manifest.v1+json application/vnd.docker.distribution.manifest.v2+json \
    --query 'images[0].imageManifest' --output text)
  if [ -z "$manifest" ] || [ "$manifest" = None ]; then fail "no image $digest in $repository: push it first"; fi
  found=$(jq --raw-output '[.manifests[]?.platform.architecture | select(. != "unknown")] | join(" ")' <<<"$manifest")
  if [ -z "$found" ]; then
    config=$(jq --raw-output '.config.digest' <<<"$manifest")
    url=$(aws ecr get-download-url-for-layer --registry-id "$registry" --repository-name "$repository" --layer-digest "$config" \
      --query downloadUrl --output text)
    found=$(curl --silent --show-error --fail --location "$url" | jq --raw-output .architecture)
  fi
  case " $found " in
    *" $wanted "*) ;;
    *) fail "the image is for $found, the tasks are $wanted: build it with docker buildx build --platform linux/$wanted" ;;
  esac
}

# asleep at night, a service proves nothing: every deployment of no task succeeds
refuse_nothing_to_replace() {
  if [ "$(running | jq .desiredCount)" -eq 0 ]; then
    fail "no task is wanted now (a schedule stopped the service): a rollout would prove nothing; try again when it is up"
  fi
}

register() {
  local task
  task=$(jq --argjson to "$to" --arg digest "$digest" '
    {family: $to.family, taskRoleArn, executionRoleArn, networkMode, requiresCompatibilities, runtimePlatform, cpu, memory, volumes,
     containerDefinitions: .containerDefinitions | map(if .name == $to.container then .image = "\($to.repository)@\($digest)" else . end)}' <<<"$template")
  aws ecs register-task-definition --cli-input-json "$task" --query taskDefinition.taskDefinitionArn --output text
}

# ECS replaces the tasks itself. A rollback ends stable too, so the end is a comparison
roll_by_ecs() {
  local now
  aws ecs update-service --cluster "$(get cluster)" --service "$(get service)" --task-definition "$revision" >/dev/null
  while :; do
    now=$(running)
    if [ "$(jq --raw-output .taskDefinition <<<"$now")" != "$revision" ]; then fail "ECS took it back: see the service's events"; fi
    if jq --exit-status '(.deployments | length == 1) and .runningCount >= 1 and .runningCount == .desiredCount' <<<"$now" >/dev/null; then return; fi
    if [ "$(jq .desiredCount <<<"$now")" -eq 0 ]; then fail "the service was stopped meanwhile"; fi
    if [ "$SECONDS" -ge "$deadline" ]; then fail "gave up waiting: ECS goes on, its circuit breaker and alarms decide"; fi
    sleep "$pause"
  done
}

roll_by_codedeploy() {
  local appspec status
  appspec=$(jq --compact-output --arg revision "$revision" '{version: "0.0", Resources: [{TargetService: {Type: "AWS::ECS::Service", Properties: {
    TaskDefinition: $revision, LoadBalancerInfo: {ContainerName: .container, ContainerPort: .port},
    NetworkConfiguration: {AwsvpcConfiguration: {Subnets: .subnets, SecurityGroups: [.securityGroup], AssignPublicIp: "DISABLED"}},
    CapacityProviderStrategy: .capacityProviderStrategy | map({CapacityProvider: .capacityProvider, Base: .base, Weight: .weight})}}}]}' <<<"$to")
  suspended=yes
  scaling false
  deployment=$(aws deploy create-deployment --query deploymentId --output text --cli-input-json "$(jq --arg appspec "$appspec" '
    {applicationName: .application, deploymentGroupName: .deploymentGroup,
     revision: {revisionType: "AppSpecContent", appSpecContent: {content: $appspec}}}' <<<"$to")")
  while :; do
    status=$(aws deploy get-deployment --deployment-id "$deployment" --query deploymentInfo.status --output text)
    case $status in
      Succeeded) deployment=""; break ;;
      Failed | Stopped) deployment=""; fail "CodeDeploy says $status: an alarm, or tasks that did not get healthy" ;;
    esac
    if [ "$SECONDS" -ge "$deadline" ]; then fail "gave up waiting: CodeDeploy says $status"; fi
    sleep "$pause"
  done
  if ! running | jq --exit-status --arg revision "$revision" \
    'any(.taskSets[]; .status == "PRIMARY" and .taskDefinition == $revision and .runningCount >= 1)' >/dev/null; then
    fail "CodeDeploy says Succeeded, but no task of the new revision runs"
  fi
}

to=$(aws ssm get-parameter --name "/batbern/$environment/services/$service/deployment" --query Parameter.Value --output text)
template=$(aws ecs describe-task-definition --task-definition "$(get template)" --query taskDefinition --output json)
refuse_other_architecture
refuse_nothing_to_replace
revision=$(register)
if [ -n "$(get deploymentGroup)" ]; then roll_by_codedeploy; else roll_by_ecs; fi
echo "$revision runs"
