use std::path::Path;

use futures::StreamExt as _;

use super::*;
use crate::config::Config;
use crate::request::RequestInfo;
use crate::server::{Running, Server};

/// A definition of this plural, in which the field `name` is a text.
fn definition(plural: &str, name: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.example.com}}
spec:
  group: example.com
  scope: Namespaced
  names: {{plural: {plural}, kind: K{plural}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, properties: {{{name}: {{type: string}}}}}}}}
"
    )
}

async fn start(directory: &Path, files: DefinitionFiles) -> Running {
    let server = Server::builder("test").definitions(files).build();
    let running = server.start(Config::for_tests(directory)).await.unwrap();
    running.ready().await;
    running
}

fn serves(running: &Running, plural: &str) -> bool {
    let path = format!("/apis/example.com/v1/namespaces/default/{plural}");
    let info = RequestInfo::parse(&http::Method::GET, &path.parse().unwrap()).unwrap();
    let served = running.core().served.load();
    assert_eq!(
        served.documents.serves(&info),
        served.endpoints.registry_of(&info).is_some()
    );
    served.documents.serves(&info)
}

/// The field that the schema of this plural has.
fn field(running: &Running, plural: &str) -> String {
    let name = crate::request::GroupResource::new("example.com", plural);
    let registry = running.core().served.load().endpoints.registry(&name).unwrap();
    let document = registry.resource().versions[0].schema.document.clone();
    let names = document["properties"].as_object().unwrap().keys().cloned();
    names
        .filter(|name| !["apiVersion", "kind", "metadata"].contains(&&**name))
        .collect()
}

async fn until(condition: impl Fn() -> bool) {
    let limit = tokio::time::timeout(Duration::from_secs(60), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    limit.await.unwrap();
}

#[tokio::test]
async fn what_files_define_is_served_as_they_change_and_nothing_goes_with_a_file() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(files.path().join(name), text).unwrap();
    write("lamps.yaml", &definition("lamps", "color"));
    let running = start(
        data.path(),
        DefinitionFiles {
            path: files.path().to_owned(),
            allow_removal: false,
        },
    )
    .await;
    assert!(serves(&running, "lamps") && !serves(&running, "chairs"));
    write("chairs.yaml", &definition("chairs", "legs"));
    until(|| serves(&running, "chairs")).await;
    // One that becomes wrong, and one that is gone, are served as before; what changes with them is served anew.
    std::fs::remove_file(files.path().join("chairs.yaml")).unwrap();
    write("lamps.yaml", &definition("lamps", "hue"));
    until(|| field(&running, "lamps") == "hue").await;
    assert!(serves(&running, "chairs"));
    write(
        "lamps.yaml",
        &definition("lamps", "hue").replace("type: string", "type: text"),
    );
    write("tables.yaml", &definition("tables", "legs"));
    until(|| serves(&running, "tables")).await;
    assert_eq!(field(&running, "lamps"), "hue");
    running.shutdown().await;
}

#[tokio::test]
async fn a_watch_ends_when_its_resource_is_described_anew() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |text: &str| std::fs::write(files.path().join("lamps.yaml"), text).unwrap();
    write(&definition("lamps", "color"));
    let files_of = DefinitionFiles {
        path: files.path().to_owned(),
        allow_removal: false,
    };
    let running = start(data.path(), files_of).await;
    let name = crate::request::GroupResource::new("example.com", "lamps");
    let registry = running.core().served.load().endpoints.registry(&name).unwrap();
    let options = crate::request::options::ListOptions::parse("watch=true").unwrap();
    let mut watch = registry.watch("v1", "default", &options).await.unwrap();
    write(&definition("lamps", "hue"));
    let end = async { while watch.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(60), end).await.unwrap();
    assert_eq!(field(&running, "lamps"), "hue");
    drop((watch, registry));
    running.shutdown().await;
}

#[tokio::test]
async fn what_objects_are_stored_by_does_not_change() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(files.path().join(name), text).unwrap();
    write("lamps.yaml", &definition("lamps", "color"));
    let files_of = DefinitionFiles {
        path: files.path().to_owned(),
        allow_removal: false,
    };
    let running = start(data.path(), files_of).await;
    let scoped = definition("lamps", "hue").replace("Namespaced", "Cluster");
    write("lamps.yaml", &scoped);
    write("chairs.yaml", &definition("chairs", "legs"));
    until(|| serves(&running, "chairs")).await;
    assert_eq!(field(&running, "lamps"), "color");
    running.shutdown().await;
}

#[tokio::test]
async fn a_removal_that_is_allowed_takes_the_resource_away() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| files.path().join(name);
    std::fs::write(path("a.yaml"), definition("lamps", "color")).unwrap();
    std::fs::write(path("b.yaml"), definition("chairs", "legs")).unwrap();
    let running = start(
        data.path(),
        DefinitionFiles {
            path: files.path().to_owned(),
            allow_removal: true,
        },
    )
    .await;
    assert!(serves(&running, "lamps") && serves(&running, "chairs"));
    std::fs::remove_file(path("a.yaml")).unwrap();
    until(|| !serves(&running, "lamps")).await;
    assert!(serves(&running, "chairs"));
    running.shutdown().await;
}

#[tokio::test]
async fn a_server_does_not_start_with_what_it_cannot_serve_and_names_it() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = definition("lamps", "color").replace("type: string", "type: text");
    std::fs::write(files.path().join("a.yaml"), text).unwrap();
    let files = DefinitionFiles {
        path: files.path().to_owned(),
        allow_removal: false,
    };
    let server = Server::builder("test").definitions(files).build();
    let refused = server.start(Config::for_tests(data.path())).await.unwrap_err();
    assert!(matches!(refused, StartError::InvalidDefinitions(_)), "{refused}");
    let text = refused.to_string();
    assert!(
        text.starts_with("lamps.example.com cannot be served: spec.validation.openAPIV3Schema"),
        "{text}"
    );
}
