// Package config says what differs between BATbern's environments, and nothing else.
//
// [Load] gives one validated [Environment], [LoadBase] the shared base, [LoadProject] all of them with the settings
// that a person or a pipeline may override. The files dev.go, staging.go, prod.go and base.go hold values only, so a
// diff of two of them reads as the difference of two environments. The package imports no cdktf and reads the process
// environment in one place ([FromProcess]); its tests take milliseconds.
package config
