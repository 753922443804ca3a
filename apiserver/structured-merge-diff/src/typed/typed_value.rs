//! A value and its type (Go: `typed/typed.go`, `typed/parser.go`).

use std::sync::Arc;

use serde_json::Value;

use super::{Comparison, Error, ValidationErrors, compare, merge, reconcile, remove, to_field_set, validate};
use crate::MAX_DEPTH;
use crate::fieldpath::{Node, PathElement, Set};
use crate::schema::{self, Schema, TypeRef};
use crate::value::is_no_deeper_than;

/// Whether sets and associative lists may have several items that are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// They are an error: in what is applied.
    Refuse,
    /// They are valid: in what is stored or updated.
    Allow,
}

/// A type that values can be said to have.
#[derive(Clone, Debug, PartialEq)]
pub struct ParseableType {
    /// The schema with the type.
    pub schema: Arc<Schema>,
    /// The type in it.
    pub type_ref: TypeRef,
}

impl ParseableType {
    /// The type called `name`.
    #[must_use]
    pub fn named(schema: Arc<Schema>, name: &str) -> Self {
        Self {
            schema,
            type_ref: TypeRef::named(name),
        }
    }

    /// The type of objects without a schema.
    #[must_use]
    pub fn deduced() -> Self {
        let (schema, type_ref) = schema::deduced();
        Self { schema, type_ref }
    }

    /// Whether the schema has the type.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.schema.resolve(&self.type_ref).is_some()
    }

    /// `value` as one of this type.
    ///
    /// # Errors
    /// As [`TypedValue::new`].
    pub fn typed(&self, value: impl Into<Arc<Value>>, duplicates: Duplicates) -> Result<TypedValue, Error> {
        TypedValue::new(value, self.schema.clone(), self.type_ref.clone(), duplicates)
    }
}

/// A value with its type. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TypedValue {
    value: Arc<Value>,
    type_ref: TypeRef,
    schema: Arc<Schema>,
    /// Whether the value is known to be one of the type.
    is_valid: bool,
}

impl TypedValue {
    /// `value` as one of the type `type_ref` of `schema`.
    ///
    /// # Errors
    /// Where it is none, or nested deeper than [`MAX_DEPTH`].
    pub fn new(
        value: impl Into<Arc<Value>>,
        schema: Arc<Schema>,
        type_ref: TypeRef,
        duplicates: Duplicates,
    ) -> Result<Self, Error> {
        let mut typed = Self::unvalidated(value, schema, type_ref)?;
        typed.validate(duplicates)?;
        typed.is_valid = true;
        Ok(typed)
    }

    /// `value` as one of the type `type_ref` of `schema`, which nobody checks. Operations ignore what does not fit.
    ///
    /// # Errors
    /// Where it is nested deeper than [`MAX_DEPTH`].
    pub fn unvalidated(
        value: impl Into<Arc<Value>>,
        schema: Arc<Schema>,
        type_ref: TypeRef,
    ) -> Result<Self, Error> {
        let value = value.into();
        if !is_no_deeper_than(&value, MAX_DEPTH) {
            return Err(Error::TooDeep);
        }
        Ok(Self {
            value,
            type_ref,
            schema,
            is_valid: false,
        })
    }

    /// The value.
    #[must_use]
    pub fn as_value(&self) -> &Arc<Value> {
        &self.value
    }

    /// The value, without its type.
    #[must_use]
    pub fn into_value(self) -> Arc<Value> {
        self.value
    }

    /// The type, in the [`schema`](Self::schema).
    #[must_use]
    pub fn type_ref(&self) -> &TypeRef {
        &self.type_ref
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// # Errors
    /// Where the value is none of the type.
    pub fn validate(&self, duplicates: Duplicates) -> Result<(), ValidationErrors> {
        validate::validate(&self.schema, &self.type_ref, &self.value, duplicates).into_result()
    }

    /// The fields that whoever writes this value owns: leaves, items of associative lists, undeclared and empty fields
    /// of maps. Several items that are the same count as one, without what is in them.
    ///
    /// # Errors
    /// Where the schema lacks a type that the value has.
    pub fn to_field_set(&self) -> Result<Set, ValidationErrors> {
        to_field_set::to_field_set(&self.schema, &self.type_ref, &self.value)
    }

    /// What `other` adds to this value, changes and removes. Linear in the size of both but for `n log n` of lists.
    ///
    /// # Errors
    /// Where the two are not of the same type, or neither fits it.
    pub fn compare(&self, other: &Self) -> Result<Comparison, Error> {
        self.expect_type_of(other)?;
        Ok(compare::compare(
            &self.schema,
            &self.type_ref,
            &self.value,
            &other.value,
        )?)
    }

    /// Whether it is known, without comparing field by field, that nothing is different from `other`: this value is valid, and
    /// the two are one and the same.
    pub(crate) fn is_valid_and_same(&self, other: &Self) -> bool {
        self.is_valid
            && self.expect_type_of(other).is_ok()
            && (Arc::ptr_eq(&self.value, &other.value) || self.value == other.value)
    }

    /// This value with everything in `other` set as there. Items of associative lists are in the order of `other`,
    /// those that only this value has near where they were; nothing is removed.
    ///
    /// # Errors
    /// Where the two are not of the same type, or neither fits it.
    pub fn merge(&self, other: &Self) -> Result<Self, Error> {
        self.expect_type_of(other)?;
        let merged = merge::merge(&self.schema, &self.type_ref, &self.value, &other.value)?;
        Ok(self.with(merged))
    }

    /// This value without `items` and what is below them. What has nothing left is null.
    #[must_use]
    pub fn remove_items(&self, items: &Set) -> Self {
        self.with(remove::remove(
            &self.schema,
            &self.type_ref,
            &self.value,
            items,
            remove::What::Items,
        ))
    }

    /// Of this value, `items` and what is below them.
    #[must_use]
    pub fn extract_items(&self, items: &Set) -> Self {
        self.with(remove::remove(
            &self.schema,
            &self.type_ref,
            &self.value,
            items,
            remove::What::Others,
        ))
    }

    /// Of this value, `items` and what is below them, and of items of associative lists the key fields.
    #[must_use]
    pub fn extract_items_with_keys(&self, items: &Set) -> Self {
        match self.to_field_set() {
            Ok(fields) => self.extract_items(&items.union(&keys_of(items, &fields).0)),
            Err(_) => self.extract_items(items),
        }
    }

    /// Null, as a value of this type.
    #[must_use]
    pub fn empty(&self) -> Self {
        self.with(Value::Null)
    }

    /// `set` as this value's schema has fields: a list or map that has become atomic since is owned as a whole.
    /// `None`: nothing has changed.
    ///
    /// # Errors
    /// Where the schema lacks a type that it refers to.
    pub fn reconcile_field_set(&self, set: &Set) -> Result<Option<Set>, ValidationErrors> {
        reconcile::reconcile(&self.schema, &self.type_ref, set)
    }

    fn with(&self, value: Value) -> Self {
        Self {
            value: Arc::new(value),
            type_ref: self.type_ref.clone(),
            schema: self.schema.clone(),
            is_valid: false,
        }
    }

    fn expect_type_of(&self, other: &Self) -> Result<(), Error> {
        if !Arc::ptr_eq(&self.schema, &other.schema) {
            return Err(Error::DifferentSchemas);
        }
        if self.type_ref != other.type_ref {
            let names = [self, other].map(|value| value.type_ref.named_type.clone());
            let [left, right] = names;
            return Err(Error::DifferentTypes(left, right));
        }
        Ok(())
    }
}

// The key fields of the list items on the way to those of `items` that `fields` has, and whether it has any. A level at a
// time: a set is not taken apart into paths.
fn keys_of(items: &Set, fields: &Set) -> (Set, bool) {
    let mut keys = Set::new();
    let mut any = false;
    for (element, node) in items.nodes() {
        let Some(field) = fields.node(element) else {
            continue;
        };
        let (mut below, any_below) = keys_of(&node.children, &field.children);
        let is_common = node.is_member && field.is_member;
        if !is_common && !any_below {
            continue;
        }
        any = true;
        if let PathElement::Key(key) = element {
            for field in key.iter() {
                below.put_member(PathElement::FieldName(field.name.clone()));
            }
        }
        keys.put(
            element.clone(),
            Node {
                is_member: false,
                children: below,
            },
        );
    }
    (keys, any)
}
