//! Creating and changing what is not stored. Go: `endpoints/handlers/create.go`, `update.go` and `patch.go`, and `rest.BeforeUpdate`.

use bytes::Bytes;
use futures::FutureExt as _;
use http::StatusCode;

use super::read::found_or_none;
use super::{answered, in_hub, in_version, to_author};
use crate::endpoint::call::Call;
use crate::endpoint::write::new_object;
use crate::managed_fields::keep_timestamps;
use crate::object::Object;
use crate::registry::{Asked, Current, MODIFIED, UpdateFn, begin_create, check_path, generate_name, in_time};
use crate::request::Verb;
use crate::request::options::{CreateOptions, GetOptions, UpdateOptions};
use crate::response::Response;
use crate::rest::{Computed, Creater, Getter, RequestContext, Updater};
use crate::status::ApiError;

/// How often a change is made anew, of an object that somebody else has changed meanwhile. Go: `MaxRetryWhenPatchConflicts`.
const ATTEMPTS: usize = 5;

pub(super) async fn create<B>(call: &Call<'_>, creater: &dyn Creater, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let (wanted, options, mut object) = new_object(call, body).await?;
    call.warnings
        .extend(begin_create(&mut object, &call.info().namespace)?);
    check_path(&call.info().namespace, "")?;
    let created = in_time(async {
        let object = call
            .rules
            .new_with_managers(call.request, object, &options.field_manager)
            .await?;
        create_managed(call, creater, object, options).await
    });
    answered(call, wanted, created.await?, StatusCode::CREATED).await
}

/// Admitted, prepared and validated in the hub version, as what is stored is; then what its author makes of it.
async fn create_managed(
    call: &Call<'_>,
    creater: &dyn Creater,
    object: Object,
    options: CreateOptions,
) -> Result<Object, ApiError> {
    let (rules, strategy) = (call.rules, &call.kind.strategy);
    let mut hub = rules.hub_of_request(call.request, object).await?;
    let asked = Asked::create(options.dry_run);
    let mut warnings = Vec::new();
    let admitted = rules
        .admit(call.request, asked, &mut hub, None, &mut warnings)
        .await;
    call.warnings.extend(warnings);
    admitted?;
    if hub.name().is_empty() && has_names(call) && !hub.meta("generateName").is_empty() {
        let name = generate_name(hub.meta("generateName"));
        hub.set_meta("name", &name);
    }
    let warnings = if hub.name().is_empty() {
        // A review, which nobody looks for again, is its kind's alone.
        strategy.prepare_for_create(&mut hub);
        rules.refuse(&hub, strategy.validate(&hub))?;
        strategy.warnings(&hub)
    } else {
        rules.prepare_new(call.request, &mut hub).await?
    };
    call.warnings.extend(warnings);
    let mut warnings = Vec::new();
    let validated = rules
        .validate_admission(call.request, asked, &mut hub, None, &mut warnings)
        .await;
    call.warnings.extend(warnings);
    validated?;
    let object = to_author(call, hub).await?;
    creater
        .create(RequestContext::of(call.request), object, options)
        .await
}

/// Whether objects can be got by their names, so that a new one has one.
fn has_names(call: &Call<'_>) -> bool {
    call.computed.is_some_and(|computed| computed.getter.is_some()) && call.info().subresource.is_empty()
}

/// Changes the object that the request names by `change`, and says whether it was created. `creates`: it is, where there is none and
/// its author takes new ones.
///
/// # Errors
/// 400, 404, 409, 422; those of `change`; admission's; what its author's code fails with; 504 after 34 s.
pub(in crate::endpoint) async fn update(
    call: &Call<'_>,
    computed: &Computed,
    change: &mut UpdateFn<'_>,
    options: &UpdateOptions,
    creates: bool,
) -> Result<(Object, bool), ApiError> {
    let (Some(getter), Some(updater)) = (&computed.getter, &computed.updater) else {
        return Err(ApiError::MethodNotAllowed);
    };
    check_path(&call.info().namespace, &call.info().name)?;
    // A subresource is of an object that is there.
    let creates = creates && call.info().subresource.is_empty();
    let creater = computed.creater.as_deref().filter(|_| creates);
    let (getter, updater) = (&**getter, &**updater);
    in_time(update_in_attempts(
        call, getter, updater, creater, change, options,
    ))
    .await
}

async fn update_in_attempts(
    call: &Call<'_>,
    getter: &dyn Getter,
    updater: &dyn Updater,
    creater: Option<&dyn Creater>,
    change: &mut UpdateFn<'_>,
    options: &UpdateOptions,
) -> Result<(Object, bool), ApiError> {
    let mut attempts = 1..ATTEMPTS;
    loop {
        let Some(current) = found_or_none(call, getter, GetOptions::default()).await? else {
            return match creater {
                Some(creater) => create_by_update(call, creater, change, options).await,
                None => Err(call.not_found()),
            };
        };
        let Changed {
            new,
            old,
            is_unconditional,
        } = changed(call, current, change, options).await?;
        let context = RequestContext::of(call.request);
        match updater.update(context, new, old, options.clone()).await {
            Err(ApiError::Conflict { .. }) if is_unconditional && attempts.next().is_some() => {}
            done => return Ok((done?, false)),
        }
    }
}

/// A change that its author's code may make. Both objects are as it is given them.
struct Changed {
    new: Object,
    old: Object,
    /// Whether the client has not said which resourceVersion it changes.
    is_unconditional: bool,
}

/// One attempt to change `current`, as far as its author's code.
async fn changed(
    call: &Call<'_>,
    current: Object,
    change: &mut UpdateFn<'_>,
    options: &UpdateOptions,
) -> Result<Changed, ApiError> {
    let (rules, request, name) = (call.rules, call.request, &call.info().name);
    let old = in_hub(call, current).await?;
    let seen = in_version(call, old.clone()).await?;
    let mut warnings = Vec::new();
    let current = Current {
        object: &seen,
        is_complete: false,
    };
    let object = rules
        .changed(request, change, Some(current), options, &mut warnings)
        .await;
    let admitted = async {
        let object = object?;
        if call.info().verb == Verb::Update {
            rules.check_uid(&object, old.uid(), name)?;
        }
        let mut new = rules.hub_of_request(request, object).await?;
        let asked = Asked::update(options.dry_run);
        rules
            .admit(request, asked, &mut new, Some(&old), &mut warnings)
            .await?;
        let says_none = matches!(new.resource_version(), "" | "0");
        // A patch that says none has that of the object that it was made of, and finds another one on the next attempt.
        let is_unconditional = says_none || call.info().verb == Verb::Patch;
        let must_say = call.info().verb == Verb::Update
            && !call.kind.policy.allow_unconditional_update
            && !old.resource_version().is_empty();
        if says_none && must_say {
            return Err(rules.must_say_revision(name));
        }
        if !says_none && new.resource_version() != old.resource_version() {
            return Err(rules.conflict(name, MODIFIED.into()));
        }
        new.set_meta("resourceVersion", old.resource_version());
        warnings.extend(rules.prepare_changed(request, &mut new, &old).await?);
        keep_timestamps(&mut new, &old);
        rules
            .validate_admission(request, asked, &mut new, Some(&old), &mut warnings)
            .await?;
        Ok((new, is_unconditional))
    };
    let admitted = admitted.await;
    call.warnings.extend(warnings);
    let (new, is_unconditional) = admitted?;
    Ok(Changed {
        new: to_author(call, new).await?,
        old: to_author(call, old).await?,
        is_unconditional,
    })
}

/// An update of what is not there, by who may create.
async fn create_by_update(
    call: &Call<'_>,
    creater: &dyn Creater,
    change: &mut UpdateFn<'_>,
    options: &UpdateOptions,
) -> Result<(Object, bool), ApiError> {
    let (rules, request) = (call.rules, call.request);
    let mut warnings = Vec::new();
    let object = rules.changed(request, change, None, options, &mut warnings).await;
    call.warnings.extend(warnings);
    let mut object = object?;
    if !object.uid().is_empty() {
        rules.check_uid(&object, "", &call.info().name)?;
    }
    request.may(Verb::Create).boxed().await?;
    call.warnings
        .extend(begin_create(&mut object, &call.info().namespace)?);
    object.set_meta("resourceVersion", "");
    let options = CreateOptions {
        dry_run: options.dry_run,
        field_manager: options.field_manager.clone(),
        field_validation: options.field_validation,
    };
    let created = create_managed(call, creater, object, options).await?;
    Ok((created, true))
}
