//! Several plugins as one. Go: `pkg/admission/chain.go`.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Admission, Attributes, InitializationError, Operation};
use crate::resource::Resource;
use crate::status::ApiError;

/// Changes and refuses nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAdmission;

impl Admission for NoAdmission {}

/// Plugins in the order in which they are asked; each sees what the ones before it have made of the object, and the first that
/// refuses has the word.
#[derive(Clone, Default)]
pub struct Chain(Vec<Arc<dyn Admission>>);

impl Chain {
    /// These, in this order.
    #[must_use]
    pub fn new(plugins: Vec<Arc<dyn Admission>>) -> Self {
        Self(plugins)
    }

    /// With `plugin` as the last.
    #[must_use]
    pub fn then(mut self, plugin: Arc<dyn Admission>) -> Self {
        self.0.push(plugin);
        self
    }

    /// Those that are asked about this operation.
    fn of(&self, operation: Operation) -> impl Iterator<Item = &Arc<dyn Admission>> {
        self.0.iter().filter(move |plugin| plugin.handles(operation))
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Chain").field(&self.0.len()).finish()
    }
}

#[async_trait]
impl Admission for Chain {
    fn handles(&self, operation: Operation) -> bool {
        self.of(operation).next().is_some()
    }

    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        for plugin in self.of(attributes.operation()) {
            plugin.admit(attributes).await?;
        }
        Ok(())
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        for plugin in self.of(attributes.operation()) {
            plugin.validate(attributes).await?;
        }
        Ok(())
    }

    fn validate_initialization(&self, resources: &[Arc<Resource>]) -> Result<(), InitializationError> {
        self.0
            .iter()
            .try_for_each(|plugin| plugin.validate_initialization(resources))
    }
}

#[cfg(test)]
mod tests;
