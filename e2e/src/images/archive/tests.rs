//! Archives read back, and compared byte by byte.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::images::catalog;

const PROGRAM: &[u8] = b"not really a program, but the layout does not look inside";

fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let header = entry.header().clone();
        assert_eq!((header.uid().expect("uid"), header.gid().expect("gid")), (0, 0));
        let name = entry.path().expect("a path").display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("contents");
        files.insert(name, bytes);
    }
    files
}

fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
    let digest = descriptor["digest"].as_str().expect("a digest");
    let bytes = &files[&format!("blobs/{}", digest.replace(':', "/"))];
    assert_eq!(super::digest(bytes), digest, "a blob is named by its content");
    assert_eq!(descriptor["size"], json!(bytes.len()));
    bytes
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn equal_inputs_give_equal_bytes_and_any_other_input_others() {
    let spec = catalog::operator(Path::new("ignored"));
    let lay =
        |spec: &ImageSpec, created| lay_out(spec, Architecture::Amd64, PROGRAM, created).expect("laid out");
    let first = lay(&spec, 0);
    let second = lay(
        &ImageSpec {
            program: "/elsewhere".into(),
            ..spec.clone()
        },
        0,
    );
    assert_eq!(
        first.archive, second.archive,
        "where the program lies does not matter"
    );
    assert_eq!(first.digest, second.digest);
    assert_ne!(first.digest, lay(&spec, 1).digest);
    let anonymous = lay(&ImageSpec { user: None, ..spec }, 0);
    assert_ne!(first.digest, anonymous.digest);
}

#[test]
fn the_documents_do_not_drift_between_versions_of_annex() {
    // The layer is left out: another version of the compressor may write other bytes.
    let spec = ImageSpec {
        reference: "localhost/etcd:v1".to_owned(),
        ..catalog::etcd(Path::new(""))
    };
    let config = configuration(&spec, Architecture::Arm64, PROGRAM, 86_400).expect("a configuration");
    assert_eq!(
        String::from_utf8(encode(&config).expect("encoded")).expect("text"),
        concat!(
            r#"{"created":"1970-01-02T00:00:00Z","architecture":"arm64","os":"linux","config":{"#,
            r#""Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"#,
            r#""Entrypoint":["/etcd"],"WorkingDir":"/","Labels":{"#,
            r#""org.opencontainers.image.licenses":"Apache-2.0","#,
            r#""org.opencontainers.image.title":"etcd","org.opencontainers.image.version":"v1"}},"#,
            r#""rootfs":{"type":"layers","diff_ids":["#,
            r#""sha256:DIGEST"]},"#,
            r#""history":[{"created":"1970-01-02T00:00:00Z","created_by":"COPY etcd /"}]}"#,
        )
        .replace("sha256:DIGEST", &digest(PROGRAM))
    );
}

#[test]
fn reads_back_as_one_program_and_nothing_else() {
    let spec = catalog::operator(Path::new(""));
    let image = lay_out(&spec, Architecture::Amd64, PROGRAM, 7).expect("laid out");
    let files = files(&image.archive);
    assert_eq!(files.len(), 5, "layout, index, manifest, configuration, layer");
    assert_eq!(
        parse(&files["oci-layout"]),
        json!({"imageLayoutVersion": "1.0.0"})
    );

    let index = parse(&files["index.json"]);
    let entry = &index["manifests"][0];
    assert_eq!(entry["annotations"][CONTAINERD_NAME], spec.reference);
    assert_eq!(entry["digest"], image.digest);
    let manifest = parse(blob(&files, entry));
    let config = parse(blob(&files, &manifest["config"]));
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/annex-operator"]));

    let mut layer = Vec::new();
    flate2::read::GzDecoder::new(blob(&files, &manifest["layers"][0]))
        .read_to_end(&mut layer)
        .expect("gzip");
    assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&layer)]));
    let mut entries = tar::Archive::new(layer.as_slice());
    let entries: Vec<_> = entries
        .entries()
        .expect("a tar")
        .map(|e| e.expect("an entry"))
        .collect();
    assert_eq!(entries.len(), 1);
    let header = entries[0].header();
    assert_eq!(entries[0].path_bytes().as_ref(), b"annex-operator");
    assert_eq!(
        (header.mode().expect("mode"), header.mtime().expect("date")),
        (0o755, 7)
    );
    assert_eq!(header.size().expect("size"), PROGRAM.len() as u64);
}
