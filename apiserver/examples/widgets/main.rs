//! A server of `widgets.peer.example.com`, with what most APIs have: two versions, defaults, validation, columns, `/status` and
//! `/scale`, and lists and maps that are merged as server-side apply and strategic merge patches want it.
//!
//! `cargo run -p annex-apiserver --example widgets -- --standalone --data-dir widgets-data --secure-port 8443`

use annex_apiserver::prelude::*;

mod types;
use types::{v1, v1beta1};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    Server::builder("widgets")
        .openapi("Widgets", "0.1")
        .resource(widgets())
        .build()
        .main()
}

/// Widgets are stored as v1, in which the rules are too; v1beta1 is converted.
fn widgets() -> Result<Resource, DescriptionError> {
    typed::resource::<v1::Widget>()
        .version::<v1beta1::Widget>()
        .short_names(["wd"])
        .categories(["peers"])
        .default(|widget: &mut v1::Widget| widget.spec.common.complete())
        .default(|widget: &mut v1beta1::Widget| widget.spec.common.complete())
        .validate(validate)
        // From here on a write of a Widget leaves its status alone, and a write of its status everything else.
        .status()
        // What `kubectl scale` and a HorizontalPodAutoscaler read and write of it.
        .scale(ScalePaths {
            spec_replicas: ".spec.replicas".into(),
            status_replicas: ".status.replicas".into(),
            label_selector: Some(".status.selector".into()),
        })
        .columns::<v1::Widget>(columns())
        .columns::<v1beta1::Widget>(columns())
        .build()
}

fn validate(widget: &v1::Widget) -> Vec<FieldError> {
    let ports = widget.spec.common.ports.iter().enumerate();
    ports
        .filter(|(_, port)| !(1..=65535).contains(&port.port))
        .map(|(index, port)| {
            let detail = "must be between 1 and 65535, inclusive";
            FieldError::invalid(format!("spec.ports[{index}].port"), port.port, detail)
        })
        .collect()
}

/// What `kubectl get` shows beside the name.
fn columns() -> [Column; 4] {
    let ready = r#".status.conditions[?(@.type=="Ready")].status"#;
    [
        Column::new("Desired", "integer", ".spec.replicas"),
        Column::new("Current", "integer", ".status.replicas"),
        Column::new("Ready", "string", ready),
        Column::new("Age", "date", ".metadata.creationTimestamp"),
    ]
}
