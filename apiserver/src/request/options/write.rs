//! `metav1.CreateOptions`, `UpdateOptions` and `PatchOptions`.

use serde_json::Value;

use super::query::Query;
use crate::request::GroupKind;
use crate::status::{ApiError, FieldError, FieldErrorKind, MOST_LISTED, is_printable, shown_part};

/// Bytes of a field manager's name.
pub(crate) const FIELD_MANAGER_MAX_LENGTH: usize = 128;

/// What is done about fields that a kind does not have, and about fields that stand twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Nothing.
    Ignore,
    /// The client is warned.
    #[default]
    Warn,
    /// The request is refused.
    Strict,
}

/// The options of a create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// Do everything but store it.
    pub dry_run: bool,
    /// Who owns the fields; empty: the client's name is taken.
    pub field_manager: String,
    /// What is done about unknown fields.
    pub field_validation: FieldValidation,
}

/// The options of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Do everything but store it.
    pub dry_run: bool,
    /// Who owns the fields; empty: the client's name is taken.
    pub field_manager: String,
    /// What is done about unknown fields.
    pub field_validation: FieldValidation,
    /// Whether the object is created where there is none. No query says so: whoever sets it knows that the resource, or
    /// the patch, creates so, and has asked authorization for the verb `create`.
    pub may_create: bool,
    /// Whether who makes the new object says who manages its fields, as an apply does and a write of a Scale. No query says
    /// so.
    pub fields_managed: bool,
    /// Whether a configuration is applied (server-side apply). No query says so.
    pub is_apply: bool,
}

/// The options of a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchOptions {
    /// Do everything but store it.
    pub dry_run: bool,
    /// Who owns the fields; empty: the client's name is taken. An apply must say.
    pub field_manager: String,
    /// What is done about unknown fields.
    pub field_validation: FieldValidation,
    /// Whether an apply takes fields from others. Only an apply may say.
    pub force: Option<bool>,
}

impl CreateOptions {
    /// Reads and checks the query of a POST.
    ///
    /// # Errors
    /// 422 of kind CreateOptions.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut errors = Vec::new();
        let options = read(&Query::parse(query), &mut errors);
        invalid("CreateOptions", errors)?;
        Ok(options)
    }
}

impl UpdateOptions {
    /// Reads and checks the query of a PUT.
    ///
    /// # Errors
    /// 422 of kind UpdateOptions.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut errors = Vec::new();
        let options = read(&Query::parse(query), &mut errors).into();
        invalid("UpdateOptions", errors)?;
        Ok(options)
    }
}

impl PatchOptions {
    /// Reads and checks the query of a PATCH; `apply`: whether the patch is a server-side apply.
    ///
    /// # Errors
    /// 422 of kind PatchOptions.
    pub fn parse(query: &str, apply: bool) -> Result<Self, ApiError> {
        let query = Query::parse(query);
        let force = query.flag("force");
        let mut errors = Vec::new();
        if apply && query.text("fieldManager").is_empty() {
            errors.push(FieldError::required(
                "fieldManager",
                "is required for apply patch",
            ));
        }
        if !apply && force.is_some() {
            errors.push(FieldError::forbidden(
                "force",
                "may not be specified for non-apply patch",
            ));
        }
        let common = read(&query, &mut errors);
        invalid("PatchOptions", errors)?;
        Ok(Self {
            dry_run: common.dry_run,
            field_manager: common.field_manager,
            field_validation: common.field_validation,
            force,
        })
    }
}

impl From<CreateOptions> for UpdateOptions {
    fn from(options: CreateOptions) -> Self {
        Self {
            dry_run: options.dry_run,
            field_manager: options.field_manager,
            field_validation: options.field_validation,
            may_create: false,
            fields_managed: false,
            is_apply: false,
        }
    }
}

impl From<PatchOptions> for UpdateOptions {
    fn from(options: PatchOptions) -> Self {
        Self {
            dry_run: options.dry_run,
            field_manager: options.field_manager,
            field_validation: options.field_validation,
            may_create: false,
            fields_managed: false,
            is_apply: false,
        }
    }
}

/// What all writes have, checked in Kubernetes' order.
fn read(query: &Query, errors: &mut Vec<FieldError>) -> CreateOptions {
    let field_manager = query.text("fieldManager");
    check_field_manager(&field_manager, "fieldManager", errors);
    CreateOptions {
        field_manager,
        dry_run: dry_run(&query.list("dryRun"), errors),
        field_validation: read_field_validation(&query.text("fieldValidation"), errors),
    }
}

/// 422 of this kind of options, where something is wrong.
pub(super) fn invalid(kind: &str, errors: Vec<FieldError>) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::Invalid {
        kind: GroupKind::new("meta.k8s.io", kind),
        name: String::new(),
        errors,
    })
}

/// Whether nothing is to be stored. `All` is all there is; a stage that is not known must not be taken for none.
pub(super) fn dry_run(stages: &[String], errors: &mut Vec<FieldError>) -> bool {
    if stages.iter().any(|stage| stage != "All") {
        let value: Vec<Value> = stages.iter().map(|stage| stage.as_str().into()).collect();
        errors.push(FieldError::new(
            FieldErrorKind::NotSupported,
            "dryRun",
            value,
            r#"supported values: "All""#,
        ));
    }
    !stages.is_empty()
}

fn read_field_validation(text: &str, errors: &mut Vec<FieldError>) -> FieldValidation {
    match text {
        "" | "Warn" => FieldValidation::Warn,
        "Ignore" => FieldValidation::Ignore,
        "Strict" => FieldValidation::Strict,
        _ => {
            errors.push(FieldError::new(
                FieldErrorKind::NotSupported,
                "fieldValidation",
                text,
                r#"supported values: "", "Ignore", "Strict", "Warn""#,
            ));
            FieldValidation::Strict
        }
    }
}

/// What is wrong with the name of a field manager. Go: `ValidateFieldManager` of `apis/meta/v1/validation`.
pub(crate) fn check_field_manager(manager: &str, field: &str, errors: &mut Vec<FieldError>) {
    if manager.len() > FIELD_MANAGER_MAX_LENGTH {
        let detail = format!("may not be more than {FIELD_MANAGER_MAX_LENGTH} bytes");
        errors.push(FieldError::new(FieldErrorKind::TooLong, field, "", detail));
    }
    // Each error keeps what it shows of the text: no more, since an entry of managedFields may be as long as a body. Of one
    // that is too long no character behind the longest is looked at.
    let shown_manager = shown_part(&manager.into());
    for (at, character) in manager.char_indices().take(FIELD_MANAGER_MAX_LENGTH) {
        // More are not listed.
        if errors.len() > MOST_LISTED {
            return;
        }
        if !is_printable(character) {
            let shown = format!("U+{:04X}", u32::from(character));
            let detail = format!("invalid character {shown} (at position {at})");
            errors.push(FieldError::invalid(field, shown_manager.clone(), detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_long_manager_are_short() {
        let mut errors = Vec::new();
        check_field_manager(&"\u{7}".repeat(1 << 20), "fieldManager", &mut errors);
        assert_eq!(errors.len(), MOST_LISTED + 1);
        for error in errors {
            assert!(error.value.to_string().len() < 64 * 1024, "{}", error.field);
            assert!(error.to_string().len() < 64 * 1024, "{}", error.field);
        }
    }

    #[test]
    fn options_of_writes_are_read() {
        let query = "dryRun=All&fieldManager=kubectl-create&fieldValidation=Strict&pretty=1";
        let options = CreateOptions::parse(query).unwrap();
        assert_eq!(
            options,
            CreateOptions {
                dry_run: true,
                field_manager: "kubectl-create".into(),
                field_validation: FieldValidation::Strict,
            }
        );
        assert_eq!(CreateOptions::parse("").unwrap(), CreateOptions::default());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let status = CreateOptions::parse("dryRun=Some&fieldValidation=Maybe")
            .unwrap_err()
            .status();
        assert_eq!(status.code, 422);
        assert_eq!(
            status.message,
            "CreateOptions.meta.k8s.io \"\" is invalid: [dryRun: Unsupported value: [\"Some\"]: supported values: \
             \"All\", fieldValidation: Unsupported value: \"Maybe\": supported values: \"\", \"Ignore\", \"Strict\", \
             \"Warn\"]"
        );
        let status = UpdateOptions::parse("dryRun").unwrap_err().status();
        assert!(
            status.message.starts_with("UpdateOptions.meta.k8s.io"),
            "{}",
            status.message
        );
    }

    #[test]
    fn a_field_manager_is_short_and_printable() {
        let long = "a".repeat(129);
        let message = |query: &str| CreateOptions::parse(query).unwrap_err().status().message;
        assert!(
            message(&format!("fieldManager={long}")).contains("Too long: may not be more than 128 bytes")
        );
        assert!(message("fieldManager=a%0A").contains("invalid character U+000A (at position 1)"));
    }

    #[test]
    fn only_an_apply_is_forced_and_it_needs_a_manager() {
        let message = |query, apply| PatchOptions::parse(query, apply).unwrap_err().status().message;
        assert!(
            message("force=true", false)
                .contains("force: Forbidden: may not be specified for non-apply patch")
        );
        assert!(
            message("force=true", true).contains("fieldManager: Required value: is required for apply patch")
        );
        let options = PatchOptions::parse("force=true&fieldManager=me", true).unwrap();
        assert_eq!(options.force, Some(true));
    }
}
