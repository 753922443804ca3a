# The two commands of the README, and the parts of the second one.
#
#   make demo    a cluster on this machine, with Annex and an AggregatedServer on it, left standing
#   make test    every check and test, one stage after the other; the first that fails ends it
#   make generate    the files that are generated from the API types

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Outside of the clone, so that the next clone need not build everything again.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/annex/target
export CARGO_TERM_PROGRESS_WHEN ?= never

STAGES := format lint docs unit storage charts node cluster
# Seconds that no stage needs, on the slowest machine with nothing in its caches: what takes longer hangs, and is named.
STAGE_LIMIT ?= 4000

.PHONY: help packages valgrind harness demo test generate $(STAGES)

help:
	@sed -n 's/^#   //p' $(MAKEFILE_LIST)

# What building needs from Debian: the compiler of etcd's protocol.
packages:
	@command -v protoc >/dev/null || { apt-get update -qq && apt-get install --yes --no-install-recommends protobuf-compiler; }

# What counts instructions (the library's `costs`).
valgrind:
	@command -v valgrind >/dev/null || { apt-get update -qq && apt-get install --yes --no-install-recommends valgrind; }

# `cargo e2e` is quiet about building itself, which takes a while the first time.
harness: packages
	cargo build --locked --package annex-e2e

demo: harness
	cargo e2e demo

test:
	@begin=$$SECONDS; \
	trap 'set +e; kill $$! 2>/dev/null; wait $$!; exit 130' INT TERM HUP QUIT; \
	for stage in $(STAGES); do \
	    echo "=== $$stage"; \
	    start=$$SECONDS; \
	    timeout --kill-after=30 $(STAGE_LIMIT) $(MAKE) --no-print-directory $$stage & \
	    wait $$! || { echo "=== $$stage FAILED after $$((SECONDS - start)) s"; exit 1; }; \
	    echo "=== $$stage passed in $$((SECONDS - start)) s"; \
	done; \
	echo "=== all stages passed in $$((SECONDS - begin)) s"

format:
	cargo fmt --all --check

lint: packages
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

docs: packages
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace

# Unit tests and those that need nothing but loopback.
unit: packages valgrind
	cargo test --locked --workspace

# Storage on each real backend, and what it does when it is killed.
storage: harness
	etcd=$$(cargo e2e program etcd) && ANNEX_ETCD=$$etcd cargo test --locked --package annex-apiserver --features real-backends --test embedded --test storage_etcd

# Charts with the real helm, and what is generated in them.
charts: harness
	cargo e2e charts

# The cluster itself: up, pods, volumes, down without a trace.
node: harness
	cargo e2e selftest

# Annex on a cluster of its own, which goes when all is well; after a failure it stays, to be looked at.
cluster: harness
	cargo e2e --name test test
	cargo e2e --name test down

# What is generated from the types: the CRD, the table of reasons, their copies in the charts.
generate: harness
	cargo run --quiet --package annex-crds --example crdgen -- crd > crds/yaml/aggregatedservers.annex.dev.yaml
	cargo run --quiet --package annex-crds --example crdgen -- reasons > docs/reasons.md
	cargo e2e charts --write
