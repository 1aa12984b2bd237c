# `make run` shows a population that evolves; `make test` checks everything. Both set up first.
SHELL := /usr/bin/env bash
.DEFAULT_GOAL := run
.PHONY: run test setup clean

run: setup
	@examples/first_run.sh

test: setup
	@.ci/check

setup:
	@.ci/setup

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis workspace/demo workspace/check
