//! Where a definition answers otherwise than a program, and why.

use super::super::differences::Difference;

/// What docs/gadgets-differences.md lists of a definition.
pub(crate) const DECLARED: &[Difference] = &[
    Difference {
        request: "a definition: create with a text for a number",
        reason: "a definition has a schema and no types, and refuses with 422 what a program cannot decode, 400",
    },
    Difference {
        request: "a definition: create with a list for a map",
        reason: "a definition has a schema and no types, and refuses with 422 what a program cannot decode, 400",
    },
    Difference {
        request: "a definition: create with a number in a set of texts",
        reason: "a definition has a schema and no types, and refuses with 422 what a program cannot decode, 400",
    },
    Difference {
        request: "a definition: create with too many features",
        reason: "a definition tells that rules of CEL were not asked where the schema has refused already",
    },
    Difference {
        request: "a definition: create with a long color",
        reason: "a definition tells that rules of CEL were not asked where the schema has refused already",
    },
    Difference {
        request: "a definition: in a form that nobody writes",
        reason: "names the forms in the words of a group without a definition",
    },
    Difference {
        request: "a definition: a verb that is none",
        reason: "a definition takes a POST to an object for a create",
    },
    Difference {
        request: "a definition: merge patch of the kind",
        reason: "a definition decodes every kind, and its rules refuse another one",
    },
    Difference {
        request: "a definition: strategic merge patch",
        reason: "a definition has no types to merge by, and answers 415",
    },
    Difference {
        request: "a definition: apply the same",
        reason: "a definition stores the default of a status with the second write, not with the first, which drops the status",
    },
    Difference {
        request: "a definition: delete a status",
        reason: "a definition says 405 in words of its own, and names the resource",
    },
    Difference {
        request: "a definition: post a status",
        reason: "a definition says 405 in words of its own, and names the resource",
    },
];
