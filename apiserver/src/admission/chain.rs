//! Several plugins as one.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Admission, Attributes};
use crate::status::ApiError;

/// Refuses nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAdmission;

#[async_trait]
impl Admission for NoAdmission {
    async fn admit(&self, _: &Attributes<'_>) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Plugins in the order in which they are asked; the first that refuses has the word.
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
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Chain").field(&self.0.len()).finish()
    }
}

#[async_trait]
impl Admission for Chain {
    async fn admit(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        for plugin in &self.0 {
            plugin.admit(attributes).await?;
        }
        Ok(())
    }
}
