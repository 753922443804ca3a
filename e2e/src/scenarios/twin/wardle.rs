//! Kubernetes' own sample-apiserver and Annex's wardle.

use super::differences::Difference;
use super::pair::Pair;
use crate::scenarios::world;

/// The two, which claim `wardle.example.com`.
pub(super) const PAIR: Pair = Pair {
    go: "twin-go",
    ours: "twin-ours",
    objects: "twin",
    access: "",
    group: "wardle.example.com",
    go_server: |name| world::go_sample_server(name, name, ""),
    our_server: |name| world::sample_server(name, name, ""),
    files: &[
        include_str!("requests/wardle/1-discovery.http"),
        include_str!("requests/wardle/2-create.http"),
        include_str!("requests/wardle/3-read.http"),
        include_str!("requests/wardle/4-watch.http"),
        include_str!("requests/wardle/5-update.http"),
        include_str!("requests/wardle/6-apply.http"),
        include_str!("requests/wardle/7-delete.http"),
        include_str!("requests/wardle/8-admission.http"),
    ],
    least: 450,
    definition: false,
    declared: DECLARED,
    #[cfg(test)]
    page: include_str!("../../../../docs/wardle-differences.md"),
};

/// What docs/wardle-differences.md lists.
const DECLARED: &[Difference] = &[
    Difference {
        request: "a group that is not there",
        reason: "the index of paths names the checks and hooks that each server has",
    },
    Difference {
        request: "a check that is not there",
        reason: "the index of paths names the checks and hooks that each server has",
    },
    Difference {
        request: "a path that is none",
        reason: "the index of paths names the checks and hooks that each server has",
    },
    Difference {
        request: "create with a body in protobuf",
        reason: "answers 415: a Flunder has no protobuf; Go finds that out when it reads the body, 400",
    },
    Difference {
        request: "get in protobuf or JSON",
        reason: "answers JSON, the client's second choice, as for a CustomResourceDefinition; Go refuses its own first choice",
    },
    Difference {
        request: "create with another kind",
        reason: "says in other words that a Fischer is no Flunder",
    },
    Difference {
        request: "merge patch to another kind",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "merge patch with a wrong type",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "merge patch with an unknown field, strictly",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "replace another object's uid",
        reason: "tells the failed precondition without the key and code of Go's storage",
    },
];
