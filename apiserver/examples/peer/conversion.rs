//! Conversion between the versions of Gadgets.

use crate::versions::{v1, v1beta1};

impl From<v1beta1::Gadget> for v1::Gadget {
    fn from(old: v1beta1::Gadget) -> Self {
        let v1beta1::GadgetSpec {
            colour,
            limits,
            burst,
            common,
        } = old.spec;
        let mut limits = limits.map(|v1beta1::Limits { min, max }| v1::Limits {
            min,
            max,
            burst: None,
        });
        if burst.is_some() {
            limits.get_or_insert_default().burst = burst;
        }
        Self {
            metadata: old.metadata,
            spec: v1::GadgetSpec {
                color: colour,
                limits,
                common,
            },
            status: old.status,
        }
    }
}

/// Limits that say a burst alone are none in v1beta1.
impl From<v1::Gadget> for v1beta1::Gadget {
    fn from(new: v1::Gadget) -> Self {
        let limits = new.spec.limits;
        let burst = limits.as_ref().and_then(|limits| limits.burst);
        let limits = limits
            .filter(|limits| limits.burst.is_none() || limits.min.is_some() || limits.max.is_some())
            .map(|v1::Limits { min, max, .. }| v1beta1::Limits { min, max });
        Self {
            metadata: new.metadata,
            spec: v1beta1::GadgetSpec {
                colour: new.spec.color,
                limits,
                burst,
                common: new.spec.common,
            },
            status: new.status,
        }
    }
}
