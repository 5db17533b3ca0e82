// Package observability watches an environment: topics that people listen to, alarms on what exists, dashboards drawn
// from the same targets, tracing, canaries, events and the upkeep of logs.
package observability
