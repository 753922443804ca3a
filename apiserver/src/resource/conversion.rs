//! Conversion between the versions of a resource, by a function or by somebody who must be asked. Go: `crConverterInterface` of
//! `apiextensions-apiserver/pkg/apiserver/conversion/converter.go`, whose webhook converter asks an HTTP server.
//!
//! Rules, patches and field managers are pure code that converts in its midst. Where conversion waits, such code ends early at the
//! first object that is not converted yet; that object is converted while nobody's thread waits, and the code runs once more.

use std::cell::RefCell;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use super::{ConversionError, Resource};
use crate::object::Object;

/// How long a [`Converter`] may take for one call; the number is apiextensions'.
pub(crate) const CONVERSION_TIMEOUT: Duration = Duration::from_secs(30);
/// Objects that are converted in one call at most.
pub(crate) const CONVERSION_PAGE: usize = 500;
/// How often code may find one more object that is to be converted. An apply converts to each version that has managers, and back.
const ROUNDS: usize = 256;

/// How the objects of a resource are had in another version.
#[derive(Clone, Copy)]
pub enum Conversion<'a> {
    /// At once, by [`Strategy::convert`](super::Strategy::convert).
    Function,
    /// By asking somebody.
    Webhook(&'a dyn Converter),
}

/// Converts objects where that has to wait, many in one call: a webhook's client. What it has converted of a stored object is kept with
/// that object's entry in the watch cache.
pub trait Converter: Send + Sync + 'static {
    /// `objects`, of any served versions, in the version `to`: as many, in the same order, each with its `apiVersion`. Of what is
    /// returned as metadata only labels and annotations count. The call is dropped after 30 s, or with the request that it is for;
    /// how many there are at a time is the converter's to bound.
    ///
    /// # Errors
    /// One of them cannot be had in this version: the message that a client is to see.
    fn convert<'a>(
        &'a self,
        objects: Vec<Object>,
        to: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Object>, ConversionError>>;

    /// What tells what this one returns from what another one of the resource does, whose results are no longer used.
    fn fingerprint(&self) -> u64 {
        0
    }
}

/// What code that converts in its midst has found out: what is converted, and what should be.
#[derive(Default)]
struct Conversions {
    known: Vec<Converted>,
    wanted: Vec<(Object, String)>,
}

struct Converted {
    object: Object,
    to: String,
    result: Result<Object, ConversionError>,
}

impl Conversions {
    fn find(&mut self, object: Object, to: &str) -> Result<Object, ConversionError> {
        let found = self
            .known
            .iter()
            .find(|known| known.to == to && known.object == object);
        if let Some(found) = found {
            return found.result.clone();
        }
        self.wanted.push((object, to.to_owned()));
        Err(not_converted(to))
    }
}

tokio::task_local! {
    /// Those of the code that runs.
    static CONVERSIONS: RefCell<Conversions>;
}

/// Whether the code that runs has met what is not converted yet: it will run once more, and nobody will see what it makes now.
pub(crate) fn is_to_be_repeated() -> bool {
    let wanted = CONVERSIONS.try_with(|conversions| !conversions.borrow().wanted.is_empty());
    wanted.unwrap_or(false)
}

/// Nobody outside sees it, but for a fault of this program.
fn not_converted(to: &str) -> ConversionError {
    ConversionError(format!("the object has not been converted to {to}"))
}

impl Resource {
    /// Whether conversion has to wait.
    pub(crate) fn conversion_waits(&self) -> bool {
        matches!(self.strategy.conversion(), Conversion::Webhook(_))
    }

    /// [`Converter::fingerprint`]; of a function 0.
    pub(crate) fn conversion_fingerprint(&self) -> u64 {
        match self.strategy.conversion() {
            Conversion::Function => 0,
            Conversion::Webhook(converter) => converter.fingerprint(),
        }
    }

    /// `object` in the version `to`. Where that has to wait, it must be part of what [`converting`](Self::converting) runs.
    ///
    /// # Errors
    /// It cannot be had in this version, or not yet.
    pub(crate) fn convert(&self, object: Object, to: &str) -> Result<Object, ConversionError> {
        match self.strategy.conversion() {
            Conversion::Function => self.strategy.convert(object, to),
            Conversion::Webhook(_) => CONVERSIONS
                .try_with(|conversions| conversions.borrow_mut().find(object, to))
                .unwrap_or_else(|_| Err(not_converted(to))),
        }
    }

    /// `object` in the version `to`.
    ///
    /// # Errors
    /// It cannot be had in this version.
    pub(crate) async fn converted(&self, object: Object, to: &str) -> Result<Object, ConversionError> {
        match self.strategy.conversion() {
            Conversion::Function => self.strategy.convert(object, to),
            Conversion::Webhook(converter) => {
                let mut converted = self.ask(converter, vec![object], to).boxed().await?;
                converted.pop().ok_or_else(|| not_converted(to))
            }
        }
    }

    /// `objects` in the version `to`, in one call where that has to wait.
    ///
    /// # Errors
    /// One of them cannot be had in this version.
    pub(crate) async fn all_converted(
        &self,
        objects: Vec<Object>,
        to: &str,
    ) -> Result<Vec<Object>, ConversionError> {
        match self.strategy.conversion() {
            Conversion::Function => objects
                .into_iter()
                .map(|object| self.strategy.convert(object, to))
                .collect(),
            Conversion::Webhook(converter) => self.ask(converter, objects, to).boxed().await,
        }
    }

    /// Runs code that [`convert`](Self::convert)s in its midst: once, and where conversion has to wait again each time that something is
    /// to be converted first.
    ///
    /// # Errors
    /// It comes to no end.
    pub(crate) async fn converting<T: Send>(
        &self,
        mut run: impl FnMut() -> T + Send,
    ) -> Result<T, ConversionError> {
        match self.strategy.conversion() {
            Conversion::Function => Ok(run()),
            // On the heap, so that who need not wait pays no room for it.
            Conversion::Webhook(_) => self.converting_in_rounds(run).boxed().await,
        }
    }

    async fn converting_in_rounds<T: Send>(
        &self,
        mut run: impl FnMut() -> T + Send,
    ) -> Result<T, ConversionError> {
        let mut known = Vec::new();
        let mut rounds = 0..ROUNDS;
        loop {
            let conversions = Conversions {
                known,
                wanted: Vec::new(),
            };
            let (done, conversions) = CONVERSIONS.sync_scope(RefCell::new(conversions), || {
                let done = run();
                (done, CONVERSIONS.with(RefCell::take))
            });
            let Some((_, to)) = conversions.wanted.first() else {
                return Ok(done);
            };
            if rounds.next().is_none() {
                return Err(not_converted(to));
            }
            drop(done);
            known = conversions.known;
            for (object, to) in conversions.wanted {
                let result = self.converted(object.clone(), &to).await;
                known.push(Converted { object, to, result });
            }
        }
    }

    /// A webhook has not answered in time about objects of `api_version`.
    pub(crate) fn conversion_too_late(&self, api_version: &str) -> ConversionError {
        let webhook = self.conversion_webhook(api_version);
        ConversionError(format!("{webhook} failed: context deadline exceeded"))
    }

    /// How errors call a webhook, by the version of what it is sent.
    fn conversion_webhook(&self, api_version: &str) -> String {
        format!("conversion webhook for {api_version}, Kind={}", self.names.kind)
    }

    /// Asks for those that are not in the version already.
    async fn ask(
        &self,
        converter: &dyn Converter,
        mut objects: Vec<Object>,
        to: &str,
    ) -> Result<Vec<Object>, ConversionError> {
        let api_version = self.api_version(to);
        let mut from = objects.iter().map(Object::api_version);
        let Some(from) = from.find(|from| *from != api_version).map(str::to_owned) else {
            return Ok(objects);
        };
        let places: Vec<usize> = (0..objects.len())
            .filter(|place| objects[*place].api_version() != api_version)
            .collect();
        let asked: Vec<Object> = places.iter().map(|place| objects[*place].clone()).collect();
        let kind = &self.names.kind;
        let webhook = self.conversion_webhook(&from);
        let converted = tokio::time::timeout(CONVERSION_TIMEOUT, converter.convert(asked, to))
            .await
            .unwrap_or_else(|_| Err(self.conversion_too_late(&from)))?;
        if converted.len() != places.len() {
            return Err(ConversionError(format!(
                "{webhook} returned {} objects, expected {}",
                converted.len(),
                places.len()
            )));
        }
        for (index, (place, mut object)) in places.into_iter().zip(converted).enumerate() {
            let wrong = |why: String| {
                ConversionError(format!(
                    "{webhook} returned invalid converted object at index {index}: {why}"
                ))
            };
            let received = object.api_version();
            if received != api_version {
                return Err(wrong(format!(
                    "invalid groupVersion (expected {api_version}, received {received})"
                )));
            }
            let received = object.kind();
            if received != kind {
                return Err(wrong(format!(
                    "invalid kind (expected {kind}, received {received})"
                )));
            }
            restore_metadata(&mut object, &objects[place]).map_err(wrong)?;
            objects[place] = self.strategy.normalize(to, object)?;
        }
        Ok(objects)
    }
}

/// Gives a converted object the metadata of the `original`, but for labels and annotations. Go: `validateConvertedObject` and
/// `restoreObjectMeta` of `webhook_converter.go`.
fn restore_metadata(object: &mut Object, original: &Object) -> Result<(), String> {
    for (field, called) in [("name", "name"), ("namespace", "namespace"), ("uid", "UID")] {
        let (expected, found) = (original.meta(field), object.meta(field));
        if expected != found {
            return Err(format!("must have the same {called}: {expected} != {found}"));
        }
    }
    let mut metadata = original.metadata().cloned().unwrap_or_default();
    for field in ["labels", "annotations"] {
        let found = object.metadata().and_then(|metadata| metadata.get(field));
        match found.filter(|found| !found.is_null()) {
            None => drop(metadata.remove(field)),
            Some(Value::Object(texts)) if texts.values().all(Value::is_string) => {
                metadata.insert(field.to_owned(), Value::Object(texts.clone()));
            }
            Some(_) => return Err(format!("invalid metadata.{field} in converted object")),
        }
    }
    object.0.insert("metadata".to_owned(), Value::Object(metadata));
    Ok(())
}
