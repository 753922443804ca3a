//! A schema, compiled for reading objects by it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The key under which a generated document carries the name of the type that a schema was made of.
pub(super) const TYPE_NAME: &str = "x-annex-type-name";

/// The type of Kubernetes that is an integer or a text.
const INT_OR_STRING: &str = "intstr.IntOrString";

/// How a strategic merge patch changes the field.
pub(crate) const PATCH_STRATEGY: &str = "x-kubernetes-patch-strategy";
/// The field by which it tells elements of the list apart.
pub(crate) const PATCH_MERGE_KEY: &str = "x-kubernetes-patch-merge-key";

/// One place of a schema.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What may stand here.
    pub(crate) shape: Shape,
    /// What Go would call the type, for messages: `string`, `[]string`, `v1alpha1.FlunderSpec`.
    pub(crate) type_name: Cow<'static, str>,
    /// The values that are possible; empty: all.
    pub(crate) choices: Vec<Value>,
    /// Those of them that are texts: a client may send as many values as it likes.
    texts: BTreeSet<Box<str>>,
    /// How a strategic merge patch changes it.
    pub(crate) patch: PatchDeclaration,
}

/// How a strategic merge patch changes a field, as its schema declares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatchDeclaration {
    /// `x-kubernetes-patch-strategy`: `merge`, `replace`, `retainKeys`; there may be `retainKeys` and another one.
    pub(crate) strategies: Vec<Box<str>>,
    /// `x-kubernetes-patch-merge-key`: the field that tells elements of a list apart. Empty: none.
    pub(crate) merge_key: Cow<'static, str>,
}

impl PatchDeclaration {
    /// Nothing is declared.
    const NONE: Self = Self {
        strategies: Vec::new(),
        merge_key: Cow::Borrowed(""),
    };

    fn compile(schema: &Map<String, Value>) -> Self {
        let text = |name: &str| schema.get(name).and_then(Value::as_str);
        Self {
            strategies: text(PATCH_STRATEGY)
                .map(|strategies| strategies.split(',').map(Into::into).collect())
                .unwrap_or_default(),
            merge_key: text(PATCH_MERGE_KEY).unwrap_or_default().to_owned().into(),
        }
    }
}

/// What may stand at one place.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// An object with known fields.
    Struct(Fields),
    /// An object with keys of any name.
    Map(Box<Node>),
    /// An array.
    List(Box<Node>),
    /// A text.
    Text,
    /// A text that is a time as RFC 3339 has it.
    Time,
    /// A text that says bytes in base64.
    Bytes,
    /// A whole number of 32 bits, or a text: `intstr.IntOrString` of k8s.io/apimachinery. What a schema alone says to be either is
    /// anything, since no type of Go's reads it.
    IntOrString,
    /// A whole number from the first to the second.
    Integer(i128, i128),
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// Anything.
    Any,
}

/// The fields of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// What may stand in each.
    pub(crate) known: BTreeMap<Box<str>, Node>,
    /// The ones that must be there.
    pub(crate) required: Vec<Box<str>>,
    /// What is done with others.
    pub(crate) rest: Rest,
}

/// What is done with fields that a schema does not name.
#[derive(Clone, Debug, Default)]
pub(crate) enum Rest {
    /// They are unknown.
    #[default]
    Unknown,
    /// They are kept, whatever they are.
    Kept,
    /// They are kept, each as this says.
    Each(Box<Node>),
}

/// A place where anything may stand.
pub(crate) static ANY: Node = Node {
    shape: Shape::Any,
    type_name: Cow::Borrowed("interface {}"),
    choices: Vec::new(),
    texts: BTreeSet::new(),
    patch: PatchDeclaration::NONE,
};

impl Node {
    /// Compiles an OpenAPI v3 schema that has no references.
    pub(super) fn compile(schema: &Value) -> Self {
        let Value::Object(schema) = schema else {
            return ANY.clone();
        };
        let name = schema.get(TYPE_NAME).and_then(Value::as_str);
        let shape = if name == Some(INT_OR_STRING) {
            Shape::IntOrString
        } else {
            Shape::compile(schema)
        };
        let type_name = match name {
            Some(name) => Cow::Owned(name.to_owned()),
            None => shape.go_name(schema.get("format").and_then(Value::as_str)),
        };
        let choices = schema.get("enum").and_then(Value::as_array);
        let texts = choices.into_iter().flatten().filter_map(Value::as_str);
        Self {
            shape,
            type_name,
            texts: texts.map(Into::into).collect(),
            choices: choices.cloned().unwrap_or_default(),
            patch: PatchDeclaration::compile(schema),
        }
    }

    /// A text, whichever it is.
    pub(super) fn text() -> Self {
        Self {
            shape: Shape::Text,
            type_name: "string".into(),
            choices: Vec::new(),
            texts: BTreeSet::new(),
            patch: PatchDeclaration::default(),
        }
    }

    /// A byte, as a list of them has it.
    pub(crate) fn byte() -> Self {
        Self {
            shape: Shape::Integer(0, u8::MAX.into()),
            type_name: "uint8".into(),
            ..Self::text()
        }
    }

    /// Whether `value` is one of the values that are possible.
    pub(crate) fn permits(&self, value: &Value) -> bool {
        match value {
            _ if self.choices.is_empty() => true,
            Value::String(text) => self.texts.contains(text.as_str()),
            other => self.choices.contains(other),
        }
    }

    /// The name of a struct without its package.
    pub(crate) fn struct_name(&self) -> &str {
        self.type_name
            .rsplit_once('.')
            .map_or(&*self.type_name, |(_, name)| name)
    }

    /// What Go holds where a list or a map has a null: the type's zero value.
    pub(crate) fn zero(&self) -> Value {
        match &self.shape {
            Shape::Struct(_) => Value::Object(Map::new()),
            Shape::Text | Shape::Time => Value::String(String::new()),
            Shape::Integer(..) | Shape::Number | Shape::IntOrString => 0.into(),
            Shape::Boolean => false.into(),
            Shape::Map(_) | Shape::List(_) | Shape::Bytes | Shape::Any => Value::Null,
        }
    }
}

impl Shape {
    fn compile(schema: &Map<String, Value>) -> Self {
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
        if flag("x-kubernetes-int-or-string") {
            return Self::Any;
        }
        let preserve = flag("x-kubernetes-preserve-unknown-fields");
        let format = schema.get("format").and_then(Value::as_str);
        match schema.get("type").and_then(Value::as_str) {
            Some("string") if format == Some("date-time") => Self::Time,
            Some("string") if format == Some("byte") => Self::Bytes,
            Some("string") => Self::Text,
            Some("integer") => {
                let (least, most) = bounds(format);
                Self::Integer(least, most)
            }
            Some("number") => Self::Number,
            Some("boolean") => Self::Boolean,
            Some("array") => Self::List(Box::new(
                schema.get("items").map_or_else(|| ANY.clone(), Node::compile),
            )),
            Some("object") => Self::compile_object(schema, preserve),
            None if schema.contains_key("properties") => Self::compile_object(schema, preserve),
            _ => Self::Any,
        }
    }

    fn compile_object(schema: &Map<String, Value>, preserve: bool) -> Self {
        let properties = schema.get("properties").and_then(Value::as_object);
        let rest = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) | None if preserve => Rest::Kept,
            Some(Value::Bool(false)) | None => Rest::Unknown,
            Some(Value::Bool(true)) => Rest::Kept,
            Some(each) => Rest::Each(Box::new(Node::compile(each))),
        };
        if properties.is_none_or(Map::is_empty) {
            match rest {
                Rest::Each(each) => return Self::Map(each),
                Rest::Kept => return Self::Any,
                Rest::Unknown => {}
            }
        }
        let known = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.as_str().into(), Node::compile(schema)))
            .collect();
        let required = schema.get("required").and_then(Value::as_array);
        Self::Struct(Fields {
            known,
            required: required
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect(),
            rest,
        })
    }

    fn go_name(&self, format: Option<&str>) -> Cow<'static, str> {
        match self {
            Self::Struct(_) => "struct".into(),
            Self::Map(each) => format!("map[string]{}", each.type_name).into(),
            Self::List(each) => format!("[]{}", each.type_name).into(),
            Self::Text | Self::Time => "string".into(),
            Self::Bytes => "[]uint8".into(),
            Self::IntOrString => INT_OR_STRING.into(),
            Self::Integer(..) => match format {
                Some("int32") => "int32".into(),
                Some("uint32") => "uint32".into(),
                Some("uint64") => "uint64".into(),
                _ => "int64".into(),
            },
            Self::Number => "float64".into(),
            Self::Boolean => "bool".into(),
            Self::Any => "interface {}".into(),
        }
    }
}

fn bounds(format: Option<&str>) -> (i128, i128) {
    match format {
        Some("int8") => (i8::MIN.into(), i8::MAX.into()),
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint64" | "uint") => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}
