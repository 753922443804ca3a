//! A resource whose conversion has to wait, for tests.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Conversion, ConversionError, Converter, Resource, Strategy};
use crate::object::Object;
use crate::status::FieldError;

/// What [`waiting`] tells of its conversions.
#[derive(Default)]
pub(crate) struct Calls {
    /// How many objects were to be converted, call by call.
    pub(crate) objects: Mutex<Vec<usize>>,
    /// What becomes of a call.
    pub(crate) answer: Mutex<Answer>,
}

#[derive(Clone, Default)]
pub(crate) enum Answer {
    /// The objects.
    #[default]
    Converted,
    /// This error.
    Fails(&'static str),
    /// Nothing, ever.
    Hangs,
    /// The objects but the last.
    TooFew,
    /// The objects with less metadata and another label.
    Strips,
    /// The objects by another name.
    Renames,
}

impl Calls {
    pub(crate) fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.objects.lock().unwrap())
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }
}

/// `resource`, whose conversion waits for what its strategy's function says.
pub(crate) fn waiting(mut resource: Resource) -> (Resource, Arc<Calls>) {
    let calls = Arc::new(Calls::default());
    resource.strategy = Arc::new(Waiting {
        function: resource.strategy.clone(),
        calls: calls.clone(),
    });
    (resource, calls)
}

struct Waiting {
    function: Arc<dyn Strategy>,
    calls: Arc<Calls>,
}

impl Converter for Waiting {
    fn convert<'a>(
        &'a self,
        objects: Vec<Object>,
        to: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Object>, ConversionError>> {
        self.calls.objects.lock().unwrap().push(objects.len());
        let answer = self.calls.answer.lock().unwrap().clone();
        async move {
            tokio::task::yield_now().await;
            let mut converted = match answer {
                Answer::Fails(message) => return Err(ConversionError(message.into())),
                Answer::Hangs => std::future::pending().await,
                Answer::Converted | Answer::TooFew | Answer::Strips | Answer::Renames => objects
                    .into_iter()
                    .map(|object| self.function.convert(object, to))
                    .collect::<Result<Vec<_>, _>>()?,
            };
            match answer {
                Answer::TooFew => drop(converted.pop()),
                Answer::Strips => converted.iter_mut().for_each(|object| {
                    object
                        .metadata_mut()
                        .retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "uid"));
                    object
                        .metadata_mut()
                        .insert("labels".into(), serde_json::json!({"converted": "yes"}));
                }),
                Answer::Renames => converted
                    .iter_mut()
                    .for_each(|object| object.set_meta("name", "other")),
                Answer::Converted | Answer::Fails(_) | Answer::Hangs => {}
            }
            Ok(converted)
        }
        .boxed()
    }
}

impl Strategy for Waiting {
    fn conversion(&self) -> Conversion<'_> {
        Conversion::Webhook(self)
    }

    fn convert(&self, _: Object, to: &str) -> Result<Object, ConversionError> {
        panic!("a function was called to convert to {to}");
    }

    fn normalize(&self, version: &str, object: Object) -> Result<Object, ConversionError> {
        self.function.normalize(version, object)
    }

    fn default_fields(&self, version: &str, object: &mut Object) {
        self.function.default_fields(version, object);
    }

    fn prepares(&self) -> bool {
        self.function.prepares()
    }

    fn prepare_for_create(&self, object: &mut Object) {
        self.function.prepare_for_create(object);
    }

    fn prepare_for_update(&self, object: &mut Object, old: &Object) {
        self.function.prepare_for_update(object, old);
    }

    fn validate(&self, object: &Object) -> Vec<FieldError> {
        self.function.validate(object)
    }

    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        self.function.validate_update(object, old)
    }

    fn warnings(&self, object: &Object) -> Vec<String> {
        self.function.warnings(object)
    }
}
