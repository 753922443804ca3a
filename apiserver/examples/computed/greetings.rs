//! Objects that another API keeps, with every verb: a Greeting is a ConfigMap of the cluster that has the label `greeting`.

use annex_apiserver::prelude::*;
use futures::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions, WatchParams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config_maps::{config_map, config_maps, event, failed, greeting, greeting_of, put, selector};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Greeting {
    #[serde(default)]
    pub(crate) metadata: ObjectMeta,
    pub(crate) text: String,
}

kind!(Greeting: "computed.example.com", "v1", "greetings", Namespaced);

pub(crate) fn resource() -> Result<Resource, DescriptionError> {
    let post = |dry_run| PostParams {
        dry_run,
        ..PostParams::default()
    };
    let verbs = Verbs::new()
        .get(|context| async move {
            // kube writes a name into a URL as it is.
            let is_odd = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '.';
            if context.name.contains(is_odd) {
                return Ok(None);
            }
            let found = config_maps(&context).await?.get_opt(&context.name).await;
            Ok(found.map_err(failed(&context))?.and_then(greeting))
        })
        .list(|context, options| async move {
            let of_label = ListParams::default().labels(&selector(&options));
            let found = config_maps(&context).await?.list(&of_label).await;
            let found = found.map_err(failed(&context))?;
            Ok(List {
                resource_version: found.metadata.resource_version.clone().unwrap_or_default(),
                items: found.into_iter().filter_map(greeting).collect(),
            })
        })
        .watch(|context, options| async move {
            let mut of_label = WatchParams::default().labels(&selector(&options));
            of_label.send_initial_events = options.send_initial_events == Some(true);
            let maps = config_maps(&context).await?;
            let events = maps.watch(&of_label, &options.resource_version).await;
            let events = events.map_err(failed(&context))?;
            let told = events.map(move |found| event(found.map_err(failed(&context))?));
            Ok(told.filter_map(|told| std::future::ready(told.transpose())))
        })
        .create(move |mut context, new: Greeting, options| async move {
            context.name = new.metadata.name.clone().unwrap_or_default();
            let (maps, new) = (config_maps(&context).await?, config_map(new)?);
            let created = maps.create(&post(options.dry_run), &new).await;
            Ok(greeting_of(created.map_err(failed(&context))?))
        })
        .update(move |context, new: Greeting, _, options| async move {
            let maps = config_maps(&context).await?;
            let mut map = maps.get(&context.name).await.map_err(failed(&context))?;
            // The resourceVersion is that of the greeting that was changed: whoever was faster meanwhile is not overwritten.
            put(new, &mut map)?;
            let updated = maps.replace(&context.name, &post(options.dry_run), &map).await;
            Ok(greeting_of(updated.map_err(failed(&context))?))
        })
        .delete(|context, old: Greeting, options| async move {
            let this_one = DeleteParams {
                dry_run: options.dry_run,
                preconditions: Some(Preconditions {
                    uid: old.metadata.uid,
                    resource_version: options.preconditions.resource_version,
                }),
                ..DeleteParams::default()
            };
            let deleted = config_maps(&context)
                .await?
                .delete(&context.name, &this_one)
                .await;
            let left = deleted.map_err(failed(&context))?.left().and_then(greeting);
            Ok(left.map_or(Deletion::Gone, Deletion::Pending))
        })
        .delete_collection();
    typed::resource::<Greeting>()
        .short_names(["hi"])
        .computed(verbs)
        .build()
}
