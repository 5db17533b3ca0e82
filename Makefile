# What a person types. `make help` lists it.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

# go test ./... skips folders that begin with _, so their packages are named; none is an error
FOLDERS  = $(or $(shell cd __tests__ && go list ./...),$(error no test package was found under __tests__))
TESTS    = ./... $(FOLDERS)
TOOL     = go tool -modfile=tools/go.mod
COVERED  = ./config/...,./constructs/...,./stacks/...,./lambda/...
PYTHON  ?= python3
ENVIRONMENTS = base dev staging prod

# the tests that need the AWS provider: make test-provider RUN=TestGuide runs one
RUN ?= TestChanges|TestOrderAlone|TestOpenTofu|TestKilledApplies|TestGuide$$|TestAcceptedConfigurations

# no usage statistics of the cdktf CLI and Terraform: where the network blocks them, they end in an error message
export CHECKPOINT_DISABLE ?= 1

.PHONY: help terminal setup synth migration-image test test-provider test-migrations snapshots lint validate provider-lock plan deploy destroy environment local local-gaps permissions local-destroy cost diagram docs bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: node_modules/.package-lock.json ## install what the other commands need, into this folder only
	@$(PYTHON) -m venv --help >/dev/null 2>&1 || echo "note: Python 3 with venv was not found; tests against AWS's API and make local need it (apt-get install python3-venv, brew install python)"
	@! $(PYTHON) -m venv --help >/dev/null 2>&1 || $(MAKE) --no-print-directory .venv/installed

node_modules/.package-lock.json: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm was not found: install Node.js 20 or newer, https://nodejs.org"; exit 1; }
	npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

.venv/installed: internal/mototest/requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

synth: node_modules/.package-lock.json ## Terraform for all stacks, in cdktf.out
	@go run .

test: setup ## all tests, with coverage
	@$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- \
		-count=1 -timeout 30m -coverprofile=coverage.out -coverpkg=$(COVERED) $(TESTS) \
		| sed -u 's/ (coverage: [^)]*)//'
	@$(TOOL) go-test-coverage --config .testcoverage.yml

test-provider: setup ## the tests that need Terraform and the AWS provider
	@PROVIDER_TESTS=true go test -count=1 -timeout 60m -run '$(RUN)' $(addprefix ./__tests__/,changes cli integration)

test-migrations: setup ## the migrations with real Flyway on a real PostgreSQL
	CI=true go test -count=1 ./migrations/... ./internal/migrationlint ./lambda/migration-runner/...

migration-image: ## build the migrations' image and push it: make migration-image REPOSITORY=<account>.dkr.ecr.<region>.amazonaws.com/batbern/flyway
	docker buildx build --platform linux/arm64 -f migrations/Dockerfile \
		-t $(or $(REPOSITORY),$(error name the repository: terraform output repository_url_flyway of batbern-base)):$$(go run ./cmd/batbern migrations tag) --push .

snapshots: ## write the golden files anew, to be reviewed as a diff
	go test ./__tests__/snapshots -count=1 -update

lint: ## gofmt, go vet, staticcheck, tidy modules
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "not formatted: $$unformatted; run gofmt -w ."; exit 1; }
	go vet $(TESTS)
	$(TOOL) staticcheck $(TESTS)
	go mod tidy -diff

validate: synth ## every stack against the AWS provider's schema
	@go run ./cmd/batbern validate

PLATFORMS = linux_amd64 linux_arm64 darwin_amd64 darwin_arm64

provider-lock: synth ## write the checksums of the AWS provider for all platforms; needs registry.terraform.io
	rm -f cdktf.out/stacks/batbern-base/.terraform.lock.hcl
	terraform -chdir=cdktf.out/stacks/batbern-base providers lock $(PLATFORMS:%=-platform=%)
	cp cdktf.out/stacks/batbern-base/.terraform.lock.hcl internal/terraform/.terraform.lock.hcl

plan: environment synth ## what would change: make plan ENV=dev
	@go run ./cmd/batbern plan --env $(ENV)

deploy: environment terminal node_modules/.package-lock.json ## make it so: make deploy ENV=dev
	npx cdktf deploy batbern-$(ENV) $(APPROVAL)

destroy: environment terminal node_modules/.package-lock.json ## take an unprotected environment away: make destroy ENV=dev
	npx cdktf destroy batbern-$(ENV) $(APPROVAL)

APPROVAL = $(if $(AUTO_APPROVE),--auto-approve)

# the cdktf CLI ends in a stack trace where it cannot ask
terminal:
	@$(if $(AUTO_APPROVE),:,test -t 0 || { echo "no terminal to approve the plan in: add AUTO_APPROVE=true"; exit 1; })

# said before anything slow is done
environment:
	@$(if $(and $(filter 1,$(words $(ENV))),$(filter $(ENVIRONMENTS),$(ENV))),:,$(error name the environment: make $(MAKECMDGOALS) ENV=dev, or one of $(ENVIRONMENTS)))

local: setup ## base and dev on an emulator; others: make local STACKS="base staging"
	@go run ./cmd/batbern local apply $(if $(ENDPOINT),--endpoint $(ENDPOINT)) $(STACKS)

local-gaps: setup ## each environment on an emulator, and which entries of its list of gaps none needs
	@go run ./cmd/batbern local gaps

permissions: setup ## judge what make local recorded against the permissions of the pipelines' roles
	@go run ./cmd/batbern permissions

local-destroy: ## take the local stacks away
	@go run ./cmd/batbern local destroy $(if $(ENDPOINT),--endpoint $(ENDPOINT))

cost: ## what the synthesized stacks cost a month: make cost ENV=dev, make cost AGAINST=../main/cdktf.out
	@go run ./cmd/batbern cost $(if $(ENV),--env $(ENV)) $(if $(AGAINST),--against $(AGAINST)) $(if $(FORMAT),--format $(FORMAT))

diagram: ## pictures of the synthesized stacks, into docs/pictures
	@go run ./cmd/batbern diagram

docs: synth ## what README shows, anew: its table of costs and the pictures
	@go run ./cmd/batbern cost --into README.md
	@go run ./cmd/batbern diagram

bench: ## how long synthesis takes, as a ratio measured in one sitting
	@go run ./cmd/batbern bench

clean: ## remove what was built here; state is kept
	rm -rf cdktf.out node_modules .venv .cache coverage.out
