//! Subresources that connect, through the aggregator: the log, the command and the web page of a Machine of the library's example
//! `computed`.

use serde_json::json;

use super::super::{Failure, World, ensure, writers};

pub(super) async fn connected(world: &World, namespace: &str) -> Result<(), Failure> {
    let machine = format!("/apis/computed.example.com/v1/namespaces/{namespace}/machines/abacus");
    for (path, wanted) in [
        ("log?tailLines=2", "line 1\nline 2\n"),
        ("proxy", "GET / \n"),
        ("proxy/a/b%20c/?x=1", "GET /a/b%20c/?x=1 \n"),
    ] {
        let said = world.kubectl(&format!("get --raw {machine}/{path}")).await?;
        ensure(said == wanted, || format!("{path} says {said:?}"))?;
    }
    let post = ["create", "--raw", &format!("{machine}/proxy/sum"), "-f", "-"];
    let posted = world.tools.try_kubectl(&post, "1 and 2").await?;
    ensure(posted.stdout == "POST /sum 1 and 2\n", || format!("{posted:?}"))?;
    for (path, wanted) in [
        ("exec", "Upgrade request required"),
        ("log/deeper", "the server could not find the requested resource"),
    ] {
        let refused = world
            .kubectl_fails(&format!("get --raw {machine}/{path}"))
            .await?;
        ensure(refused.contains(wanted), || refused.clone())?;
    }
    let log = format!("get --raw {machine}/log?tailLines=1 --as=reader");
    let read = world.kubectl(&log).await?;
    ensure(read == "line 1\n", || format!("a reader reads {read:?}"))?;
    let page = format!("get --raw {machine}/proxy --as=reader");
    let refused = world.kubectl_fails(&page).await?;
    ensure(refused.contains("Forbidden"), || refused.clone())?;
    let seen = json!({
        "sum": ["1\n3\n42\n", "", 0],
        "missing": ["", "fly: not found\n", 127],
        "reader": true,
        "spdy": "unable to upgrade connection: Upgrade request required: to a WebSocket, over HTTP/1.1; no other protocol is spoken",
        "log": ["line 1", "line 2", "line 3", "line 4"],
        "plain": ["\u{1}", "\u{1}20\n", "\u{1}42\n"],
    });
    writers::saw(world, namespace, "connect", &seen).await
}
