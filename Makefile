# The two commands of the README, and the parts of the second one.
#
#   make demo    a cluster on this machine, with Annex and an AggregatedServer on it, left standing
#   make test    every check and test, in stages; the first that fails ends it
#   make bare    whether both are built on a Debian with Rust, Go, cc and make and nothing else
#   make generate    the files that are generated from the API types and from etcd's

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Outside of the clone, so that the next clone need not build everything again.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/annex/target
export CARGO_TERM_PROGRESS_WHEN ?= never

.PHONY: help valgrind harness demo test bare generate package package-check format lint docs unit storage charts node cluster

help:
	@sed -n 's/^#   //p' $(MAKEFILE_LIST)

# What counts instructions (the library's `costs`).
valgrind:
	@command -v valgrind >/dev/null || { apt-get update -qq && apt-get install --yes --no-install-recommends valgrind; }

# `cargo e2e` is quiet about building itself, which takes a while the first time.
harness:
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

lint: package
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	cargo clippy --locked --package annex-apiserver --test embedded --test storage_etcd --all-features -- -D warnings
	cargo test --locked --workspace --test dependencies

# What a program that depends on the library gets: complete, with the generated code, and no compiler of protocols below it.
package:
	@files=$$(cargo package --quiet --locked --allow-dirty --list --package annex-apiserver); \
	for file in Cargo.toml README.md src/lib.rs src/storage/etcd/proto/etcdserverpb.rs src/storage/etcd/proto/mvccpb.rs; do \
	    grep -qx "$$file" <<<"$$files" || { echo "annex-apiserver is packaged without $$file"; exit 1; }; \
	done; \
	below=$$(cargo tree --quiet --locked --package annex-apiserver --all-features --edges normal,build --prefix none); \
	! grep -E '^(prost-build|tonic-build|protox|protoc)' <<<"$$below" || { echo "annex-apiserver needs that to be built"; exit 1; }

# The package unpacked elsewhere and checked there, with nothing but cargo and cc.
package-check:
	cargo package --locked --allow-dirty --package annex-apiserver

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace

# Unit tests and those that need nothing but loopback.
unit: valgrind
	cargo test --locked --workspace

# Storage on each real backend, and what it does when it is killed.
storage: harness
	etcd=$$(cargo e2e program etcd) && ANNEX_ETCD=$$etcd cargo test --locked --package annex-apiserver --test embedded --test storage_etcd

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

# What is generated from the types: the code of etcd's API, the CRD, the table of reasons, their copies in the charts.
generate: harness
	cargo run --locked --quiet --package annex-protogen
	cargo run --quiet --package annex-crds --example crdgen -- crd > crds/yaml/aggregatedservers.annex.dev.yaml
	cargo run --quiet --package annex-crds --example crdgen -- ard > crds/yaml/aggregatedresourcedefinitions.annex.dev.yaml
	cargo run --quiet --package annex-crds --example crdgen -- reasons > docs/reasons.md
	cargo e2e charts --write
