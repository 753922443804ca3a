//! The registry on a store in memory: cases of k8s.io/apiserver's `registry/generic/registry/store_test.go` and
//! `registry/rest/resttest`, by verb.

mod create;
mod delete;
mod fixture;
mod list;
mod read;
mod update;
mod watch;
