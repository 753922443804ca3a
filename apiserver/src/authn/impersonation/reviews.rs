//! The questions that one mode asks: one for each thing that the wanted user is said to be.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::names;
use crate::authz::{Attributes, Authorizer, ResourceAttributes, forbidden};
use crate::request::User;
use crate::status::ApiError;

const AUTHENTICATION: (&str, &str) = ("authentication.k8s.io", "v1");
const CORE: (&str, &str) = ("", "v1");
const ANONYMOUS: &str = "system:anonymous";
const NODES: &str = "system:nodes";

/// From so many on a constrained mode asks once for all, before it asks for each.
const MANY: usize = 4;

/// How a mode puts its questions.
pub(super) struct Words {
    verb: Cow<'static, str>,
    constrained: bool,
    /// The question is about all nodes, for any node's service account asks it.
    any_name: bool,
}

/// The questions of one mode.
pub(super) struct Reviews<'a> {
    pub(super) authorizer: &'a Authorizer,
    pub(super) requestor: Cow<'a, User>,
    pub(super) words: Words,
}

impl Words {
    pub(super) fn unconstrained() -> Self {
        Self {
            verb: "impersonate".into(),
            constrained: false,
            any_name: false,
        }
    }

    pub(super) fn constrained(mode: &str, any_name: bool) -> Self {
        Self {
            verb: format!("impersonate:{mode}").into(),
            constrained: true,
            any_name,
        }
    }
}

impl Reviews<'_> {
    /// The user that `wanted` becomes, once all about it is allowed.
    pub(super) async fn user(&self, wanted: User) -> Result<User, ApiError> {
        let given = self.name(&wanted).await?;
        if !wanted.uid.is_empty() {
            let question = self.question(AUTHENTICATION, "uids", &wanted.uid);
            self.ask(question.into()).await?;
        }
        self.groups(&wanted.groups).await?;
        self.extra(&wanted.extra).await?;
        let mut user = wanted;
        if let Some(groups) = given {
            user.groups = groups;
        }
        let group = if user.name == ANONYMOUS {
            Some(User::UNAUTHENTICATED)
        } else {
            (!user.is_in(User::UNAUTHENTICATED)).then_some(User::AUTHENTICATED)
        };
        if let Some(group) = group.filter(|group| !user.is_in(group)) {
            user.groups.push(group.to_owned());
        }
        Ok(user)
    }

    /// Asks for the name. Answers with the groups that such a user always has.
    async fn name(&self, wanted: &User) -> Result<Option<Vec<String>>, ApiError> {
        let (mut question, mut groups) = (self.question(self.group_version(), "users", &wanted.name), None);
        if self.words.constrained
            && let Some(node) = names::node(&wanted.name)
        {
            (question.resource, question.name) = ("nodes", node);
            groups = Some(vec![NODES.to_owned()]);
        }
        if let Some((namespace, name)) = names::service_account(&wanted.name) {
            (question.resource, question.namespace, question.name) = ("serviceaccounts", namespace, name);
            if wanted.groups.is_empty() {
                groups = Some(names::service_account_groups(namespace));
            }
        }
        if self.words.any_name {
            question.name = "*";
        }
        self.ask(question.into()).await?;
        Ok(groups)
    }

    async fn groups(&self, groups: &[String]) -> Result<(), ApiError> {
        let question = |name| self.question(self.group_version(), "groups", name);
        if self.words.constrained {
            if groups.iter().any(String::is_empty) {
                let reason = "impersonating the empty string group is not allowed";
                return Err(self.refused(question(""), reason));
            }
            if groups.iter().any(|group| group == User::MASTERS) {
                let reason = "impersonating the system:masters group is not allowed";
                return Err(self.refused(question(User::MASTERS), reason));
            }
            if groups.len() >= MANY && self.is_allowed(question("*")).await? {
                return Ok(());
            }
        }
        for group in groups {
            self.ask(question(group).into()).await?;
        }
        Ok(())
    }

    async fn extra(&self, extra: &BTreeMap<String, Vec<String>>) -> Result<(), ApiError> {
        let question = |key, name| {
            let question = self.question(AUTHENTICATION, "userextras", name);
            ResourceAttributes {
                subresource: key,
                ..question
            }
        };
        if self.words.constrained {
            if let Some(reason) = fault_of(extra) {
                return Err(self.refused(question("", ""), &reason));
            }
            let values: usize = extra.values().map(Vec::len).sum();
            if values >= MANY && self.is_allowed(question("*", "*")).await? {
                return Ok(());
            }
        }
        for (key, values) in extra {
            for value in values {
                self.ask(question(key, value).into()).await?;
            }
        }
        Ok(())
    }

    /// Only the constrained modes ask in the group that all of it belongs to.
    fn group_version(&self) -> (&'static str, &'static str) {
        if self.words.constrained {
            AUTHENTICATION
        } else {
            CORE
        }
    }

    fn question<'q>(
        &'q self,
        (group, version): (&'static str, &'static str),
        resource: &'static str,
        name: &'q str,
    ) -> ResourceAttributes<'q> {
        ResourceAttributes {
            verb: Cow::Borrowed(&self.words.verb),
            group,
            version,
            resource,
            name,
            ..ResourceAttributes::default()
        }
    }

    fn refused(&self, question: ResourceAttributes<'_>, reason: &str) -> ApiError {
        forbidden(&self.requestor, &Attributes::Resource(question), reason)
    }

    /// Asks. Go makes a 403 of a review that has no answer, too; here it is what it is everywhere: 429 or 500.
    pub(super) async fn ask(&self, question: Attributes<'_>) -> Result<(), ApiError> {
        self.authorizer.check_further(&self.requestor, &question).await
    }

    /// Asks, where a denial leads to the next question.
    async fn is_allowed(&self, question: ResourceAttributes<'_>) -> Result<bool, ApiError> {
        match self.ask(question.into()).await {
            Ok(()) => Ok(true),
            Err(ApiError::Forbidden { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What a constrained mode does not let anybody say.
fn fault_of(extra: &BTreeMap<String, Vec<String>>) -> Option<String> {
    extra.iter().find_map(|(key, values)| {
        if key.is_empty() {
            return Some("impersonating the empty string key in extra is not allowed".to_owned());
        }
        let prefixed = key.split_once('/').filter(|(domain, path)| !domain.is_empty() && !path.is_empty());
        if !prefixed.is_some_and(|(domain, _)| names::is_subdomain(domain)) {
            return Some(format!(
                "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {key:?}: must be a domain-prefixed path (such as \"acme.io/foo\")"
            ));
        }
        if key.chars().any(char::is_uppercase) {
            return Some(format!("impersonating a non-lowercase key in extra is not allowed: {key:?}"));
        }
        let empty = values.iter().any(String::is_empty);
        empty.then(|| "impersonating the empty string value in extra is not allowed".to_owned())
    })
}
