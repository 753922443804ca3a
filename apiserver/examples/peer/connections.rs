//! An admission plugin that is asked about what connects, and says what it was asked.

use annex_apiserver::prelude::*;
use async_trait::async_trait;

/// What the Go server calls it.
pub(crate) const NAME: &str = "Connections";

/// Refuses to connect to gadgets whose name is `shut`.
pub(crate) struct Connections;

#[async_trait]
impl Admission for Connections {
    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Connect
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        let asked = format!(
            "{} {} {}/{}/{}, an object: {}, an old one: {}, dry: {}",
            attributes.operation().name(),
            attributes.resource().names.plural,
            attributes.namespace(),
            attributes.name(),
            attributes.subresource(),
            attributes.object().is_some(),
            attributes.old().is_some(),
            attributes.dry_run(),
        );
        match attributes.name() {
            "ajar" => attributes.warn(asked),
            "shut" => return Err(attributes.forbidden(asked)),
            _ => {}
        }
        Ok(())
    }
}
