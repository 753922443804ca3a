//! Requests near and above what a server takes: 3 MiB a body, as k8s.io/apiserver's MaxRequestBodyBytes; an object as much as its
//! storage takes. Each refusal arrives whole, though it comes before the body's end.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::scenarios::{Failure, World, ensure};

/// What keeps the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// A volume: an object may have 4 MiB.
    Embedded,
    /// etcd: 1.5 MiB, as it is started here.
    Etcd,
}

const COLLECTION: &str = "/apis/wardle.example.com/v1alpha1/fischers";

/// How often what is too large is sent: a refusal that the body's rest overtakes fails now and then.
const TIMES: usize = 10;

pub(super) async fn requests(world: &World, storage: Storage) -> Result<(), Failure> {
    for _ in 0..TIMES {
        let refused = create_fails(world, "too-large", 3_400_000).await?;
        let wanted = "Error from server (RequestEntityTooLarge): Request entity too large: limit is 3145728";
        ensure(refused == wanted, || format!("3.4 MB: {refused}"))?;
    }
    match storage {
        Storage::Embedded => {
            let file = fischer("large", 2_500_000)?;
            world
                .kubectl(&format!("create --raw {COLLECTION} -f {}", file.path().display()))
                .await?;
            let read: Value =
                serde_json::from_str(&world.kubectl(&format!("get --raw {COLLECTION}/large")).await?)?;
            let kept = read["disallowedFlunders"][0].as_str().map(str::len);
            ensure(kept == Some(2_500_000), || {
                format!("of 2.5 MB {kept:?} are stored")
            })?;
            world.kubectl("delete fischer large").await?;
        }
        Storage::Etcd => {
            let refused = create_fails(world, "large", 2_500_000).await?;
            ensure(
                refused.starts_with("Error from server (RequestEntityTooLarge)")
                    && refused.contains("max-request-bytes"),
                || format!("2.5 MB on etcd: {refused}"),
            )?;
            let absent = world
                .kubectl("get fischer large --ignore-not-found -o name")
                .await?;
            ensure(absent.is_empty(), || "it is stored all the same".to_owned())?;
        }
    }
    Ok(())
}

async fn create_fails(world: &World, name: &str, length: usize) -> Result<String, Failure> {
    let file = fischer(name, length)?;
    let said = world
        .kubectl_fails(&format!("create --raw {COLLECTION} -f {}", file.path().display()))
        .await?;
    // Behind a warning of the version.
    Ok(said.lines().last().unwrap_or_default().to_owned())
}

/// A file with a fischer of about this length: of the sample API, only what it disallows may be long.
fn fischer(name: &str, length: usize) -> Result<tempfile::NamedTempFile, Failure> {
    let object = json!({
        "apiVersion": "wardle.example.com/v1alpha1",
        "kind": "Fischer",
        "metadata": { "name": name },
        "disallowedFlunders": ["x".repeat(length)],
    });
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(object.to_string().as_bytes())?;
    Ok(file)
}
