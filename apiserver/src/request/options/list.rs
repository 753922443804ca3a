//! `metav1.ListOptions`: of lists, watches and deletecollections.

use super::query::Query;
use crate::request::GroupKind;
use crate::request::selector::{FieldSelector, LabelSelector, SelectorError};
use crate::status::{ApiError, FieldError, FieldErrorKind};

/// How `resourceVersion` is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceVersionMatch {
    /// At exactly this one.
    Exact,
    /// At this one or any later.
    NotOlderThan,
}

/// The options of a list, of a watch, and the first half of those of a deletecollection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// By labels.
    pub label_selector: LabelSelector,
    /// By fields; whether the resource has such fields is for the registry to say.
    pub field_selector: FieldSelector,
    /// At or after which revision; empty: now.
    pub resource_version: String,
    /// How `resource_version` is meant; of a watch without one it is set by [`ListOptions::parse`], as Kubernetes does.
    pub resource_version_match: Option<ResourceVersionMatch>,
    /// The size of a page; `None`: all.
    pub limit: Option<u64>,
    /// Where the page before ended; empty: this is the first.
    pub continue_token: String,
    /// How long a watch lasts; `None` or 0: the server's choice.
    pub timeout_seconds: Option<u64>,
    /// Whether it is a watch.
    pub watch: bool,
    /// Whether the watcher knows what a bookmark is.
    pub allow_watch_bookmarks: bool,
    /// Whether a watch begins with the state, as `ADDED` events; of a watch without a resourceVersion it is set by
    /// [`ListOptions::parse`].
    pub send_initial_events: Option<bool>,
}

impl ListOptions {
    /// Reads and checks the query of a URL.
    ///
    /// # Errors
    /// 400: a parameter cannot be read. 422 of kind ListOptions: parameters that cannot be together.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let query = Query::parse(query);
        let bad = |SelectorError(message)| ApiError::BadRequest(message);
        let positive = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let timeout_seconds = positive(query.number("timeoutSeconds")?);
        let limit = positive(query.number("limit")?).filter(|limit| *limit > 0);
        let mut options = Self {
            label_selector: LabelSelector::parse(&query.text("labelSelector")).map_err(bad)?,
            field_selector: FieldSelector::parse(&query.text("fieldSelector")).map_err(bad)?,
            resource_version: query.text("resourceVersion"),
            resource_version_match: None,
            limit,
            continue_token: query.text("continue"),
            timeout_seconds,
            watch: query.flag("watch") == Some(true),
            allow_watch_bookmarks: query.flag("allowWatchBookmarks") == Some(true),
            send_initial_events: query.flag("sendInitialEvents"),
        };
        options.set_match(&query.text("resourceVersionMatch"))?;
        Ok(options)
    }

    /// Restricts it to one object, as a watch of a single object's path does.
    ///
    /// # Errors
    /// 400: a field selector asks for anything but this name.
    pub fn restrict_to(&mut self, name: &str) -> Result<(), ApiError> {
        if self.field_selector.is_empty() {
            self.field_selector = FieldSelector::equals("metadata.name", name);
        }
        if self.field_selector.exact("metadata.name") == Some(name) {
            return Ok(());
        }
        Err(ApiError::BadRequest(
            "fieldSelector metadata.name doesn't match requested name".into(),
        ))
    }

    /// Defaults and checks what belongs together, given the text of `resourceVersionMatch`.
    fn set_match(&mut self, text: &str) -> Result<(), ApiError> {
        let mut errors = Vec::new();
        self.resource_version_match = match text {
            "Exact" => Some(ResourceVersionMatch::Exact),
            "NotOlderThan" => Some(ResourceVersionMatch::NotOlderThan),
            _ => None,
        };
        if self.watch {
            let legacy = matches!(self.resource_version.as_str(), "" | "0");
            if legacy && text.is_empty() && self.send_initial_events.is_none() {
                self.send_initial_events = Some(true);
                self.resource_version_match = Some(ResourceVersionMatch::NotOlderThan);
                self.check_watch("NotOlderThan", &mut errors);
            } else {
                self.check_watch(text, &mut errors);
            }
        } else {
            self.check_list(text, &mut errors);
        }
        if errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::Invalid {
            kind: GroupKind::new("meta.k8s.io", "ListOptions"),
            name: String::new(),
            errors,
        })
    }

    fn check_list(&self, text: &str, errors: &mut Vec<FieldError>) {
        let mut forbid = |detail: &str| errors.push(FieldError::forbidden("resourceVersionMatch", detail));
        if !text.is_empty() {
            if self.resource_version.is_empty() {
                forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if !self.continue_token.is_empty() {
                forbid("resourceVersionMatch is forbidden when continue is provided");
            }
            if self.resource_version_match.is_none() {
                errors.push(unsupported(text, r#""Exact", "NotOlderThan", """#));
            }
            if text == "Exact" && self.resource_version == "0" {
                let detail = r#"resourceVersionMatch "exact" is forbidden for resourceVersion "0""#;
                errors.push(FieldError::forbidden("resourceVersionMatch", detail));
            }
        }
        if self.send_initial_events.is_some() {
            let detail = "sendInitialEvents is forbidden for list";
            errors.push(FieldError::forbidden("sendInitialEvents", detail));
        }
    }

    fn check_watch(&self, text: &str, errors: &mut Vec<FieldError>) {
        let not_older_than = self.resource_version_match == Some(ResourceVersionMatch::NotOlderThan);
        if self.send_initial_events.is_some() && !not_older_than {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(FieldError::forbidden("resourceVersionMatch", detail));
        }
        if text.is_empty() {
            return;
        }
        if self.send_initial_events.is_none() {
            let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(FieldError::forbidden("resourceVersionMatch", detail));
        }
        if !not_older_than {
            errors.push(unsupported(text, r#""NotOlderThan""#));
        }
        if !self.continue_token.is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(FieldError::forbidden("resourceVersionMatch", detail));
        }
    }
}

fn unsupported(text: &str, supported: &str) -> FieldError {
    FieldError::new(
        FieldErrorKind::NotSupported,
        "resourceVersionMatch",
        text,
        format!("supported values: {supported}"),
    )
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
