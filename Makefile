# Verbs only: CMake builds (CMakeLists.txt), scripts/setup obtains what is missing. `make help` lists the verbs.
.DEFAULT_GOAL := build
.PHONY: build run test test-unit test-e2e asan tsan fuzz lint fmt openapi bench check clean help

SHELL := /bin/bash
ARGS ?=
export NIMA_JOBS

build: ## build the release into build/
	@scripts/setup packages
	@scripts/setup deps
	@scripts/setup build

run: ## obtain what is missing, build, start the server on http://127.0.0.1:8002 (ARGS="--port 9000")
	@scripts/setup run $(ARGS)

test: ## obtain what the tests need, build with sanitizers, run every test
	@scripts/setup test $(ARGS)

test-unit: build ## the C units, against the release build
	@scripts/setup test-tools
	@scripts/setup pytest tests/unit $(ARGS)

test-e2e: build ## real models, real browser, against the release build
	@scripts/setup test-tools
	@scripts/setup pytest tests/e2e $(ARGS)

asan: ## build into build/asan with ASan and UBSan, warnings as errors
	@scripts/setup deps
	@scripts/setup tree build/asan -DNIMA_SANITIZE=address -DNIMA_DEVELOPER=ON

tsan: ## build into build/tsan with TSan
	@scripts/setup deps
	@scripts/setup tree build/tsan -DNIMA_SANITIZE=thread

fuzz: asan ## run every fuzz target for a while (FUZZ_SECONDS=60)
	@scripts/fuzz build/asan $(ARGS)

lint: build ## formatting, rooms, sizes, headers, names, clang-tidy or cppcheck
	@scripts/lint $(ARGS)

fmt: ## lay the C code out by .clang-format
	@git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs -r clang-format -i

openapi: build ## write api/openapi.json from the route tables
	@mkdir -p api && build/nima openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json

bench: build ## measure, and compare with the last time
	@bench/run $(ARGS)

check: lint test ## lint and test, as CI does

clean: ## remove build/; the cache stays (scripts/setup cache-path)
	@rm -rf build

help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'
