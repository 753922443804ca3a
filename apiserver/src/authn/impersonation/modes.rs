//! The modes of impersonation, in the order in which they are tried.

use std::borrow::Cow;

use super::names;
use super::reviews::{Reviews, Words};
use crate::authz::{Attributes, Authorizer};
use crate::request::{RequestInfo, User};
use crate::status::ApiError;

/// Where a token of a service account names the node that its pod runs on.
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";

/// What stands for the facts of a service account that acts as its own node.
const NODE_KEYS: &str = "authentication.kubernetes.io/associated-node-keys";

/// A mode that asks both whether one may act as somebody, and whether one may do this request so.
struct Mode {
    name: &'static str,
    applies: fn(&User, &User) -> bool,
}

const ASSOCIATED_NODE: &str = "associated-node";

const CONSTRAINED: [Mode; 4] = [
    Mode {
        name: ASSOCIATED_NODE,
        applies: |wanted, requestor| is_name_alone(wanted) && runs_on(requestor, &wanted.name),
    },
    Mode {
        name: "arbitrary-node",
        applies: |wanted, _| is_name_alone(wanted) && names::node(&wanted.name).is_some(),
    },
    Mode {
        name: "serviceaccount",
        applies: |wanted, _| is_name_alone(wanted) && names::service_account(&wanted.name).is_some(),
    },
    Mode {
        name: "user-info",
        applies: |wanted, _| {
            names::node(&wanted.name).is_none() && names::service_account(&wanted.name).is_none()
        },
    },
];

fn is_name_alone(wanted: &User) -> bool {
    wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty()
}

fn runs_on(requestor: &User, node_user: &str) -> bool {
    let node = names::node(node_user);
    let known = match requestor.extra.get(NODE_NAME).map(Vec::as_slice) {
        Some([name]) => Some(name.as_str()),
        _ => None,
    };
    names::service_account(&requestor.name).is_some() && node.is_some() && node == known
}

/// Whom `requestor` acts as in this request, by the first mode that allows it.
///
/// # Errors
/// None does; what the first of them said. 429 or 500 where the cluster has no answer: the next mode would ask the same one.
pub(super) async fn impersonated(
    authorizer: &Authorizer,
    requestor: &User,
    wanted: User,
    info: &RequestInfo,
) -> Result<User, ApiError> {
    let mut refusal = None;
    for mode in CONSTRAINED
        .iter()
        .filter(|mode| (mode.applies)(&wanted, requestor))
    {
        match constrained(authorizer, mode, requestor, &wanted, info).await {
            Ok(user) => return Ok(user),
            Err(error @ ApiError::Forbidden { .. }) => {
                refusal.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    let reviews = Reviews {
        authorizer,
        requestor: Cow::Borrowed(requestor),
        words: Words::unconstrained(),
    };
    match reviews.user(wanted).await {
        Err(error @ ApiError::Forbidden { .. }) => Err(refusal.unwrap_or(error)),
        done => done,
    }
}

async fn constrained(
    authorizer: &Authorizer,
    mode: &Mode,
    requestor: &User,
    wanted: &User,
    info: &RequestInfo,
) -> Result<User, ApiError> {
    let associated = mode.name == ASSOCIATED_NODE;
    let requestor = if associated {
        Cow::Owned(without_facts(requestor))
    } else {
        Cow::Borrowed(requestor)
    };
    let reviews = Reviews {
        authorizer,
        requestor,
        words: Words::constrained(mode.name, associated),
    };
    reviews.ask(doing(mode, info)).await?;
    reviews.user(wanted.clone()).await
}

/// The request itself, done by this mode.
fn doing<'a>(mode: &Mode, info: &'a RequestInfo) -> Attributes<'a> {
    let mut asked = Attributes::of(info);
    let verb = match &mut asked {
        Attributes::Resource(asked) => &mut asked.verb,
        Attributes::Path { verb, .. } => verb,
    };
    *verb = format!("impersonate-on:{}:{verb}", mode.name).into();
    asked
}

/// The filter of the mode has seen to it that the node is right, and the rest of what is known of the service account
/// would only make a new question of each pod: its keys stay.
fn without_facts(requestor: &User) -> User {
    User {
        extra: [(NODE_KEYS.to_owned(), requestor.extra.keys().cloned().collect())].into(),
        ..requestor.clone()
    }
}
