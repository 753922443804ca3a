//! A schema as errors of Go show it: its internal type, which names each field as Go does.

use std::collections::BTreeMap;

use annex_cel::Rule;
use serde_json::Value;

use super::{JsonSchemaProps, SchemaOrArray, SchemaOrBool, SchemaOrStrings};
use crate::field::go::{json_float, write_json, write_json_string};

/// Writes a schema's fields, all of them.
pub(crate) fn schema(props: &JsonSchemaProps) -> String {
    let mut out = String::new();
    write_schema(&mut out, props);
    out
}

/// Writes what `items` has.
pub(crate) fn items(items: &SchemaOrArray) -> String {
    let mut out = String::new();
    write_items(&mut out, items);
    out
}

/// Writes a rule's fields, all of them.
pub(crate) fn rule(rule: &Rule) -> String {
    let mut out = String::new();
    write_rule(&mut out, rule);
    out
}

fn write_rule(out: &mut String, rule: &Rule) {
    let mut fields = Fields { out, first: true };
    fields.text("Rule", &rule.rule);
    fields.text("Message", &rule.message);
    fields.text("MessageExpression", &rule.message_expression);
    fields.optional("Reason", rule.reason.as_ref(), |out, text| {
        write_json_string(out, text)
    });
    fields.text("FieldPath", &rule.field_path);
    fields.optional(
        "OptionalOldSelf",
        rule.optional_old_self.as_ref(),
        |out, value| {
            write_json(out, &Value::Bool(*value));
        },
    );
    fields.end();
}

fn write_schema(out: &mut String, props: &JsonSchemaProps) {
    let mut fields = Fields { out, first: true };
    fields.text("ID", &props.id);
    fields.text("Schema", &props.schema);
    fields.optional("Ref", props.reference.as_ref(), |out, text| {
        write_json_string(out, text)
    });
    fields.text("Description", &props.description);
    fields.text("Type", &props.type_name);
    fields.boolean("Nullable", props.nullable);
    fields.text("Format", &props.format);
    fields.text("Title", &props.title);
    fields.optional("Default", props.default.as_ref(), write_json);
    fields.float("Maximum", props.maximum);
    fields.boolean("ExclusiveMaximum", props.exclusive_maximum);
    fields.float("Minimum", props.minimum);
    fields.boolean("ExclusiveMinimum", props.exclusive_minimum);
    fields.integer("MaxLength", props.max_length);
    fields.integer("MinLength", props.min_length);
    fields.text("Pattern", props.pattern.as_str());
    fields.integer("MaxItems", props.max_items);
    fields.integer("MinItems", props.min_items);
    fields.boolean("UniqueItems", props.unique_items);
    fields.float("MultipleOf", props.multiple_of);
    fields.list("Enum", props.enumeration.as_deref(), write_json);
    fields.integer("MaxProperties", props.max_properties);
    fields.integer("MinProperties", props.min_properties);
    fields.strings("Required", props.required.as_deref());
    fields.optional("Items", props.items.as_deref(), write_items);
    fields.list("AllOf", props.all_of.as_deref(), write_schema);
    fields.list("OneOf", props.one_of.as_deref(), write_schema);
    fields.list("AnyOf", props.any_of.as_deref(), write_schema);
    fields.optional("Not", props.not.as_deref(), write_schema);
    fields.map("Properties", props.properties.as_ref(), write_schema);
    fields.optional(
        "AdditionalProperties",
        props.additional_properties.as_deref(),
        write_or_bool,
    );
    fields.map(
        "PatternProperties",
        props.pattern_properties.as_ref(),
        write_schema,
    );
    fields.map("Dependencies", props.dependencies.as_ref(), write_or_strings);
    fields.optional(
        "AdditionalItems",
        props.additional_items.as_deref(),
        write_or_bool,
    );
    fields.map("Definitions", props.definitions.as_ref(), write_schema);
    fields.optional("ExternalDocs", props.external_docs.as_ref(), |out, docs| {
        let mut fields = Fields { out, first: true };
        fields.text("Description", &docs.description);
        fields.text("URL", &docs.url);
        fields.end();
    });
    fields.optional("Example", props.example.as_ref(), write_json);
    fields.optional(
        "XPreserveUnknownFields",
        props.preserve_unknown_fields.as_ref(),
        |out, value| {
            write_json(out, &Value::Bool(*value));
        },
    );
    fields.boolean("XEmbeddedResource", props.embedded_resource);
    fields.boolean("XIntOrString", props.int_or_string);
    fields.strings("XListMapKeys", props.list_map_keys.as_deref());
    fields.optional("XListType", props.list_type.as_ref(), |out, text| {
        write_json_string(out, text)
    });
    fields.optional("XMapType", props.map_type.as_ref(), |out, text| {
        write_json_string(out, text)
    });
    fields.list("XValidations", props.validations.as_deref(), write_rule);
    fields.end();
}

fn write_items(out: &mut String, items: &SchemaOrArray) {
    let mut fields = Fields { out, first: true };
    fields.optional("Schema", items.schema.as_ref(), write_schema);
    fields.list("JSONSchemas", items.schemas.as_deref(), write_schema);
    fields.end();
}

fn write_or_bool(out: &mut String, value: &SchemaOrBool) {
    let mut fields = Fields { out, first: true };
    fields.boolean("Allows", value.allows);
    fields.optional("Schema", value.schema.as_ref(), write_schema);
    fields.end();
}

fn write_or_strings(out: &mut String, value: &SchemaOrStrings) {
    let mut fields = Fields { out, first: true };
    fields.optional("Schema", value.schema.as_ref(), write_schema);
    fields.strings("Property", value.property.as_deref());
    fields.end();
}

struct Fields<'o> {
    out: &'o mut String,
    first: bool,
}

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        self.out.push(if self.first { '{' } else { ',' });
        self.first = false;
        write_json_string(self.out, name);
        self.out.push(':');
    }

    fn end(self) {
        self.out.push('}');
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_json_string(self.out, text);
    }

    fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out.push_str(if value { "true" } else { "false" });
    }

    fn optional<T: ?Sized>(&mut self, name: &str, value: Option<&T>, write: impl Fn(&mut String, &T)) {
        self.name(name);
        match value {
            Some(value) => write(self.out, value),
            None => self.out.push_str("null"),
        }
    }

    fn float(&mut self, name: &str, value: Option<f64>) {
        self.optional(name, value.as_ref(), |out, value| {
            out.push_str(&json_float(*value))
        });
    }

    fn integer(&mut self, name: &str, value: Option<i64>) {
        self.optional(name, value.as_ref(), |out, value| {
            out.push_str(&value.to_string())
        });
    }

    fn list<T>(&mut self, name: &str, items: Option<&[T]>, write: impl Fn(&mut String, &T)) {
        self.optional(name, items, |out, items| {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        });
    }

    fn strings(&mut self, name: &str, texts: Option<&[String]>) {
        self.list(name, texts, |out, text| write_json_string(out, text));
    }

    fn map<T>(&mut self, name: &str, entries: Option<&BTreeMap<String, T>>, write: impl Fn(&mut String, &T)) {
        self.optional(name, entries, |out, entries| {
            let mut fields = Fields { out, first: true };
            for (key, value) in entries {
                fields.name(key);
                write(fields.out, value);
            }
            if fields.first {
                fields.out.push('{');
            }
            fields.end();
        });
    }
}
