use http::HeaderValue;

use super::*;

fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
        .collect()
}

fn accepting(accept: &'static str) -> Result<Wanted, String> {
    wanted(&headers(&[(ACCEPT, accept)]), "").map_err(|error| error.to_string())
}

fn json() -> Result<Wanted, String> {
    Ok(Wanted::PLAIN)
}

fn json_as(transform: Transform) -> Result<Wanted, String> {
    Ok(Wanted {
        transform: Some(transform),
        ..Wanted::PLAIN
    })
}

fn yaml() -> Result<Wanted, String> {
    Ok(Wanted {
        format: Format::Yaml,
        ..Wanted::PLAIN
    })
}

#[test]
fn what_clients_send_is_understood_as_go_understands_it() {
    for accept in [
        "application/json",
        "*/*",
        "*",
        "application/*",
        "application/vnd.kubernetes.protobuf,application/json",
        "application/vnd.kubernetes.protobuf, */*",
        "application/cbor, application/json;q=0.9",
        "application/yaml;q=0.5, application/json",
        "text/html, application/xhtml+xml, */*;q=0.8",
        "application/json;as=Unknown;g=meta.k8s.io;v=v1, application/json",
        "application/json;as=Table;g=meta.k8s.io;v=v2, application/json",
        "application/json;stream=watch",
        "application/json;stream=nonsense, application/json",
    ] {
        assert_eq!(accepting(accept), json(), "{accept}");
    }
    assert_eq!(wanted(&HeaderMap::new(), "").ok(), json().ok());
    assert_eq!(accepting("application/yaml"), yaml());
    assert_eq!(accepting("application/json;q=0.1, application/yaml"), yaml());
    // Go's sort puts what is specific before `*/*`, whatever its quality.
    assert_eq!(accepting("*/*;q=1, application/yaml;q=0.1"), yaml());
}

#[test]
fn kubectl_and_the_metadata_client_get_their_kinds() {
    assert_eq!(
        accepting(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
        ),
        json_as(Transform::Table(MetaVersion::V1))
    );
    assert_eq!(
        accepting(
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
        ),
        Ok(Wanted {
            drops_managed_fields: false,
            format: Format::Protobuf,
            transform: Some(Transform::PartialList(MetaVersion::V1)),
            pretty: false,
        })
    );
    assert_eq!(
        accepting("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1"),
        json_as(Transform::Partial(MetaVersion::V1beta1))
    );
}

#[test]
fn protobuf_is_of_metadata_and_else_the_last_choice() {
    const PARTIAL: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let protobuf = |transform| {
        Ok(Wanted {
            drops_managed_fields: false,
            format: Format::Protobuf,
            transform,
            pretty: false,
        })
    };
    let partial = protobuf(Some(Transform::Partial(MetaVersion::V1)));
    assert_eq!(accepting(PARTIAL), partial);
    assert_eq!(
        accepting(
            "application/json;q=0.5,application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        ),
        partial
    );
    assert_eq!(
        accepting(
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1,*/*"
        ),
        protobuf(Some(Transform::PartialList(MetaVersion::V1beta1)))
    );
    // A resource's own kind has none: the client's next choice, if it has one.
    assert_eq!(accepting("application/vnd.kubernetes.protobuf"), protobuf(None));
    assert_eq!(
        accepting("application/vnd.kubernetes.protobuf,application/yaml"),
        yaml()
    );
    assert_eq!(
        accepting("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,application/json"),
        json()
    );
    let accept = |value| headers(&[(ACCEPT, value)]);
    let own = accept("application/vnd.kubernetes.protobuf,application/json");
    assert_eq!(wanted_document(&own, ""), protobuf(None).ok());
    assert_eq!(wanted_outcome(&own, "").ok(), protobuf(None).ok());
    assert_eq!(wanted_outcome(&accept(PARTIAL), "").ok(), protobuf(None).ok());
    assert_eq!(wanted_document(&accept(PARTIAL), ""), None);
    assert_eq!(wanted_stream(&own, "").ok(), json().ok());
    assert_eq!(wanted_stream(&accept(PARTIAL), "").ok(), partial.ok());
    let list = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
    assert_eq!(wanted_stream(&accept(list), "").ok(), json().ok());
}

#[test]
fn the_router_looks_at_names_alone() {
    let check = |accept, is_list| {
        check_produced(&headers(&[(ACCEPT, accept)]), is_list).map_err(|error| error.to_string())
    };
    for accept in [
        "",
        "*/*;q=0.1",
        "text/csv, application/yaml",
        "application/json;as=x",
        "application/vnd.kubernetes.protobuf",
    ] {
        assert_eq!(check(accept, false), Ok(()), "{accept}");
    }
    let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf";
    for accept in [
        "text/csv",
        "application/*",
        "*",
        "application/cbor",
        "Application/JSON",
    ] {
        assert_eq!(check(accept, false), Err(message.into()), "{accept}");
    }
    assert_eq!(
        check("text/csv", true),
        Err(format!(
            "{message}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
        ))
    );
}

#[test]
fn what_cannot_be_made_is_refused_with_what_can() {
    for accept in [
        "text/html",
        "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1",
        "application/json;as=Table;g=meta.k8s.io;v=v2",
        "application/json;as=Table",
        "application/json;v=v1",
        "application/json;sv=v2",
        "garbage",
        "a/b/c",
    ] {
        assert_eq!(
            accepting(accept),
            Err("only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf".into()),
            "{accept}"
        );
    }
}

#[test]
fn a_status_has_one_form_and_a_watch_does_not_stream_yaml() {
    let table = headers(&[(ACCEPT, "application/json;as=Table;g=meta.k8s.io;v=v1")]);
    assert_eq!(wanted_document(&table, ""), None);
    let either = headers(&[(
        ACCEPT,
        "application/json;as=Table;g=meta.k8s.io;v=v1,application/yaml",
    )]);
    assert_eq!(wanted_document(&either, ""), yaml().ok());
    let error = wanted_stream(&headers(&[(ACCEPT, "application/yaml")]), "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    );
    let curl = headers(&[(USER_AGENT, "curl/8")]);
    assert_eq!(wanted_stream(&curl, "").ok(), json().ok());
}

#[test]
fn people_get_pretty_answers_unless_they_say_otherwise() {
    let pretty = |agent, query| wanted(&headers(&[(USER_AGENT, agent)]), query).unwrap().pretty;
    assert!(pretty("curl/7.88", "") && pretty("Mozilla/5.0 (X11)", "limit=1") && pretty("Wget/1", "pretty="));
    assert!(!pretty("kubectl/v1.36", "") && !pretty("curl/7.88", "pretty=false"));
    assert!(pretty("kubectl/v1.36", "limit=5&pretty=1") && !pretty("kubectl/v1.36", "pretty=yes"));
    assert!(
        wanted(&headers(&[(ACCEPT, "application/json;pretty=1")]), "")
            .unwrap()
            .pretty
    );
}

#[test]
fn bodies_are_json_or_yaml() {
    let media = |value| body_media(&headers(&[(CONTENT_TYPE, value)])).map_err(|error| error.to_string());
    assert_eq!(body_media(&HeaderMap::new()).unwrap(), BodyMedia::Json);
    for value in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=\"utf-8\";",
    ] {
        assert_eq!(media(value), Ok(BodyMedia::Json), "{value}");
    }
    assert_eq!(media("application/yaml"), Ok(BodyMedia::Yaml));
    for value in [
        "application/cbor",
        "application/x-www-form-urlencoded",
        "application/json; charset",
        "application/json; charset=\"utf-8",
        "application/json/",
    ] {
        assert_eq!(
            media(value),
            Err("the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf".into()),
            "{value}"
        );
    }
    let protobuf = "application/vnd.kubernetes.protobuf";
    let message = media(protobuf).unwrap_err();
    assert!(
        message.ends_with(": application/json, application/yaml"),
        "{message}"
    );
    assert!(is_protobuf(&headers(&[(CONTENT_TYPE, protobuf)])));
    assert!(!is_protobuf(&HeaderMap::new()) && !is_protobuf(&headers(&[(CONTENT_TYPE, "application/json")])));
}

#[test]
fn patches_that_are_not_served_are_told_from_what_is_no_patch() {
    let media =
        |value| patch_media(&headers(&[(CONTENT_TYPE, value)]), false).map_err(|error| error.to_string());
    assert_eq!(media("application/json-patch+json"), Ok(PatchMedia::JsonPatch));
    assert_eq!(
        media("application/merge-patch+json; charset=utf-8"),
        Ok(PatchMedia::MergePatch)
    );
    assert_eq!(media(APPLY_PATCH), Ok(PatchMedia::Apply));
    assert_eq!(
        media(STRATEGIC_MERGE_PATCH),
        Err("the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml".into())
    );
    let strategic =
        |value| patch_media(&headers(&[(CONTENT_TYPE, value)]), true).map_err(|error| error.to_string());
    assert_eq!(
        strategic(STRATEGIC_MERGE_PATCH),
        Ok(PatchMedia::StrategicMergePatch)
    );
    assert_eq!(strategic(APPLY_PATCH), Ok(PatchMedia::Apply));
    for value in ["application/json", "application/Merge-patch+json", ""] {
        assert_eq!(media(value), Err("415: Unsupported Media Type".into()), "{value}");
    }
}
