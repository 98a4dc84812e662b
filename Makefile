# What a contributor needs; `.ci/run` calls the same targets.
GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
export GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME ?= 60s

.PHONY: build test lint vuln fuzz mutate bench check generate

build:            ## the program, in bin/
	$(GO) build -o bin/runbook ./cmd/runbook

test:             ## every test, with the race detector; what may be allocated and what takes long, without it
	$(GO) test -run TestHugeFiles ./engine/plan
	$(GO) test -run TestEvery ./engine/corpus
	$(GO) test -run TestTorture ./cmd/runbook
	$(GO) test -race ./...

lint:             ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

vuln:             ## known vulnerabilities in what is called; VULN_REQUIRED=1 fails where the database cannot be asked
	@GO="$(GO)" bash .ci/vuln-test
	@GO="$(GO)" bash .ci/vuln

fuzz:             ## every fuzz target for FUZZTIME
	@GO="$(GO)" FUZZTIME="$(FUZZTIME)" bash .ci/fuzz

mutate:           ## would the tests notice if the interpreter were wrong? Takes minutes
	$(GO) run ./engine/interp/mutate

bench:            ## each figure beside its floor, in the same run
	$(GO) test -run '^$$' -bench . -benchtime 1x -count 3 ./cmd/runbook/bench

generate: build   ## the schemas and docs/reference.md
	./bin/runbook schema > schema.json
	./bin/runbook schema --scenarios > docs/scenarios.schema.json
	./bin/runbook schema --policy > docs/policy.schema.json
	./bin/runbook schema --journal > docs/journal.schema.json
	./bin/runbook schema --reference > docs/reference.md

check: lint test  ## what must be green before a commit
	$(GO) run ./cmd/runbook validate runbooks
	$(GO) run ./cmd/runbook test runbooks
