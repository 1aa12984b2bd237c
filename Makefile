# `make run` shows a population that evolves, and a program that is improved. `make test` checks
# everything, of the deep tests the fifth that is today's; `make test-deep` takes all of those;
# `make test-pure` and the like are the other tiers alone. All set up first.
SHELL := /usr/bin/env bash
.DEFAULT_GOAL := run
TIERS := pure parts whole
.PHONY: run test test-deep $(TIERS:%=test-%) setup clean

run: setup
	@examples/first_run.sh

test: setup
	@.ci/check

$(TIERS:%=test-%): test-%: setup
	@.ci/tests tests/$*

test-deep: setup
	@EVOLVE_DEEP=all .ci/tests tests/deep

setup:
	@.ci/setup

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis workspace/demo workspace/demo-task workspace/check
