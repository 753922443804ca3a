//! Parameters of requests.

use std::borrow::Cow;

use serde_json::{Value, json};

/// A parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    /// `string`, `integer` or `boolean`.
    pub(super) type_: &'static str,
    pub(super) description: Cow<'static, str>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
}

impl Parameter {
    /// What both versions of OpenAPI say of it.
    pub(super) fn head(&self) -> Value {
        let mut head = json!({
            "name": self.name,
            "in": if self.place == Place::Path { "path" } else { "query" },
            "description": self.description,
        });
        if self.place == Place::Path {
            head["required"] = true.into();
        }
        head
    }
}

const fn query(name: &'static str, type_: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Query,
        type_,
        description: Cow::Borrowed(description),
    }
}

const fn path(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Path,
        type_: "string",
        description: Cow::Borrowed(description),
    }
}

/// The name of an object of this kind.
pub(super) fn name_of(kind: &str) -> Parameter {
    Parameter {
        description: Cow::Owned(format!("name of the {kind}")),
        ..path("name", "")
    }
}

pub(super) const NAMESPACE: Parameter = path(
    "namespace",
    "object name and auth scope, such as for teams and projects",
);
pub(super) const SUBPATH: Parameter = path("path", "path to the resource");
pub(super) const PRETTY: Parameter = query(
    "pretty",
    "string",
    "If 'true', the answer is indented. Defaults to 'false', but to 'true' for browsers, curl and wget.",
);

const DRY_RUN: Parameter = query(
    "dryRun",
    "string",
    "When present, nothing is stored. The only valid value is All: every stage up to storing is run.",
);
const FIELD_MANAGER: Parameter = query(
    "fieldManager",
    "string",
    "The name of who makes the change: at most 128 printable characters.",
);
const FIELD_VALIDATION: Parameter = query(
    "fieldValidation",
    "string",
    "What is done about unknown and duplicate fields of the object: Ignore drops them, Warn (the default) drops them and warns of each, Strict refuses the request.",
);
const FORCE: Parameter = query(
    "force",
    "boolean",
    "Whether an apply patch takes over fields of other managers. Must be unset for other patches.",
);
const GRACE_PERIOD: Parameter = query(
    "gracePeriodSeconds",
    "integer",
    "Seconds before the object is deleted; zero is at once. Defaults to what the kind says.",
);
const IGNORE_READ_ERROR: Parameter = query(
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "boolean",
    "Whether an object that cannot be read is deleted unsafely, without finalizers and preconditions. Defaults to false.",
);
const ORPHAN: Parameter = query(
    "orphanDependents",
    "boolean",
    "Deprecated: use propagationPolicy. Whether dependents are orphaned.",
);
const PROPAGATION: Parameter = query(
    "propagationPolicy",
    "string",
    "Whether and how dependents are deleted: Orphan, Background or Foreground. Defaults to what finalizers and the kind say.",
);

pub(super) const WRITE: &[Parameter] = &[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
pub(super) const PATCH: &[Parameter] = &[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, FORCE];
pub(super) const DELETE: &[Parameter] = &[DRY_RUN, GRACE_PERIOD, IGNORE_READ_ERROR, ORPHAN, PROPAGATION];

const CONTINUE: Parameter = query(
    "continue",
    "string",
    "The token of the page before, to get the next one of a list.",
);
const FIELD_SELECTOR: Parameter = query(
    "fieldSelector",
    "string",
    "Which objects, by their fields. Defaults to all.",
);
const LABEL_SELECTOR: Parameter = query(
    "labelSelector",
    "string",
    "Which objects, by their labels. Defaults to all.",
);
const LIMIT: Parameter = query(
    "limit",
    "integer",
    "How many objects are answered at most. If there are more, the list's metadata has a token for `continue`.",
);
const RESOURCE_VERSION: Parameter = query(
    "resourceVersion",
    "string",
    "Which versions of the objects may be answered, or from where a watch begins.",
);
const RESOURCE_VERSION_MATCH: Parameter = query(
    "resourceVersionMatch",
    "string",
    "How resourceVersion applies to a list: NotOlderThan or Exact.",
);
const SEND_INITIAL_EVENTS: Parameter = query(
    "sendInitialEvents",
    "boolean",
    "Whether a watch begins with an event for each object that is there, and a bookmark after them.",
);
const TIMEOUT: Parameter = query(
    "timeoutSeconds",
    "integer",
    "How long a list or a watch may last.",
);
const ALLOW_BOOKMARKS: Parameter = query(
    "allowWatchBookmarks",
    "boolean",
    "Whether a watch has events of type BOOKMARK, which tell a resourceVersion.",
);
const WATCH: Parameter = query(
    "watch",
    "boolean",
    "Whether changes are told as they happen, instead of a list.",
);

pub(super) const LIST: &[Parameter] = &[
    ALLOW_BOOKMARKS,
    CONTINUE,
    FIELD_SELECTOR,
    LABEL_SELECTOR,
    LIMIT,
    RESOURCE_VERSION,
    RESOURCE_VERSION_MATCH,
    SEND_INITIAL_EVENTS,
    TIMEOUT,
    WATCH,
];
pub(super) const DELETE_COLLECTION: &[Parameter] = &[
    CONTINUE,
    DRY_RUN,
    FIELD_SELECTOR,
    GRACE_PERIOD,
    IGNORE_READ_ERROR,
    LABEL_SELECTOR,
    LIMIT,
    ORPHAN,
    PROPAGATION,
    RESOURCE_VERSION,
    RESOURCE_VERSION_MATCH,
    SEND_INITIAL_EVENTS,
    TIMEOUT,
];
