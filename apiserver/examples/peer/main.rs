//! A server of `gadgets.example.com`: a kind with a field of each form that Kubernetes' own types have, in two versions, with rules,
//! `/status`, `/scale`, a subresource that connects, and field selectors. A server on Go's k8s.io/apiserver with the same types is asked the same requests.
//!
//! `cargo run -p annex-apiserver --example peer -- --standalone --data-dir peer-data --secure-port 8443`

use annex_apiserver::prelude::*;

mod connections;
mod conversion;
mod echo;
mod fields;
mod validation;
mod versions;

use versions::{v1, v1beta1};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    Server::builder("peer")
        .openapi("Gadgets", "0.1")
        .resource(gadgets())
        .admission(connections::NAME, connections::Connections)
        .build()
        .main()
}

/// Gadgets are stored as v1, in which the rules are too; v1beta1 is converted.
fn gadgets() -> Result<Resource, DescriptionError> {
    typed::resource::<v1::Gadget>()
        .version::<v1beta1::Gadget>()
        .short_names(["gd"])
        .categories(["peers"])
        .default(|gadget: &mut v1::Gadget| gadget.spec.common.complete())
        .default(|gadget: &mut v1beta1::Gadget| gadget.spec.common.complete())
        .validate(validation::validate)
        .validate_update(validation::validate_update)
        .validate_status_update(validation::validate_status_update)
        .warnings(|gadget| {
            let warning = "spec.paused: a paused gadget does nothing";
            gadget
                .spec
                .common
                .paused
                .then(|| warning.to_owned())
                .into_iter()
                .collect()
        })
        .status()
        .scale(ScalePaths {
            spec_replicas: ".spec.replicas".into(),
            status_replicas: ".status.replicas".into(),
            label_selector: Some(".status.selector".into()),
        })
        .connect(
            "echo",
            Connect::new(echo::answer).verbs([Verb::Get, Verb::Create]),
        )
        .columns::<v1::Gadget>(columns())
        .columns::<v1beta1::Gadget>(columns())
        .selectable_fields::<v1::Gadget>([".spec.class"])
        .selectable_fields::<v1beta1::Gadget>([".spec.class"])
        // As the strategies of Kubernetes' own kinds have it.
        .policy(Policy {
            allow_unconditional_update: true,
            bare_items: true,
            ..Policy::default()
        })
        .build()
}

/// What `kubectl get` shows beside the name.
fn columns() -> [Column; 5] {
    let ready = r#".status.conditions[?(@.type=="Ready")].status"#;
    [
        Column::new("Class", "string", ".spec.class"),
        Column::new("Desired", "integer", ".spec.replicas"),
        Column::new("Current", "integer", ".status.replicas"),
        Column::new("Ready", "string", ready),
        Column::new("Age", "date", ".metadata.creationTimestamp"),
    ]
}
