//! Prints what is generated from the API types: `crd` and `ard` (the CustomResourceDefinitions, `crds/yaml/`) or `reasons` (the
//! table of reasons, `docs/reasons.md`).

use std::io::Write as _;

use annex_crds::v1alpha1::{Reason, definition, resource_definition};

fn reasons() -> String {
    let mut text = String::from(
        "# Reasons\n\nGenerated from `crds/src/v1alpha1/reason.rs`. Reasons are API: each stands on one condition, and the order here is \
         their precedence:\n`Ready` repeats the first one that keeps it from being true.\n\n| reason | condition | means |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        text.push_str(&format!(
            "| `{reason}` | {} | {} |\n",
            reason.condition(),
            reason.meaning()
        ));
    }
    text
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = match std::env::args().nth(1).as_deref() {
        Some("crd") => serde_saphyr::to_string(&definition()?)?,
        Some("ard") => serde_saphyr::to_string(&resource_definition()?)?,
        Some("reasons") => reasons(),
        other => return Err(format!("what to print: crd, ard or reasons, not {other:?}").into()),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
