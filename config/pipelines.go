package config

import "strings"

// Pipeline is a service's own pipeline: the workflows of its repository on GitHub, which push its images and roll them
// out.
type Pipeline struct {
	Service string
	// Repository is "owner/name".
	Repository string `validate:"repository"`
}

// pipelines are those of the services that name a repository. It is always one of the owner of this project's: another
// owner's workflows roll out nothing here.
func pipelines(services []Service, project string) []Pipeline {
	owner, _, _ := strings.Cut(project, "/")
	var all []Pipeline
	for _, service := range services {
		if service.Repository != "" {
			all = append(all, Pipeline{Service: service.Name, Repository: owner + "/" + service.Repository})
		}
	}
	return all
}
