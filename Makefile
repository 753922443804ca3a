# The two commands of the README, and the parts of the second one.
#
#   make demo    a cluster on this machine, with Annex and an AggregatedServer on it, left standing
#   make test    every check and test, in stages; the first that fails ends it
#   make bare    whether both are built on a Debian with Rust, Go, cc and make and nothing else
#   make generate    the files that are generated from the API types

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Outside of the clone, so that the next clone need not build everything again.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/annex/target
export CARGO_TERM_PROGRESS_WHEN ?= never

.PHONY: help packages harness demo test bare generate format lint docs unit storage charts node cluster

help:
	@sed -n 's/^#   //p' $(MAKEFILE_LIST)

# What building needs from Debian: the compiler of etcd's protocol.
packages:
	@command -v protoc >/dev/null || { apt-get update -qq && apt-get install --yes --no-install-recommends protobuf-compiler; }

# `cargo e2e` is quiet about building itself, which takes a while the first time.
harness: packages
	cargo build --locked --package annex-e2e

demo:
	@.ci/forecast demo
	@$(MAKE) --no-print-directory harness
	cargo e2e demo

test:
	@.ci/forecast test
	@exec .ci/stages

format:
	cargo fmt --all --check

lint: packages
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

docs: packages
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace

# Unit tests and those that need nothing but loopback.
unit: packages
	cargo test --locked --workspace

# Storage on each real backend, and what it does when it is killed.
storage: harness
	etcd=$$(cargo e2e program etcd) && ANNEX_ETCD=$$etcd cargo test --locked --package annex-apiserver --features real-backends --test embedded --test storage_etcd

# Charts with the real helm, and what is generated in them.
charts: harness
	cargo e2e charts

# The cluster itself: up, pods, volumes, down without a trace. Not by way of cargo, which would wait for the stages beside it.
node: harness
	$(CARGO_TARGET_DIR)/debug/annex-e2e selftest

# Annex on a cluster of its own, which goes when all is well; after a failure it stays, to be looked at.
cluster: harness
	cargo e2e --name test test
	cargo e2e --name test down

# What both commands build, in a Debian of its own that has nothing else.
bare:
	.ci/bare

# What is generated from the types: the CRD, the table of reasons, their copies in the charts.
generate: harness
	cargo run --quiet --package annex-crds --example crdgen -- crd > crds/yaml/aggregatedservers.annex.dev.yaml
	cargo run --quiet --package annex-crds --example crdgen -- reasons > docs/reasons.md
	cargo e2e charts --write
