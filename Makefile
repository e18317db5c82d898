# make bench   runs the main job: a language model generates on a virtual iPhone, measured, stored, reported
# make test    every test: Go, Swift, Python
# make lint    every linter: Go, Swift, Python, shell
# make help    the rest: man pages, the long tests, the parts of these

GO       ?= go
PKGS     ?= ./...
REVISION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -X main.revision=$(REVISION)
SWIFT_SOURCES := $(shell find runtime/Sources runtime/Package.swift -type f 2>/dev/null)
GO_SOURCES    := $(shell find cmd harness runners reports configs virtualiphone -type f \( -name '*.go' -o -name '*.yaml' -o -name '*.js' -o -name '*.css' -o -name '*.sql' -o -name '*.html' \) 2>/dev/null) $(shell find runtime/models -type f 2>/dev/null)

.PHONY: bench build man test test-go test-swift test-python test-real test-long clean help setup setup-go

bench: build ## run the main job on a virtual iPhone 15 (ARGS="…" go to bench run)
	@scripts/bench $(ARGS)

build: bin/bench bin/BenchApp.ipa ## build bench, the agent and the app for the virtual iPhone

bin/bench: go.mod go.sum $(GO_SOURCES) | setup-go # needs no Swift
	@echo "==> building bench" >&2
	@mkdir -p bin
	@$(GO) build -ldflags '$(LDFLAGS)' -o $@ ./cmd/bench

bin/bench-agent: $(SWIFT_SOURCES) | setup
	@echo "==> building the runtime (Swift)" >&2
	@scripts/build-agent $@

bin/BenchApp.ipa: bin/bench-agent bin/bench
	@bin/bench app pack --agent bin/bench-agent --revision $(REVISION) --output $@

setup:
	@scripts/setup build

setup-go:
	@scripts/setup go

man: bin/bench ## man pages, in bin/man
	@bin/bench man bin/man

test: test-go test-python test-swift ## run every test

test-go: build
	@echo "==> Go tests" >&2
	@$(GO) vet $(PKGS)
	@BENCH_AGENT=$(CURDIR)/bin/bench-agent BENCH_IPA=$(CURDIR)/bin/BenchApp.ipa GO=$(GO) scripts/test-go -race -timeout 20m $(PKGS)

test-python: bin/bench-agent | setup
	@scripts/setup test
	@echo "==> Python tests" >&2
	@BENCH_AGENT=$(CURDIR)/bin/bench-agent .venv/bin/python -m pytest -q -rs runtime/convert/tests
	@.venv/bin/python -m pytest -q -rs runtime/training/tests

test-real: build | setup ## fetch, convert and try real models (330 MB, once)
	@scripts/setup test
	@echo "==> real models" >&2
	@BENCH_AGENT=$(CURDIR)/bin/bench-agent .venv/bin/python -m pytest -q -rs runtime/convert/real_models

test-long: build ## what takes too long for every push: fuzzing, error rates, benchmarks, a soak
	@GO=$(GO) scripts/test-long

test-swift: | setup
	@echo "==> Swift tests" >&2
	@scripts/test-swift
	@scripts/typecheck-apple
	@scripts/test-coreml

lint: lint-go lint-swift lint-python lint-shell ## run every linter

.PHONY: lint lint-go lint-swift lint-python lint-shell release-check

# The linter's cache lies beside its binary, outside the repository.
lint-go: | setup-go
	@echo "==> golangci-lint" >&2
	@tool=$$(scripts/tool golangci-lint) && GOLANGCI_LINT_CACHE=$$tool.cache $$tool run
	@$(GO) mod tidy -diff

lint-swift: | setup
	@echo "==> swift-format" >&2
	@scripts/swift format lint --strict --recursive --parallel runtime/Package.swift runtime/Sources runtime/Tests ios-bench-app

lint-python:
	@scripts/setup python
	@echo "==> ruff and mypy" >&2
	@scripts/lint-python

lint-shell:
	@scripts/setup lint
	@echo "==> shellcheck" >&2
	@if command -v shellcheck >/dev/null; then shellcheck $$(grep -lsE '^#!.*\b(sh|bash)$$' scripts/* .ci/* runtime/*/*); fi

release-check: ## check the release configuration (.goreleaser.yaml)
	@tool=$$(scripts/tool goreleaser) && $$tool check

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

clean: ## remove what was built (data stays)
	rm -rf bin runtime/.build .venv
