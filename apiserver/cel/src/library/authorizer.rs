//! The authorizer of admission policies: declared, as it is where schemas' rules are compiled, although these have no variable of it.

use super::Guard::Types;
use super::{Decl, native};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "path",
        guard: Types,
        overloads: &[(
            "authorizer_path",
            "kubernetes.authorization.Authorizer.(string) -> kubernetes.authorization.PathCheck",
            unknown,
        )],
    },
    Decl {
        function: "group",
        guard: Types,
        overloads: &[(
            "authorizer_group",
            "kubernetes.authorization.Authorizer.(string) -> kubernetes.authorization.GroupCheck",
            unknown,
        )],
    },
    Decl {
        function: "serviceAccount",
        guard: Types,
        overloads: &[(
            "authorizer_serviceaccount",
            "kubernetes.authorization.Authorizer.(string, string) -> kubernetes.authorization.Authorizer",
            unknown,
        )],
    },
    Decl {
        function: "resource",
        guard: Types,
        overloads: &[(
            "groupcheck_resource",
            "kubernetes.authorization.GroupCheck.(string) -> kubernetes.authorization.ResourceCheck",
            unknown,
        )],
    },
    Decl {
        function: "subresource",
        guard: Types,
        overloads: &[(
            "resourcecheck_subresource",
            "kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck",
            unknown,
        )],
    },
    Decl {
        function: "namespace",
        guard: Types,
        overloads: &[(
            "resourcecheck_namespace",
            "kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck",
            unknown,
        )],
    },
    Decl {
        function: "name",
        guard: Types,
        overloads: &[(
            "resourcecheck_name",
            "kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck",
            unknown,
        )],
    },
    Decl {
        function: "check",
        guard: Types,
        overloads: &[
            (
                "pathcheck_check",
                "kubernetes.authorization.PathCheck.(string) -> kubernetes.authorization.Decision",
                unknown,
            ),
            (
                "resourcecheck_check",
                "kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.Decision",
                unknown,
            ),
        ],
    },
    Decl {
        function: "errored",
        guard: Types,
        overloads: &[(
            "decision_errored",
            "kubernetes.authorization.Decision.() -> bool",
            unknown,
        )],
    },
    Decl {
        function: "error",
        guard: Types,
        overloads: &[(
            "decision_error",
            "kubernetes.authorization.Decision.() -> string",
            unknown,
        )],
    },
    Decl {
        function: "allowed",
        guard: Types,
        overloads: &[(
            "decision_allowed",
            "kubernetes.authorization.Decision.() -> bool",
            unknown,
        )],
    },
    Decl {
        function: "reason",
        guard: Types,
        overloads: &[(
            "decision_reason",
            "kubernetes.authorization.Decision.() -> string",
            unknown,
        )],
    },
];

pub(super) const SELECTORS: &[Decl] = &[
    Decl {
        function: "fieldSelector",
        guard: Types,
        overloads: &[(
            "authorizer_fieldselector",
            "kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck",
            unknown,
        )],
    },
    Decl {
        function: "labelSelector",
        guard: Types,
        overloads: &[(
            "authorizer_labelselector",
            "kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck",
            unknown,
        )],
    },
];

// There is no value of these types.
native!(fn unknown(_, _, _, _, _) crate::value::no_overload());
