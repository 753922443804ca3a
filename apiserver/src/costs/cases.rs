//! Input that once cost the square of its length, or would, if somebody looped over it twice.

use http::HeaderMap;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::authn::impersonation::impersonate;
use crate::authz;
use crate::discovery::Discovery;
use crate::endpoint::testing::{FLUNDERS, TestServer};
use crate::openapi;
use crate::protobuf::object_meta::ObjectMeta as ObjectMetaMessage;
use crate::protobuf::{delete_options, envelope};
use crate::request::media;
use crate::request::options::{CreateOptions, DeleteOptions, ListOptions};
use crate::request::selector::FieldSelector;
use crate::request::{GoDuration, GroupKind, RequestInfo, User};
use crate::status::{ApiError, FieldError};
use crate::warnings::Warnings;

use super::inputs::*;

pub(super) const CASES: &[(&str, Case)] = &[
    (
        "managed fields: many managers",
        super::managed_fields::many_managers,
    ),
    (
        "managed fields: many fields applied",
        super::managed_fields::many_fields,
    ),
    (
        "managed fields: many conflicts",
        super::managed_fields::many_conflicts,
    ),
    ("decode: nulls", |runtime, size| {
        let fields = many(size, |n| {
            format!(r#""{}":null,"x{n}":1"#, ["uid", "generateName"][n % 2])
        });
        create(runtime, with_metadata(&fields))
    }),
    ("decode: unknown fields", decode_unknown_fields),
    ("decode: the same field", |runtime, size| {
        create(runtime, with_spec(&many(size, |_| r#""reference":"a""#.into())))
    }),
    ("decode: duplicates under a long key", |runtime, size| {
        let key = "k".repeat(10 * size);
        let inner = many(size, |_| r#""p":{"a":1,"a":1}"#.into());
        create(runtime, with_spec(&format!(r#""any":{{"{key}":{{{inner}}}}}"#)))
    }),
    ("decode: values of a wrong type", |runtime, size| {
        create(
            runtime,
            with_spec(&format!(r#""list":[{}]"#, many(size, |n| n.to_string()))),
        )
    }),
    ("decode: halves of surrogate pairs", |runtime, size| {
        create(
            runtime,
            with_spec(&format!(r#""reference":"{}""#, r"\ud800".repeat(size))),
        )
    }),
    ("decode: no JSON at the end", |runtime, size| {
        create(
            runtime,
            with_spec(&format!(r#""list":[{}],,"#, many(size, |_| "\"x\"".into()))),
        )
    }),
    // Of YAML a quarter, which is still more than a thousand bytes: it costs ten times as much as JSON.
    ("decode: YAML", |runtime, size| {
        let labels: String = (0..size / 4).map(|n| format!("    l{n}: v\n")).collect();
        yaml(runtime, &format!("metadata:\n  name: a\n  labels:\n{labels}"))
    }),
    ("decode: YAML's duplicates", |runtime, size| {
        let labels = "    l: v\n".repeat(size / 4);
        yaml(runtime, &format!("metadata:\n  name: a\n  labels:\n{labels}"))
    }),
    ("decode: YAML's aliases", |runtime, size| {
        let list = many(size / 4, |_| "*a".into());
        yaml(
            runtime,
            &format!("metadata: {{name: &a a}}\nspec: {{list: [{list}]}}"),
        )
    }),
    ("decode: YAML's anchors inside of anchors", |runtime, size| {
        let (open, close) = ("&a [".repeat(50), "]".repeat(50));
        let list = many(size / 4, |_| "x".into());
        yaml(
            runtime,
            &format!("metadata: {{name: a}}\nspec: {{any: {open}{list}{close}}}"),
        )
    }),
    ("metadata: labels", |runtime, size| {
        let labels = many(size, |n| format!(r#""l{n}":"v""#));
        create(runtime, with_metadata(&format!(r#""labels":{{{labels}}}"#)))
    }),
    ("metadata: invalid labels", |runtime, size| {
        let labels = many(size, |n| format!(r#""-{n}":"-""#));
        create(runtime, with_metadata(&format!(r#""labels":{{{labels}}}"#)))
    }),
    ("metadata: invalid annotations", |runtime, size| {
        let annotations = many(size, |n| format!(r#""-{n}":"""#));
        create(
            runtime,
            with_metadata(&format!(r#""annotations":{{{annotations}}}"#)),
        )
    }),
    ("metadata: finalizers", |runtime, size| {
        let finalizers = many(size, |n| format!(r#""x/{n}""#));
        create(runtime, with_metadata(&format!(r#""finalizers":[{finalizers}]"#)))
    }),
    ("metadata: invalid finalizers", |runtime, size| {
        let finalizers = many(size, |n| format!(r#""-{n}""#));
        create(runtime, with_metadata(&format!(r#""finalizers":[{finalizers}]"#)))
    }),
    ("metadata: owners", |runtime, size| {
        create(runtime, with_owners(size, |n| format!(r#""uid":"{n}""#)))
    }),
    ("metadata: owners of one uid", |runtime, size| {
        let owner = |n| format!(r#""uid":"u","blockOwnerDeletion":{}"#, n % 2 == 0);
        create(runtime, with_owners(size, owner))
    }),
    ("metadata: the same owner", |runtime, size| {
        create(runtime, with_owners(size, |_| r#""uid":"u""#.into()))
    }),
    ("metadata: controllers", |runtime, size| {
        create(
            runtime,
            with_owners(size, |n| format!(r#""uid":"{n}","controller":true"#)),
        )
    }),
    (
        "metadata: new finalizers of an object in deletion",
        |runtime, size| {
            let server = stocked(runtime, &json!({"metadata": {"finalizers": ["x/y"]}}));
            runtime.block_on(server.delete(&format!("{FLUNDERS}/a")));
            let finalizers: Vec<String> = (0..size).map(|n| format!("x/{n}")).collect();
            let patch = json!({"metadata": {"finalizers": finalizers}}).to_string();
            send(runtime, server, "PATCH", format!("{FLUNDERS}/a"), MERGE, patch)
        },
    ),
    ("merge patch: fields", |runtime, size| {
        let labels: serde_json::Map<String, Value> =
            (0..size).map(|n| (format!("l{n}"), "v".into())).collect();
        patch(
            runtime,
            MERGE,
            json!({"metadata": {"labels": labels}}).to_string(),
        )
    }),
    ("merge patch: duplicates under a long key", |runtime, size| {
        let key = "k".repeat(10 * size);
        let inner = many(size, |_| r#""a":1"#.into());
        patch(
            runtime,
            MERGE,
            format!(r#"{{"spec":{{"any":{{"{key}":{{{inner}}}}}}}}}"#),
        )
    }),
    ("merge patch: elements under a long key", |runtime, size| {
        let (key, list) = ("k".repeat(10 * size), many(size, |_| "1".into()));
        patch(
            runtime,
            MERGE,
            format!(r#"{{"spec":{{"any":{{"{key}":[{list}]}}}}}}"#),
        )
    }),
    ("merge patch: nulls", |runtime, size| {
        let labels = many(size, |n| format!(r#""l{n}":null"#));
        patch(
            runtime,
            MERGE,
            format!(r#"{{"metadata":{{"labels":{{{labels}}}}}}}"#),
        )
    }),
    ("JSON patch: additions at the head of a list", |runtime, size| {
        on_list(
            runtime,
            size,
            |_| json!({"op": "add", "path": "/spec/list/0", "value": "x"}),
        )
    }),
    ("JSON patch: removals at the head of a list", |runtime, size| {
        on_list(runtime, size, |_| json!({"op": "remove", "path": "/spec/list/0"}))
    }),
    ("JSON patch: moves inside of a list", |runtime, size| {
        on_list(
            runtime,
            size,
            |n| json!({"op": "move", "from": "/spec/list/0", "path": format!("/spec/list/{}", n / 2)}),
        )
    }),
    ("JSON patch: tests", |runtime, size| {
        on_list(
            runtime,
            size,
            |n| json!({"op": "test", "path": format!("/spec/list/{n}"), "value": "e"}),
        )
    }),
    ("JSON patch: copies", |runtime, size| {
        on_list(
            runtime,
            size,
            |_| json!({"op": "copy", "from": "/metadata/name", "path": "/spec/list/-"}),
        )
    }),
    ("JSON patch: levels", |runtime, size| {
        let mut operations = vec![json!({"op": "add", "path": "/spec/any", "value": {"a": {"b": {}}}})];
        for _ in 0..size / 2 {
            operations.push(json!({"op": "move", "from": "/spec/any/a", "path": "/spec/any/x"}));
            operations.push(json!({"op": "move", "from": "/spec/any/x", "path": "/spec/any/a"}));
        }
        patch(runtime, JSON, json!(operations).to_string())
    }),
    ("JSON patch: unknown fields", |runtime, size| {
        let operations: Vec<Value> = (0..size)
            .map(|n| json!({"op": "test", "path": "/kind", "value": "Flunder", format!("x{n}"): 1}))
            .collect();
        patch(runtime, JSON, json!(operations).to_string())
    }),
    ("selector: open parentheses", |_, size| {
        parse_labels("(".repeat(size))
    }),
    ("selector: symbols", |_, size| parse_labels("=!".repeat(size))),
    ("selector: keys", |_, size| {
        parse_labels(many(size, |n| format!("k{n}")))
    }),
    ("selector: the same key", |_, size| {
        parse_labels(many(size, |n| format!("k!=v{n}")))
    }),
    ("selector: values", |_, size| {
        parse_labels(format!("k in ({})", many(size, |n| format!("v{n}"))))
    }),
    ("selector: invalid values", |_, size| {
        parse_labels(format!("k in ({})", many(size, |n| format!("-{n}"))))
    }),
    ("selector: fields", |_, size| {
        let text = many(size, |n| format!("metadata.name!=v{n}"));
        Box::new(move || drop(FieldSelector::parse(&text)))
    }),
    ("selector: escapes", |_, size| {
        let text = format!("x={}", r"\,".repeat(size));
        Box::new(move || drop(FieldSelector::parse(&text)))
    }),
    ("list: by many conditions", |runtime, size| {
        let server = stocked(runtime, &json!({"metadata": {"labels": {"k": "x"}}}));
        let selector = many(size, |n| format!("k!%3Dv{n}"));
        send(
            runtime,
            server,
            "GET",
            format!("{FLUNDERS}?labelSelector={selector}"),
            "",
            String::new(),
        )
    }),
    ("list: of many objects", |runtime, size| {
        let server = TestServer::new();
        for number in 0..size / 4 {
            runtime.block_on(server.create(&format!("a{number}")));
        }
        let uri = format!("{FLUNDERS}?labelSelector=a!%3Db&fieldSelector=metadata.name!%3Dx");
        send(runtime, server, "GET", uri, "", String::new())
    }),
    ("path: segments", |_, size| {
        parse_path("/apis/g/v/r".to_owned() + &"/x".repeat(size))
    }),
    ("path: slashes", |_, size| {
        parse_path("/apis/g/v/r".to_owned() + &"/".repeat(size))
    }),
    ("path: escapes", |_, size| {
        parse_path("/apis/g/v/r/".to_owned() + &"%41".repeat(size))
    }),
    ("query: parameters", |_, size| {
        let query = many(size, |n| format!("x{n}=1")).replace(',', "&");
        Box::new(move || drop(ListOptions::parse(&query)))
    }),
    ("query: dryRun", |_, size| {
        let query = "dryRun=x&".repeat(size);
        Box::new(move || drop(DeleteOptions::parse(&query).map_err(|error| error.status())))
    }),
    ("query: fieldManager", |_, size| {
        let query = format!("fieldManager={}", "%0A".repeat(size));
        Box::new(move || drop(CreateOptions::parse(&query).map_err(|error| error.status())))
    }),
    ("query: resourceVersion and continue", |runtime, size| {
        let (digits, token) = ("1".repeat(size), "A".repeat(size));
        let uri = format!("{FLUNDERS}?resourceVersion={digits}&continue={token}");
        send(runtime, TestServer::new(), "GET", uri, "", String::new())
    }),
    ("query: durations", |_, size| {
        let text = "1ns".repeat(size);
        Box::new(move || drop(GoDuration::parse(&text)))
    }),
    ("media types: Accept", |_, size| {
        let clauses = many(size, |n| format!("a/b;q=0.{n};as=x"));
        let headers = header("accept", &clauses);
        Box::new(move || drop(media::wanted(&headers, "")))
    }),
    ("media types: parameters of Accept", |_, size| {
        let headers = header("accept", &format!("application/json{}", ";as=x;g=y".repeat(size)));
        Box::new(move || drop(media::wanted(&headers, "")))
    }),
    ("media types: Content-Type", |_, size| {
        let headers = header(
            "content-type",
            &format!("application/json{}", "; a=\"b\\\"\"".repeat(size)),
        );
        Box::new(move || drop(media::body_media(&headers)))
    }),
    ("media types: the router's look at Accept", |_, size| {
        let headers = header("accept", &many(size, |n| format!("a/b;q=0.{n}")));
        Box::new(move || drop(media::check_produced(&headers, true)))
    }),
    ("protobuf: metadata", |_, size| {
        let labels = many(size, |n| format!(r#""l{n}":"v""#));
        let owners = many(size, |_| "{}".into());
        let json = format!(r#"{{"labels":{{{labels}}},"ownerReferences":[{owners}]}}"#);
        Box::new(move || {
            let metadata = ObjectMetaMessage::from_json(json.as_bytes()).unwrap();
            metadata.push_object("meta.k8s.io/v1", &mut Vec::new());
        })
    }),
    ("protobuf: DeleteOptions", |_, size| {
        let dry_run = [0x2a, 0].repeat(size);
        let mut body = envelope::head("v1", "DeleteOptions", dry_run.len());
        body.extend_from_slice(&dry_run);
        Box::new(move || {
            let options = delete_options::to_json(&body).unwrap();
            drop(DeleteOptions::from_body(options).map_err(|error| error.status()));
        })
    }),
    ("impersonation: groups and extra", |runtime, size| {
        let mut request = http::Request::new(());
        for number in 0..size / 2 {
            let group = format!("g{number}").parse().unwrap();
            request.headers_mut().append("impersonate-group", group);
            let name: http::HeaderName = format!("impersonate-extra-k{number}").parse().unwrap();
            request.headers_mut().append(name, "v".parse().unwrap());
        }
        request
            .headers_mut()
            .insert("impersonate-user", "u".parse().unwrap());
        let info = RequestInfo::parse(&http::Method::GET, &FLUNDERS.parse().unwrap()).unwrap();
        let authorizer = authz::build(authz::Options::default(), None).unwrap();
        let user = User {
            groups: vec![User::MASTERS.into()],
            ..User::default()
        };
        Box::new(move || {
            let (mut parts, ()) = request.into_parts();
            let _ = runtime.block_on(impersonate(&authorizer, &mut parts, user, &info));
        })
    }),
    ("authentication: headers of a front proxy", |runtime, size| {
        // Names, and not values of one name: where those are removed, a debug build of `http` looks through all of them.
        let mut headers = HeaderMap::new();
        for number in 0..size {
            let name: http::HeaderName = format!("x-remote-extra-k{number}").parse().unwrap();
            headers.append(name, "v".parse().unwrap());
        }
        authenticate(runtime, headers)
    }),
    ("authentication: protocols of a WebSocket", |runtime, size| {
        let mut headers = header("upgrade", &many(size, |_| "x".into()));
        headers.append("upgrade", "websocket".parse().unwrap());
        headers.append("connection", "upgrade".parse().unwrap());
        let token = "base64url.bearer.authorization.k8s.io.eA";
        let protocols = format!("{},{token}", many(size, |n| format!("p{n}")));
        headers.append("sec-websocket-protocol", protocols.parse().unwrap());
        authenticate(runtime, headers)
    }),
    ("discovery: Accept", |_, size| {
        let headers = header(
            "accept",
            &many(size, |n| format!("application/json;q=0.{n};g=a;v=b;as=c")),
        );
        Box::new(move || {
            std::hint::black_box(Discovery::wants_aggregated(&headers));
        })
    }),
    ("discovery: groups", |_, size| {
        let resources = resources(size / 5, |n| (format!("g{n}"), vec!["v1".into()]));
        Box::new(move || drop(Discovery::new(&resources, ":443")))
    }),
    ("discovery: versions", |_, size| {
        let versions: Vec<String> = (1..=size / 20).map(|n| format!("v{n}")).collect();
        let resources = resources(2, |_| ("g".into(), versions.clone()));
        Box::new(move || drop(Discovery::new(&resources, ":443")))
    }),
    ("openapi: groups", |_, size| {
        let resources = resources(size / 200, |n| (format!("g{n}"), vec!["v1".into()]));
        Box::new(move || drop(openapi::Documents::new(&INFO, &resources)))
    }),
    ("openapi: resources", |_, size| {
        let resources = resources(size / 20, |_| ("g".into(), vec!["v1".into()]));
        Box::new(move || drop(openapi::Documents::new(&INFO, &resources)))
    }),
    ("schema: variants that are texts", |_, size| {
        schema_of(many(size, |n| format!(r#"{{"type":"string","enum":["v{n}"]}}"#)))
    }),
    ("schema: variants that require something", |_, size| {
        let variant = |n| {
            format!(
                r#"{{"type":"object","properties":{{"v{n}":{{"type":"string"}}}},"required":["t","v{n}"]}}"#
            )
        };
        schema_of(many(size, variant))
    }),
    ("schema: variants with a tag", |_, size| {
        let tag = |n| {
            format!(
                r#"{{"type":"object","properties":{{"t":{{"type":"string","enum":["v{n}"]}}}},"required":["t"]}}"#
            )
        };
        schema_of(many(size, tag))
    }),
    ("schema: elements that lack what it requires", |_, size| {
        let properties = many(size / 10, |n| format!(r#""f{n}":{{"type":"string"}}"#));
        let required = many(size / 10, |n| format!(r#""f{n}""#));
        let element = format!(r#"{{"type":"object","properties":{{{properties}}},"required":[{required}]}}"#);
        decode_list(&element, many(size, |_| "{}".into()))
    }),
    ("schema: values of many choices", |_, size| {
        let choices = many(size, |n| format!(r#""v{n}""#));
        let element = format!(r#"{{"type":"string","enum":[{choices}]}}"#);
        decode_list(&element, choices)
    }),
    ("messages: errors about fields", |_, size| {
        let errors = (0..size).map(|n| FieldError::invalid(format!("f{n}"), "x".repeat(100), "no"));
        let error = ApiError::Invalid {
            kind: GroupKind::new("g", "k"),
            name: "a".into(),
            errors: errors.collect(),
        };
        Box::new(move || drop(error.status()))
    }),
    ("messages: long values", |_, size| {
        let value: Vec<String> = (0..size).map(|n| n.to_string()).collect();
        let error = FieldError::invalid("f", value, "no");
        Box::new(move || drop(ApiError::invalid_field(GroupKind::new("g", "k"), "a", error).status()))
    }),
    ("strategic merge patch: a set", |runtime, size| {
        strategic_of_set(runtime, size, "finalizers")
    }),
    ("strategic merge patch: deletions from a set", |runtime, size| {
        strategic_of_set(runtime, size, "$deleteFromPrimitiveList/finalizers")
    }),
    ("strategic merge patch: the order of a set", |runtime, size| {
        strategic_of_set(runtime, size, "$setElementOrder/finalizers")
    }),
    (
        "strategic merge patch: elements that no order knows",
        |runtime, size| {
            let finalizers = many(size, |n| format!(r#""x/{n}""#));
            let body =
                format!(r#"{{"metadata":{{"$setElementOrder/finalizers":[],"finalizers":[{finalizers}]}}}}"#);
            patch(runtime, STRATEGIC, body)
        },
    ),
    ("strategic merge patch: duplicates of a set", |runtime, size| {
        let finalizers: Vec<String> = (0..size).map(|n| format!("x/{}", n / 2)).collect();
        let server = stocked(runtime, &json!({"metadata": {"finalizers": finalizers}}));
        let body = r#"{"metadata":{"finalizers":[]}}"#.into();
        send(runtime, server, "PATCH", format!("{FLUNDERS}/a"), STRATEGIC, body)
    }),
    (
        "strategic merge patch: elements with merge keys",
        |runtime, size| {
            patch(
                runtime,
                STRATEGIC,
                with_owners(size, |n| format!(r#""uid":"{}""#, n / 2)),
            )
        },
    ),
    (
        "strategic merge patch: elements merged and deleted",
        |runtime, size| {
            let owner = |n| json!({"apiVersion": "v1", "kind": "Pod", "name": "o", "uid": format!("{n}")});
            let owners: Vec<Value> = (0..size).map(owner).collect();
            let server = stocked(runtime, &json!({"metadata": {"ownerReferences": owners}}));
            let changes = many(size, |n| match n % 2 {
                0 => format!(r#"{{"uid":"{n}","name":"p"}}"#),
                _ => format!(r#"{{"uid":"{n}","$patch":"delete"}}"#),
            });
            let body = format!(r#"{{"metadata":{{"ownerReferences":[{changes}]}}}}"#);
            send(runtime, server, "PATCH", format!("{FLUNDERS}/a"), STRATEGIC, body)
        },
    ),
    (
        "strategic merge patch: elements without a merge key's value",
        |runtime, size| {
            let owners = many(size, |_| r#"{"uid":null}"#.into());
            patch(
                runtime,
                STRATEGIC,
                format!(r#"{{"metadata":{{"ownerReferences":[{owners}]}}}}"#),
            )
        },
    ),
    ("strategic merge patch: retained fields", |runtime, size| {
        let names = many(size, |n| format!(r#""l{n}""#));
        let labels = many(size, |n| format!(r#""l{n}":"v""#));
        let body = format!(r#"{{"metadata":{{"labels":{{"$retainKeys":[{names}],{labels}}}}}}}"#);
        patch(runtime, STRATEGIC, body)
    }),
    ("messages: warnings", |_, size| {
        let texts: Vec<String> = (0..size).map(|n| format!("warning {n}")).collect();
        Box::new(move || {
            let warnings = Warnings::default();
            warnings.extend(texts);
            warnings.write(&mut HeaderMap::new());
        })
    }),
];

pub(super) fn decode_unknown_fields(runtime: &Runtime, size: usize) -> Prepared<'_> {
    create(runtime, with_spec(&many(size, |n| format!(r#""x{n}":1"#))))
}
