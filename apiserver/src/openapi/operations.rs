//! The operations of a server, before they are written in one of OpenAPI's versions.

use super::components::{self, Gvk};
use super::parameters::{self, NAMESPACE, PRETTY, Parameter, SUBPATH, name_of};
use crate::request::Verb;
use crate::request::media::patch_media_types;
use crate::resource::{Advertised, Resource, Scope, Subresource};

/// What is answered.
const OBJECT_MEDIA: &[&str] = &["application/json", "application/yaml"];
const LIST_MEDIA: &[&str] = &[
    "application/json",
    "application/json;stream=watch",
    "application/yaml",
];
/// What may be sent.
const ANY_MEDIA: &[&str] = &["*/*"];

/// A path and what can be done there.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) path: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) operations: Vec<Operation>,
}

/// What one method does at a path.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) description: String,
    /// Kubernetes' word for it, and the kind that it is about.
    pub(super) action: Option<(&'static str, Gvk)>,
    pub(super) parameters: &'static [Parameter],
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) answer_media: &'static [&'static str],
}

impl Operation {
    /// The same operation on objects of another kind: they are sent, but for a patch, and answered.
    fn is_about(&mut self, component: &str, kind: Gvk) {
        if let Some((_, gvk)) = &mut self.action {
            *gvk = kind;
        }
        if let Some(body) = &mut self.body
            && body.component != components::PATCH
        {
            body.component = component.to_owned();
        }
        for answer in &mut self.answers {
            answer.component = Some(component.to_owned());
        }
    }
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) component: String,
    pub(super) media: &'static [&'static str],
    pub(super) required: bool,
}

/// One status and what comes with it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    /// The component; `None`: anything, which Go calls a string.
    pub(super) component: Option<String>,
}

impl Answer {
    /// The reason phrase.
    pub(super) fn description(&self) -> &'static str {
        match self.code {
            201 => "Created",
            202 => "Accepted",
            _ => "OK",
        }
    }
}

fn answers(codes: &[u16], component: &str) -> Vec<Answer> {
    let answer = |code: &u16| Answer {
        code: *code,
        component: Some(component.to_owned()),
    };
    codes.iter().map(answer).collect()
}

/// A read of something that is no resource.
fn information(path: String, id: String, tag: String, description: &str, component: &str) -> Path {
    Path {
        path,
        parameters: Vec::new(),
        operations: vec![Operation {
            method: "get",
            id,
            tag,
            description: description.to_owned(),
            action: None,
            parameters: &[],
            body: None,
            answers: answers(&[200], component),
            answer_media: OBJECT_MEDIA,
        }],
    }
}

/// `/apis/`
pub(super) fn groups() -> Path {
    let component = components::API_GROUP_LIST;
    information(
        "/apis/".into(),
        "getAPIVersions".into(),
        "apis".into(),
        "get available API versions",
        component,
    )
}

/// `/apis/GROUP/`
pub(super) fn group(group: &str) -> Path {
    information(
        format!("/apis/{group}/"),
        format!("get{}APIGroup", group_word(group, true)),
        group_word(group, false),
        "get information of a group",
        components::API_GROUP,
    )
}

/// `/version/`
pub(super) fn version() -> Path {
    let description = "get the version information for this server";
    let mut path = information(
        "/version/".into(),
        "getCodeVersion".into(),
        "version".into(),
        description,
        components::VERSION_INFO,
    );
    for operation in &mut path.operations {
        operation.answer_media = &["application/json"];
    }
    path
}

/// `/apis/GROUP/VERSION/`
pub(super) fn group_version(group: &str, version: &str) -> Path {
    information(
        format!("/apis/{group}/{version}/"),
        format!(
            "get{}{}APIResources",
            group_word(group, true),
            camel(version, true)
        ),
        tag(group, version),
        "get available resources",
        components::API_RESOURCE_LIST,
    )
}

/// All paths of a resource in a version.
pub(super) fn resource(resource: &Resource, version: &str) -> Vec<Path> {
    let plural = &resource.names.plural;
    let base = format!("/apis/{}/{version}", resource.group);
    let describe = Describe { resource, version };
    let mut paths = Vec::new();
    let (collection, scope) = match resource.scope {
        Scope::Cluster => (format!("{base}/{plural}"), vec![]),
        Scope::Namespaced => {
            paths.push(Path {
                path: format!("{base}/{plural}"),
                parameters: vec![PRETTY],
                operations: describe.offered([(Verb::List, describe.list("ForAllNamespaces", ""))]),
            });
            (
                format!("{base}/namespaces/{{namespace}}/{plural}"),
                vec![NAMESPACE],
            )
        }
    };
    let word = describe.scope_word();
    paths.push(Path {
        path: collection.clone(),
        parameters: [scope.as_slice(), &[PRETTY]].concat(),
        operations: describe.offered([
            (Verb::List, describe.list("", word)),
            (Verb::Create, describe.create()),
            (Verb::DeleteCollection, describe.delete_collection()),
        ]),
    });
    paths.push(Path {
        path: format!("{collection}/{{name}}"),
        parameters: [&[name_of(describe.kind())], scope.as_slice(), &[PRETTY]].concat(),
        operations: describe.offered([
            (Verb::Get, describe.read()),
            (Verb::Update, describe.replace()),
            (Verb::Delete, describe.delete()),
            (Verb::Patch, describe.patch()),
        ]),
    });
    for subresource in resource.advertised(version) {
        let path = format!("{collection}/{{name}}/{}", subresource.name);
        let kind = subresource
            .kind
            .map_or_else(|| describe.kind(), |[_, _, kind]| kind);
        let parameters = [&[name_of(kind)], scope.as_slice()].concat();
        if subresource.own.is_some_and(Subresource::has_subpath) {
            paths.push(Path {
                path: format!("{path}/{{path}}"),
                parameters: [parameters.as_slice(), &[SUBPATH]].concat(),
                operations: describe.subresource(&subresource, "WithPath"),
            });
        }
        let is_object = !subresource.own.is_some_and(Subresource::connects);
        let pretty = is_object.then_some(PRETTY);
        paths.push(Path {
            path,
            parameters: parameters.into_iter().chain(pretty).collect(),
            operations: describe.subresource(&subresource, ""),
        });
    }
    paths.retain(|path| !path.operations.is_empty());
    paths
}

struct Describe<'a> {
    resource: &'a Resource,
    version: &'a str,
}

impl Describe<'_> {
    /// The operations of verbs that the resource offers.
    fn offered<const N: usize>(&self, operations: [(Verb, Operation); N]) -> Vec<Operation> {
        let offered = operations
            .into_iter()
            .filter(|(verb, _)| self.resource.rest.offers(*verb));
        offered.map(|(_, operation)| operation).collect()
    }

    fn scope_word(&self) -> &'static str {
        match self.resource.scope {
            Scope::Cluster => "",
            Scope::Namespaced => "Namespaced",
        }
    }

    fn object(&self) -> String {
        components::object_name(self.resource, self.version)
    }

    /// An operation that neither sends anything nor has parameters.
    fn operation(
        &self,
        method: &'static str,
        action: &'static str,
        id: &str,
        description: String,
    ) -> Operation {
        let (group, kind) = (&self.resource.group, &self.resource.names.kind);
        let gvk = Gvk::new(group, self.version, kind);
        Operation {
            method,
            id: id.to_owned(),
            tag: tag(group, self.version),
            description,
            action: Some((action, gvk)),
            parameters: &[],
            body: None,
            answers: answers(&[200], &self.object()),
            answer_media: OBJECT_MEDIA,
        }
    }

    /// `verbGroupVersionScopeKind`
    fn id(&self, verb: &str, scope: &str, suffix: &str) -> String {
        let (group, version) = (group_word(&self.resource.group, true), camel(self.version, true));
        format!(
            "{verb}{group}{version}{scope}{}{suffix}",
            self.resource.names.kind
        )
    }

    fn kind(&self) -> &str {
        &self.resource.names.kind
    }

    fn body(&self) -> Option<Body> {
        Some(Body {
            component: self.object(),
            media: ANY_MEDIA,
            required: true,
        })
    }

    fn delete_options() -> Option<Body> {
        Some(Body {
            component: components::DELETE_OPTIONS.into(),
            media: ANY_MEDIA,
            required: false,
        })
    }

    fn list(&self, suffix: &str, scope: &str) -> Operation {
        let id = self.id("list", scope, suffix);
        let description = format!("list or watch objects of kind {}", self.kind());
        Operation {
            parameters: parameters::LIST,
            answers: answers(&[200], &components::list_name(self.resource, self.version)),
            answer_media: LIST_MEDIA,
            ..self.operation("get", "list", &id, description)
        }
    }

    fn create(&self) -> Operation {
        let id = self.id("create", self.scope_word(), "");
        Operation {
            parameters: parameters::WRITE,
            body: self.body(),
            answers: answers(&[200, 201, 202], &self.object()),
            ..self.operation("post", "post", &id, format!("create a {}", self.kind()))
        }
    }

    fn delete_collection(&self) -> Operation {
        let id = self.id("delete", &format!("Collection{}", self.scope_word()), "");
        let description = format!("delete collection of {}", self.kind());
        Operation {
            parameters: parameters::DELETE_COLLECTION,
            body: Self::delete_options(),
            answers: answers(&[200], components::STATUS),
            ..self.operation("delete", "deletecollection", &id, description)
        }
    }

    fn read(&self) -> Operation {
        let id = self.id("read", self.scope_word(), "");
        self.operation("get", "get", &id, format!("read the specified {}", self.kind()))
    }

    fn replace(&self) -> Operation {
        let id = self.id("replace", self.scope_word(), "");
        let description = format!("replace the specified {}", self.kind());
        Operation {
            parameters: parameters::WRITE,
            body: self.body(),
            answers: answers(&[200, 201], &self.object()),
            ..self.operation("put", "put", &id, description)
        }
    }

    /// What can be done with a subresource of an object.
    fn subresource(&self, served: &Advertised<'_>, with_path: &str) -> Vec<Operation> {
        let (name, kind) = (served.name, self.kind());
        if served.own.is_some_and(Subresource::connects) {
            let verbs = served.verbs.iter();
            return verbs.map(|verb| self.connect(name, verb, with_path)).collect();
        }
        let operations = [
            ("get", self.read(), format!("read {name} of the specified {kind}")),
            ("create", self.create(), format!("create {name} of a {kind}")),
            (
                "update",
                self.replace(),
                format!("replace {name} of the specified {kind}"),
            ),
            (
                "patch",
                self.patch(),
                format!("partially update {name} of the specified {kind}"),
            ),
        ];
        let suffix = capitalized(name);
        operations
            .into_iter()
            .filter(|(verb, ..)| served.verbs.contains(verb))
            .map(|(_, mut operation, description)| {
                operation.id.push_str(&suffix);
                operation.description = description;
                if let Some([group, version, kind]) = served.kind {
                    let component = match served.own {
                        Some(_) => components::component_name(group, version, kind),
                        None => components::SCALE.to_owned(),
                    };
                    operation.is_about(&component, Gvk::new(group, version, kind));
                }
                operation
            })
            .collect()
    }

    /// Whatever a connecter does for a verb.
    fn connect(&self, name: &str, verb: &str, with_path: &str) -> Operation {
        let method = match verb {
            "create" => "post",
            "update" => "put",
            "patch" => "patch",
            "delete" => "delete",
            _ => "get",
        };
        let (group, version) = (group_word(&self.resource.group, true), camel(self.version, true));
        let id = format!(
            "connect{group}{version}{}{}{}{}{with_path}",
            capitalized(method),
            self.scope_word(),
            self.kind(),
            capitalized(name),
        );
        let description = format!(
            "connect {} requests to {name} of {}",
            method.to_uppercase(),
            self.kind()
        );
        Operation {
            answers: vec![Answer {
                code: 200,
                component: None,
            }],
            answer_media: ANY_MEDIA,
            ..self.operation(method, "connect", &id, description)
        }
    }

    fn delete(&self) -> Operation {
        let id = self.id("delete", self.scope_word(), "");
        Operation {
            parameters: parameters::DELETE,
            body: Self::delete_options(),
            answers: answers(&[200, 202], components::STATUS),
            ..self.operation("delete", "delete", &id, format!("delete a {}", self.kind()))
        }
    }

    fn patch(&self) -> Operation {
        let id = self.id("patch", self.scope_word(), "");
        let description = format!("partially update the specified {}", self.kind());
        Operation {
            parameters: parameters::PATCH,
            body: Some(Body {
                component: components::PATCH.into(),
                // Only what is served stands here: kubectl chooses its patch by it.
                media: patch_media_types(self.resource.policy.strategic_merge_patch),
                required: true,
            }),
            answers: answers(&[200, 201], &self.object()),
            ..self.operation("patch", "patch", &id, description)
        }
    }
}

/// `Status` for `status`.
fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// `wardleExampleCom_v1alpha1`
fn tag(group: &str, version: &str) -> String {
    format!("{}_{version}", group_word(group, false))
}

/// A group as one word, without the end of Kubernetes' own (apiserver/pkg/endpoints/openapi, `GetOperationIDAndTags`).
fn group_word(group: &str, first_upper: bool) -> String {
    camel(group.strip_suffix(".k8s.io").unwrap_or(group), first_upper)
}

/// `wardle.example.com` as one word.
fn camel(dotted: &str, first_upper: bool) -> String {
    let mut word = String::new();
    for (index, part) in dotted.split(['.', '-']).enumerate() {
        let mut letters = part.chars();
        match letters.next() {
            Some(first) if index > 0 || first_upper => word.extend(first.to_uppercase()),
            Some(first) => word.push(first),
            None => {}
        }
        word.push_str(letters.as_str());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_kubernetes_lose_their_end() {
        assert_eq!(tag("gateway.networking.k8s.io", "v1"), "gatewayNetworking_v1");
        assert_eq!(group_word("gateway.networking.k8s.io", true), "GatewayNetworking");
        assert_eq!(group_word("wardle.example.com", true), "WardleExampleCom");
        assert_eq!(group_word("k8s.io.example.com", false), "k8sIoExampleCom");
    }
}
