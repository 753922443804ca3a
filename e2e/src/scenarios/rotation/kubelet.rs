//! A rotation with a kubelet as clusters have it, which looks at each pod about once a minute.

use super::server::WARDLE;
use super::under_load;
use crate::cluster;
use crate::components::Options;
use crate::scenarios::{Failure, World};

/// A new authority under load; the kubelet hurries again afterwards, also after a failure.
pub(super) async fn by_default(world: &World) -> Result<(), Failure> {
    let layout = world.node()?;
    let patient = Options {
        default_sync_frequency: true,
        ..Options::default()
    };
    cluster::change_options(layout, patient).await?;
    let result = under_load::authority(world, WARDLE).await;
    cluster::change_options(layout, Options::default()).await?;
    result
}
