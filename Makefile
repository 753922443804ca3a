# The two commands of the README, and the parts of the second one.
#
#   make demo    a cluster on this machine, with Annex and an AggregatedServer on it, left standing
#   make test    every check and test, one stage after the other; the first that fails ends it

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Outside of the clone, so that the next clone need not build everything again.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/annex/target
export CARGO_TERM_PROGRESS_WHEN ?= never

STAGES := format lint docs unit cluster

.PHONY: help harness demo test $(STAGES)

help:
	@sed -n 's/^#   //p' $(MAKEFILE_LIST)

# `cargo e2e` is quiet about building itself, which takes a while the first time.
harness:
	cargo build --locked --package annex-e2e

demo: harness
	cargo e2e demo

test:
	@begin=$$SECONDS; \
	for stage in $(STAGES); do \
	    echo "=== $$stage"; \
	    start=$$SECONDS; \
	    $(MAKE) --no-print-directory $$stage || { echo "=== $$stage FAILED after $$((SECONDS - start)) s"; exit 1; }; \
	    echo "=== $$stage passed in $$((SECONDS - start)) s"; \
	done; \
	echo "=== all stages passed in $$((SECONDS - begin)) s"

format:
	cargo fmt --all --check

lint:
	cargo clippy --locked --workspace --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace

# Unit tests and those that need nothing but loopback.
unit:
	cargo test --locked --workspace

# Tests on real clusters, made for them.
cluster: harness
	cargo e2e selftest
