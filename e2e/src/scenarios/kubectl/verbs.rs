//! The verbs of kubectl on flunders, one after the other, through the aggregator.

use serde_json::Value;

use super::super::describe::words;
use super::super::{Failure, World, ensure};
use super::watch::Watch;

/// Whose server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// Annex's wardle, which bans no names yet.
    Annex,
    /// Kubernetes' own.
    Go,
}

/// All of them. Leaves no flunder behind.
///
/// # Errors
/// The first answer that is not what Kubernetes' own resources would give.
pub(super) async fn all(world: &World, server: Server) -> Result<(), Failure> {
    discovery(world).await?;
    let mut watch = Watch::start(world, "flunders")?;
    create_and_get(world).await?;
    watch.expect("ADDED", "one").await?;
    apply(world).await?;
    diff(world).await?;
    server_side_apply(world).await?;
    patch(world).await?;
    watch.expect("MODIFIED", "one").await?;
    metadata(world).await?;
    selectors(world).await?;
    if server == Server::Go {
        admission(world).await?;
    }
    delete(world).await?;
    watch.expect("DELETED", "one").await
}

/// kube-apiserver fetches discovery and OpenAPI documents beside its availability checks, so that they may come a moment
/// after Ready.
async fn discovery(world: &World) -> Result<(), Failure> {
    for (line, wanted) in [
        (
            "api-resources --api-group=wardle.example.com --no-headers",
            &[
                "flunders wardle.example.com/v1beta1 true Flunder",
                "fischers wardle.example.com/v1alpha1 false Fischer",
            ][..],
        ),
        (
            "explain flunders",
            &[
                "GROUP: wardle.example.com",
                "KIND: Flunder",
                "Flunder is an example type with a spec and a status.",
            ],
        ),
        (
            "explain flunder.spec.fischerReference",
            &["FIELD: fischerReference <string>"],
        ),
    ] {
        world
            .eventually(&format!("`kubectl {line}`"), async || {
                shows(world, line, wanted)
                    .await
                    .map_err(|error| error.to_string())
            })
            .await?;
    }
    Ok(())
}

async fn create_and_get(world: &World) -> Result<(), Failure> {
    let created = world
        .tools
        .kubectl_with(&["create", "-f", "-"], &flunder("one", "a", "first"))
        .await?;
    equal(&created, "flunder.wardle.example.com/one created\n")?;
    let again = world
        .tools
        .try_kubectl(&["create", "-f", "-"], &flunder("one", "a", "first"))
        .await?;
    ensure(!again.success && again.stderr.contains("AlreadyExists"), || {
        format!("a second create says {:?} instead of AlreadyExists", again.stderr)
    })?;
    shows(world, "get flunders", &["NAME CREATED AT", "one 20"]).await?;
    shows(
        world,
        "get flunder one -o wide --show-labels",
        &["NAME CREATED AT LABELS", "set=a"],
    )
    .await?;
    let named = world.kubectl("get flunders -o name").await?;
    equal(&named, "flunder.wardle.example.com/one\n")?;
    shows(
        world,
        "get flunder one -o yaml",
        &[
            "apiVersion: wardle.example.com/v1beta1",
            "kind: Flunder",
            "fischerReference: first",
        ],
    )
    .await?;
    // The older version is another view of the same object.
    shows(
        world,
        "get flunders.v1alpha1.wardle.example.com one -o yaml",
        &[
            "apiVersion: wardle.example.com/v1alpha1",
            "reference: first",
            "referenceType: Fischer",
        ],
    )
    .await?;
    let missing = world.kubectl_fails("get flunder none").await?;
    ensure(
        missing.contains(r#"(NotFound): flunders.wardle.example.com "none" not found"#),
        || format!("a missing flunder is answered with: {missing}"),
    )
}

/// Makes, changes and leaves alone.
async fn apply(world: &World) -> Result<(), Failure> {
    for (reference, outcome) in [
        ("first", "created"),
        ("second", "configured"),
        ("second", "unchanged"),
    ] {
        let said = world.apply(&flunder("two", "b", reference)).await?;
        equal(&said, &format!("flunder.wardle.example.com/two {outcome}\n"))?;
        field(world, "two", "{.spec.fischerReference}", reference).await?;
    }
    Ok(())
}

/// A change that is not made yet is shown, and is not made.
async fn diff(world: &World) -> Result<(), Failure> {
    let same = world
        .tools
        .try_kubectl(&["diff", "-f", "-"], &flunder("two", "b", "second"))
        .await?;
    ensure(same.success && same.stdout.is_empty(), || {
        format!("no difference, and diff shows: {}{}", same.stdout, same.stderr)
    })?;
    let other = world
        .tools
        .try_kubectl(&["diff", "-f", "-"], &flunder("two", "b", "third"))
        .await?;
    let shows = |line: &str| other.stdout.lines().any(|found| found == line);
    ensure(
        !other.success && shows("-  fischerReference: second") && shows("+  fischerReference: third"),
        || format!("diff shows: {}{}", other.stdout, other.stderr),
    )?;
    field(world, "two", "{.spec.fischerReference}", "second").await
}

/// Makes, meets a conflict with another manager, and takes what it wants.
async fn server_side_apply(world: &World) -> Result<(), Failure> {
    let applied = "flunder.wardle.example.com/three serverside-applied\n";
    let arguments = ["apply", "--server-side", "-f", "-"];
    let said = world
        .tools
        .kubectl_with(&arguments, &flunder("three", "b", "third"))
        .await?;
    equal(&said, applied)?;
    let other = [&arguments[..], &["--field-manager=other"]].concat();
    let changed = flunder("three", "b", "fourth");
    let refused = world.tools.try_kubectl(&other, &changed).await?;
    let conflict = r#"conflict with "kubectl": .spec.fischerReference"#;
    ensure(!refused.success && refused.stderr.contains(conflict), || {
        format!("a conflict says: {}{}", refused.stdout, refused.stderr)
    })?;
    field(world, "three", "{.spec.fischerReference}", "third").await?;
    let forced = [&other[..], &["--force-conflicts"]].concat();
    let said = world.tools.kubectl_with(&forced, &changed).await?;
    equal(&said, applied)?;
    field(world, "three", "{.spec.fischerReference}", "fourth").await
}

async fn patch(world: &World) -> Result<(), Failure> {
    let merge = r#"{"spec":{"fischerReference":"merged"}}"#;
    world
        .kubectl(&format!("patch flunder one --type=merge -p {merge}"))
        .await?;
    field(world, "one", "{.spec.fischerReference}", "merged").await?;
    let json = r#"[{"op":"test","path":"/spec/fischerReference","value":"merged"},{"op":"replace","path":"/spec/fischerReference","value":"json"}]"#;
    world
        .kubectl(&format!("patch flunder one --type=json -p {json}"))
        .await?;
    field(world, "one", "{.spec.fischerReference}", "json").await?;
    // The test of the second patch fails now: nothing is changed.
    world
        .kubectl_fails(&format!("patch flunder one --type=json -p {json}"))
        .await?;
    field(world, "one", "{.spec.fischerReference}", "json").await
}

async fn metadata(world: &World) -> Result<(), Failure> {
    world.kubectl("label flunder one colour=green").await?;
    field(world, "one", "{.metadata.labels.colour}", "green").await?;
    world.kubectl("label flunder one colour-").await?;
    world.kubectl("annotate flunder one note=kept").await?;
    field(
        world,
        "one",
        "{.metadata.labels.colour}{.metadata.annotations.note}",
        "kept",
    )
    .await?;
    world
        .kubectl("wait flunder/one --for=jsonpath={.metadata.annotations.note}=kept --timeout=30s")
        .await?;
    shows(
        world,
        "describe flunder one",
        &[
            "Name: one",
            "Labels: set=a",
            "note: kept",
            "Fischer Reference: json",
        ],
    )
    .await
}

async fn selectors(world: &World) -> Result<(), Failure> {
    let named = world.kubectl("get flunders -l set=b -o name").await?;
    equal(
        &named,
        "flunder.wardle.example.com/three\nflunder.wardle.example.com/two\n",
    )?;
    let named = world
        .kubectl("get flunders --field-selector=metadata.name=two -o name")
        .await?;
    equal(&named, "flunder.wardle.example.com/two\n")?;
    let list: Value = serde_json::from_str(&world.kubectl("get flunders -A -o json").await?)?;
    ensure(
        list["items"].as_array().is_some_and(|items| items.len() == 3),
        || format!("three flunders, and the list has: {list}"),
    )
}

/// The sample-apiserver's own admission plugin needs its informers, a loopback client and a cluster-scoped kind.
async fn admission(world: &World) -> Result<(), Failure> {
    world.apply(FISCHER).await?;
    world
        .eventually("flunder banned to be refused", async || {
            let arguments = ["create", "--dry-run=server", "-f", "-"];
            let output = world
                .tools
                .try_kubectl(&arguments, &flunder("banned", "a", "x"))
                .await
                .map_err(|error| error.to_string())?;
            if !output.success && output.stderr.contains("this name may not be used") {
                Ok(())
            } else {
                Err(format!("{}{}", output.stdout, output.stderr))
            }
        })
        .await?;
    world.kubectl("delete fischer strict").await.map(|_| ())
}

async fn delete(world: &World) -> Result<(), Failure> {
    let said = world.kubectl("delete flunder two").await?;
    ensure(
        said.starts_with(r#"flunder.wardle.example.com "two" deleted"#),
        || said.clone(),
    )?;
    world.kubectl("delete flunders --all").await?;
    let left = world.kubectl("get flunders -A -o name").await?;
    equal(&left, "")
}

/// What kubectl prints contains each of these; runs of blanks count as one.
async fn shows(world: &World, line: &str, wanted: &[&str]) -> Result<(), Failure> {
    let output = world.kubectl(line).await?;
    let words = words(&output);
    for text in wanted {
        ensure(words.contains(text), || {
            format!("`kubectl {line}` does not show {text:?}:\n{output}")
        })?;
    }
    Ok(())
}

async fn field(world: &World, name: &str, path: &str, wanted: &str) -> Result<(), Failure> {
    let found = world
        .kubectl(&format!("get flunder {name} -o jsonpath={path}"))
        .await?;
    ensure(found == wanted, || {
        format!("{path} of flunder {name} is {found:?} instead of {wanted:?}")
    })
}

fn equal(found: &str, wanted: &str) -> Result<(), Failure> {
    ensure(found == wanted, || {
        format!("kubectl wrote {found:?} instead of {wanted:?}")
    })
}

fn flunder(name: &str, set: &str, reference: &str) -> String {
    format!(
        "
apiVersion: wardle.example.com/v1beta1
kind: Flunder
metadata: {{ name: {name}, labels: {{ set: {set} }} }}
spec: {{ fischerReference: {reference}, referenceType: Fischer }}
"
    )
}

const FISCHER: &str = "
apiVersion: wardle.example.com/v1alpha1
kind: Fischer
metadata: { name: strict }
disallowedFlunders: [banned]
";
