# Each target makes what it needs; nothing but Python >= 3.11 has to be there. ARGS goes on to the command.
.DEFAULT_GOAL := help
.PHONY: help demo test volttron check bench format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: ## bring up a whole house on this machine: server, devices, page
	@scripts/setup run
	@exec .venv/bin/openesi demo $(ARGS)

test: ## run the tests
	@scripts/test $(ARGS)

volttron: ## run the tests that need a VOLTTRON platform, after installing one
	@scripts/setup-volttron
	@scripts/test tests/sunspec --timeout 180 $(ARGS)

check: ## lint, types, import rules, links: all that CI checks before the tests
	@scripts/check

bench: ## measure the hot paths against their yardsticks
	@scripts/setup dev
	@scripts/want bench
	@exec .venv/bin/python -m bench $(ARGS)

format: ## put the code into its one layout
	@scripts/setup dev
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format --quiet

lock: ## pin the dependencies again after a change in pyproject.toml
	@scripts/lock $(ARGS)

clean: ## remove all that these targets made
	rm -rf .venv .venv-volttron .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
