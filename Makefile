PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FUZZ_EXAMPLES ?= 2000

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Made anew whenever a lock changes.
$(READY): requirements.txt requirements-dev.txt
	@echo "Setting up $(VENV) (once, less than a minute)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--requirement requirements-dev.txt
	@touch $@

.PHONY: demo
demo: $(READY) ## Report deployments to strict receivers on this machine, without any account
	@$(BIN)/python -m demo

.PHONY: test
test: $(READY) ## Run every test, with branch coverage
	@rm -f .coverage*
	@$(BIN)/python -m coverage run -m pytest --numprocesses 2 --faults check
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

.PHONY: fuzz
fuzz: $(READY) ## Run every property with many examples (FUZZ_EXAMPLES each, 100,000 in all)
	@nice -n 10 $(BIN)/python -m pytest --quiet --numprocesses 2 --dist worksteal \
		-p tests.fuzz.long --examples $(FUZZ_EXAMPLES)

.PHONY: check
check: $(READY) ## Run the linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml docker/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --check-metaschema src/dora_deployments/*/schemas/*.json
	$(BIN)/zizmor --offline --quiet --persona=auditor --config .github/zizmor.yml . examples/*.yml
	$(BIN)/hadolint Dockerfile
	bash -n launch.sh

.PHONY: docs
docs: $(READY) ## Write the generated parts of README.md and SECURITY.md anew
	@$(BIN)/python -m tools.docs

.PHONY: faults
faults: $(READY) ## Run what proves the rows of docs/faults.md, and write it anew
	@$(BIN)/python -m pytest --quiet --numprocesses 2 --faults write -m "fault or threat"
	@$(BIN)/python -m tools.docs

.PHONY: messages
messages: $(READY) ## Write tests/messages anew: what people read of every bad input
	@$(BIN)/python -m tools.messages

.PHONY: lock
lock: ## Compile the locks anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --upgrade \
		--no-emit-index-url --custom-compile-command "make lock" requirements.in -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --upgrade \
		--no-emit-index-url --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt

.PHONY: octokit
octokit: $(READY) ## Run the action on every public example of GitHub's events (needs npm)
	@npm install --silent --no-audit --no-fund --prefix build @octokit/webhooks-examples@7.6.1
	@$(BIN)/python -m tools.octokit build/node_modules/@octokit/webhooks-examples

.PHONY: mutants
mutants: $(READY) ## Change the code bit by bit, and list what no test notices (a quarter of an hour)
	@nice -n 10 $(BIN)/python -m tools.mutants
