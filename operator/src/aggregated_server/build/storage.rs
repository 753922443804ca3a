//! Flags, volumes and mounts of `spec.storage`.

use k8s_openapi::{
    api::core::v1::{
        KeyToPath, PersistentVolumeClaim, PersistentVolumeClaimSpec, SecretVolumeSource, Volume, VolumeMount,
        VolumeResourceRequirements,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use kube::core::ObjectMeta;

use crate::{
    aggregated_server::{
        names::{DATA_VOLUME, Names},
        storage::{ETCD_CA_KEY, ETCD_CERTIFICATE_KEY, ETCD_PRIVATE_KEY_KEY, EtcdFiles, StorageBackend},
    },
    template::ReservedVolume,
};

/// Where `server` has the volume of embedded storage.
pub const DATA_PATH: &str = "/var/lib/annex";
/// The volume of etcd's files for TLS.
const ETCD_VOLUME: &str = "annex-etcd";
/// Where `server` has them.
const ETCD_PATH: &str = "/var/run/annex/etcd";
/// The group that a volume of embedded storage is given to, where the template names no other.
pub const DATA_GROUP: i64 = 65532;

/// The directory of embedded storage, as a flag of Annex's own servers.
pub const DATA_DIR: &str = "--data-dir";
/// The members of an etcd, as a flag of every program built on k8s.io/apiserver.
pub const ETCD_SERVERS: &str = "--etcd-servers";
/// What the keys begin with; as above.
pub const ETCD_PREFIX: &str = "--etcd-prefix";

/// The flags that tell a program about its storage.
#[must_use]
pub fn flags(store: &StorageBackend<'_>) -> Vec<(&'static str, String)> {
    let (etcd, files) = match store {
        StorageBackend::Unmanaged => return Vec::new(),
        StorageBackend::Embedded(_) => return vec![(DATA_DIR, DATA_PATH.to_owned())],
        StorageBackend::Etcd { etcd, files } => (etcd, files),
    };
    let file = |key: &str| format!("{ETCD_PATH}/{key}");
    let mut flags = vec![(ETCD_SERVERS, etcd.endpoints.join(","))];
    flags.extend(etcd.prefix.clone().map(|prefix| (ETCD_PREFIX, prefix)));
    if files.authority {
        flags.push(("--etcd-cafile", file(ETCD_CA_KEY)));
    }
    if files.certificate {
        flags.push(("--etcd-certfile", file(ETCD_CERTIFICATE_KEY)));
        flags.push(("--etcd-keyfile", file(ETCD_PRIVATE_KEY_KEY)));
    }
    flags
}

/// The pod's volume. The one of embedded storage comes from the StatefulSet's claim.
#[must_use]
pub fn volume(store: &StorageBackend<'_>) -> Option<Volume> {
    let StorageBackend::Etcd { etcd, files } = store else {
        return None;
    };
    let item = |key: &&str| KeyToPath {
        key: (*key).to_owned(),
        path: (*key).to_owned(),
        ..KeyToPath::default()
    };
    Some(Volume {
        name: ETCD_VOLUME.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(etcd.secret_name.clone()?),
            items: Some(keys(*files).iter().map(item).collect()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    })
}

/// Nothing else of the Secret reaches the pod.
fn keys(files: EtcdFiles) -> Vec<&'static str> {
    let mut keys = Vec::new();
    if files.authority {
        keys.push(ETCD_CA_KEY);
    }
    if files.certificate {
        keys.extend([ETCD_CERTIFICATE_KEY, ETCD_PRIVATE_KEY_KEY]);
    }
    keys
}

/// The mount of the container `server`.
#[must_use]
pub fn mount(store: &StorageBackend<'_>) -> Option<VolumeMount> {
    let reserved = reserved(store)?;
    Some(VolumeMount {
        read_only: store.embedded().is_none().then_some(true),
        name: reserved.name,
        mount_path: reserved.mount_path,
        ..VolumeMount::default()
    })
}

/// The volume and the mount, as a template may not use them.
#[must_use]
pub fn reserved(store: &StorageBackend<'_>) -> Option<ReservedVolume> {
    let (name, mount_path) = match store {
        StorageBackend::Embedded(_) => (DATA_VOLUME, DATA_PATH),
        StorageBackend::Etcd { etcd, .. } if etcd.secret_name.is_some() => (ETCD_VOLUME, ETCD_PATH),
        StorageBackend::Etcd { .. } | StorageBackend::Unmanaged => return None,
    };
    Some(ReservedVolume {
        name: name.to_owned(),
        mount_path: mount_path.to_owned(),
    })
}

/// The claim that a StatefulSet's pod gets. But for its size nothing of it can ever be changed: a StatefulSet refuses it.
#[must_use]
pub fn claim_template(names: &Names, size: &Quantity, class: Option<&str>) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA_VOLUME.into()),
            labels: Some(names.labels()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), size.clone())].into()),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: class.map(str::to_owned),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        aggregated_server::{
            build::{
                defaults::{Chosen, Images},
                pod::pod_template,
            },
            testing::{embedded_server, etcd_server, names, server},
        },
        template::TemplateError,
    };

    #[test]
    fn etcds_files_are_mounted_and_nothing_else_of_the_secret() {
        let server = etcd_server();
        let etcd = server.spec.storage.as_ref().unwrap().etcd.as_ref().unwrap();
        let files = EtcdFiles {
            authority: false,
            certificate: true,
        };
        let store = StorageBackend::Etcd { etcd, files };
        assert_eq!(
            serde_json::to_value(volume(&store)).unwrap(),
            json!({
                "name": "annex-etcd",
                "secret": {
                    "secretName": "etcd-client",
                    "items": [{ "key": "tls.crt", "path": "tls.crt" }, { "key": "tls.key", "path": "tls.key" }],
                },
            })
        );
        assert_eq!(
            serde_json::to_value(mount(&store)).unwrap(),
            json!({ "name": "annex-etcd", "mountPath": "/var/run/annex/etcd", "readOnly": true })
        );
        let mut plain = etcd.clone();
        plain.secret_name = None;
        let store = StorageBackend::Etcd {
            etcd: &plain,
            files: EtcdFiles::default(),
        };
        assert_eq!((volume(&store), mount(&store)), (None, None));
    }

    #[test]
    fn a_template_may_use_neither_the_volume_nor_its_place() {
        let refused = |server: &annex_crds::v1alpha1::AggregatedServer, template: Value| {
            let mut workload = server.spec.workload.clone().unwrap();
            workload.template = Some(template);
            let store = StorageBackend::of(server, None).unwrap();
            let defaults = Chosen::of(&workload, Images::default(), None, &[]).defaults;
            pod_template(server, &workload, &names(), &store, None, defaults)
        };
        let volume = json!({ "spec": { "volumes": [{ "name": "annex-data", "emptyDir": {} }] } });
        let place = json!({ "spec": { "containers": [
            { "name": "server", "volumeMounts": [{ "name": "x", "mountPath": "/var/lib/annex/x" }] },
        ] } });
        for template in [volume, place] {
            let error = refused(&embedded_server(), template.clone());
            assert!(matches!(error, Err(TemplateError::Reserved { .. })), "{template}");
            assert!(refused(&server(), template.clone()).is_ok(), "{template}");
        }
    }
}
