//! A real single-node Kubernetes on this machine, and the tests that need one.
//!
//! `cargo e2e up` makes the cluster, `cargo e2e down` takes it away without a trace. From the command to the
//! kernel:
//!
//! ```text
//! cli -> cluster -> packages, programs      what the node runs, installed and built
//!                   node                    its namespaces and cgroups
//!                   certs, kubeconfig       its identities
//!                   components -> process   its programs, one file each
//!                   addons -> client        what is installed through its API
//! ```
//!
//! [`layout`] names everything a cluster owns on the machine, so that two can stand side by side; [`paths`] alone
//! knows the home directory. Progress goes to stderr; stdout is for results.

pub mod addons;
pub mod attack;
pub mod bench;
pub mod certs;
pub mod charts;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod components;
pub mod demo;
pub mod diagnosis;
pub mod exec;
pub mod files;
pub mod images;
pub mod install;
pub mod kubeconfig;
pub mod layout;
pub mod loopback;
pub mod node;
pub mod packages;
pub mod paths;
pub mod previous;
pub mod process;
pub mod product;
pub mod programs;
pub mod progress;
pub mod provisioner;
pub mod scenarios;
pub mod selftest;
pub mod tools;
