package config

import "strings"

// Pipeline is the pipeline of a service or of the frontend: the workflows of its repository on GitHub, which roll it out.
// A service's pipeline pushes its images, too.
type Pipeline struct {
	// Name is the service's name, or [FrontendName].
	Name string `validate:"required,max=24,servicename"`
	// Repository is "owner/name".
	Repository string `validate:"repository"`
	// SubjectPrefix begins the subjects of the repository's tokens: "repo:owner/name", or with numeric ids.
	SubjectPrefix string `validate:"required,subjectprefix"`
}

// Frontend is the web application, which CloudFront serves from a bucket.
type Frontend struct {
	// Repository is the frontend's repository on GitHub, beside this project's: its workflows write the bucket and
	// invalidate the distribution. Name one that exists: who may make repositories could make it. Empty means that people
	// with permissions of their own publish.
	Repository string `validate:"omitempty,githubname"`
}

// FrontendName is the frontend's name where services have theirs: in its pipeline's roles. No service may have it.
const FrontendName = "frontend"

// frontend is the same in every environment.
func frontend() Frontend { return Frontend{Repository: "web-frontend"} }

// HasImages says whether the pipeline pushes container images.
func (p Pipeline) HasImages() bool { return p.Name != FrontendName }

// pipelines are those of the services and of the frontend that name a repository. It is always one of the owner of this
// project's: another owner's workflows roll out nothing here.
func pipelines(services []Service, front Frontend, settings Settings) []Pipeline {
	owner, _, _ := strings.Cut(settings.GithubRepository, "/")
	var all []Pipeline
	add := func(name, repository string) {
		if repository != "" {
			repository = owner + "/" + repository
			all = append(all, Pipeline{Name: name, Repository: repository, SubjectPrefix: settings.subjectPrefix(repository)})
		}
	}
	for _, service := range services {
		add(service.Name, service.Repository)
	}
	add(FrontendName, front.Repository)
	return all
}
