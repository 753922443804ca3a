//! BanFlunder: no new flunder has a name that a fischer disallows. Go: `pkg/admission/plugin/banflunder/admission.go` of
//! sample-apiserver.

#![allow(unreachable_pub, reason = "a program's modules are nobody's interface")]

use std::sync::Arc;

use annex_apiserver::prelude::*;
use async_trait::async_trait;

use crate::resources::v1alpha1::Fischer;

/// What Go's server calls it.
pub const NAME: &str = "BanFlunder";

/// The plugin. A flunder that is there already may stay, and be changed, whatever its name is.
pub struct BanFlunder {
    fischers: Lister<Fischer>,
}

impl BanFlunder {
    pub fn new(fischers: Lister<Fischer>) -> Self {
        Self { fischers }
    }
}

#[async_trait]
impl Admission for BanFlunder {
    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let resource = attributes.resource().group_resource();
        let object = attributes.object();
        let Some(flunder) = object.filter(|object| object.kind() == "Flunder") else {
            return Ok(());
        };
        if !self.fischers.wait_for_ready().await {
            return Err(attributes.not_ready());
        }
        let everywhere = LabelSelector::default();
        let name = flunder.name();
        let disallows = |fischer: &Arc<Fischer>| {
            let mut disallowed = fischer.disallowed_flunders.iter();
            disallowed.any(|disallowed| disallowed == name).then_some(())
        };
        if self.fischers.find("", &everywhere, disallows).await?.is_some() {
            // Go names no object here where its name is yet to be generated.
            let message = "this name may not be used, please change the resource name";
            return Err(ApiError::forbidden(resource, attributes.name(), message));
        }
        Ok(())
    }
}
