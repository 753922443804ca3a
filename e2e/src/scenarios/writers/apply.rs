//! `kubectl apply --server-side` and its relatives (KEP-555): conflicts, the upgrade from client-side apply, another version.

use serde_json::json;

use super::super::{Failure, ensure};
use super::user::{User, widget};

/// What kubectl says of a Widget that it has applied.
const APPLIED: &str = "widget.peer.example.com/one serverside-applied\n";

/// What the API says of itself: kube-apiserver fetches it beside its availability checks.
pub(super) async fn documented(user: &User<'_>) -> Result<(), Failure> {
    for (line, wanted) in [
        (
            "api-resources --api-group=peer.example.com --no-headers",
            "widgets wd peer.example.com/v1 true Widget",
        ),
        ("explain widget.spec", "replicas <integer>"),
        ("explain widget.status.conditions", "lastTransitionTime"),
    ] {
        user.world
            .eventually(&format!("`kubectl {line}`"), async || {
                user.shows(line, wanted).await.map_err(|error| error.to_string())
            })
            .await?;
    }
    Ok(())
}

/// Creates, changes, meets a conflict and wins it.
pub(super) async fn server_side(user: &User<'_>) -> Result<(), Failure> {
    let apply = "apply --server-side -f -";
    for color in ["red", "blue"] {
        user.says_with(apply, &widget("one", color, "web"), APPLIED)
            .await?;
        user.field("one", "{.spec.color}", color).await?;
    }
    let other = "apply --server-side --field-manager=other -f -";
    let refused = user.with(other, &widget("one", "green", "web")).await?;
    let conflict = "Apply failed with 1 conflict: conflict with \"kubectl\": .spec.color";
    ensure(!refused.success && refused.stderr.contains(conflict), || {
        format!("no conflict, but: {}{}", refused.stdout, refused.stderr)
    })?;
    user.field("one", "{.spec.color}", "blue").await?;
    let forced = format!("{other} --force-conflicts");
    user.says_with(&forced, &widget("one", "green", "web"), APPLIED)
        .await?;
    user.field("one", "{.spec.color}", "green").await?;
    user.managers("one", &["kubectl Apply", "other Apply"]).await?;
    let port = json!({".": {}, "f:name": {}, "f:port": {}});
    let theirs = json!({"f:spec": {
        "f:features": {"v:\"a\"": {}},
        "f:ports": {"k:{\"name\":\"web\"}": port},
        "f:replicas": {},
        "f:selector": {},
    }});
    let found = user.managed_by("one", "kubectl Apply").await?;
    ensure(found == theirs, || {
        format!("kubectl manages {found} instead of {theirs}")
    })?;
    // They are shown to those who ask for them.
    let plain = user.kubectl("get widget one -o yaml").await?;
    ensure(!plain.contains("managedFields"), || plain.clone())
}

/// A change that is not made yet is shown, and is not made.
pub(super) async fn diff(user: &User<'_>) -> Result<(), Failure> {
    let diff = "diff --server-side --field-manager=other -f -";
    let same = user.with(diff, &widget("one", "green", "web")).await?;
    ensure(same.success && same.stdout.is_empty(), || {
        format!("no difference, and diff shows: {}{}", same.stdout, same.stderr)
    })?;
    let other = user.with(diff, &widget("one", "yellow", "web")).await?;
    let shows = |line: &str| other.stdout.lines().any(|found| found == line);
    ensure(
        !other.success && shows("-  color: green") && shows("+  color: yellow"),
        || format!("diff shows: {}{}", other.stdout, other.stderr),
    )?;
    user.field("one", "{.spec.color}", "green").await
}

/// Who applied on the client's side goes on at the server's: what is applied no more goes.
pub(super) async fn upgrade(user: &User<'_>) -> Result<(), Failure> {
    let created = "widget.peer.example.com/two created\n";
    user.says_with("apply -f -", &widget("two", "red", "web"), created)
        .await?;
    user.managers("two", &["kubectl-client-side-apply Update"])
        .await?;
    let configured = "widget.peer.example.com/two configured\n";
    user.says_with("apply -f -", &widget("two", "blue", "web"), configured)
        .await?;
    let applied = "widget.peer.example.com/two serverside-applied\n";
    user.says_with("apply --server-side -f -", &widget("two", "green", ""), applied)
        .await?;
    user.field("two", "{.spec.color}{.spec.ports}", "green").await?;
    user.managers("two", &["kubectl Apply", "kubectl-last-applied Apply"])
        .await
}

/// A field is the same field in the version that calls it otherwise.
pub(super) async fn other_version(user: &User<'_>) -> Result<(), Failure> {
    let beta = widget("two", "white", "")
        .replace("example.com/v1", "example.com/v1beta1")
        .replace("color:", "colour:");
    let applied = "widget.peer.example.com/two serverside-applied\n";
    user.says_with("apply --server-side -f -", &beta, applied).await?;
    user.field("two", "{.spec.color}", "white").await?;
    let colour = "get widgets.v1beta1.peer.example.com two -o jsonpath={.spec.colour}";
    user.says(colour, "white").await?;
    let other = "apply --server-side --field-manager=other -f -";
    let refused = user.with(other, &widget("two", "black", "")).await?;
    // It is named as the one who applied it calls it.
    let conflict = "conflict with \"kubectl\": .spec.colour";
    ensure(!refused.success && refused.stderr.contains(conflict), || {
        format!("no conflict, but: {}{}", refused.stdout, refused.stderr)
    })
}
