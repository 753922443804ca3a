//! A workload that names no image runs `annex-apiserver`, Annex's own program, which serves what AggregatedResourceDefinitions declare.

use annex_crds::v1alpha1::Workload;

use super::defaults::Chosen;
use crate::aggregated_server::names::Names;

/// Which definitions it serves.
const SERVER: &str = "--server";
/// Who may read what it serves of them.
const READER: &str = "--definition-reader";

/// `workload` with the image that is `chosen`, and what that program is told: its name, and that `reader` asks it for what it serves.
#[must_use]
pub fn complete(workload: &Workload, chosen: &Chosen, names: &Names, reader: &str) -> Workload {
    if workload.image.is_some() {
        return workload.clone();
    }
    let mut workload = workload.clone();
    workload.image = chosen.image.clone();
    for (flag, value) in [(SERVER, names.server.as_str()), (READER, reader)] {
        if super::arguments::given_to(&workload, flag).is_none() {
            workload.args.push(format!("{flag}={value}"));
        }
    }
    workload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregated_server::{
        build::defaults::Images,
        testing::{names, server},
    };

    #[test]
    fn a_workload_without_image_is_annexs_own_program() {
        let mut workload = server().spec.workload.unwrap();
        let images = Images {
            newest: "annex-apiserver:1",
            update: None,
        };
        let of = |workload: &Workload| {
            let chosen = Chosen::of(workload, images, None, &[]);
            complete(workload, &chosen, &names(), "reader")
        };
        assert_eq!(of(&workload), workload, "it says itself what it is");
        workload.image = None;
        workload.args = vec!["--v=2".into(), "--server=other".into()];
        let made = of(&workload);
        assert_eq!(made.image.as_deref(), Some("annex-apiserver:1"));
        assert_eq!(
            made.args,
            ["--v=2", "--server=other", "--definition-reader=reader"]
        );
    }
}
