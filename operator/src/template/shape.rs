//! How the parts of a PodTemplateSpec merge, as Kubernetes' OpenAPI document says it.
//!
//! `x-kubernetes-list-type: map` with its keys, `x-kubernetes-map-type: atomic` and the types of which exactly
//! one member may be set, of `io.k8s.api.core.v1.PodTemplateSpec` (1.36). What stands nowhere here merges by
//! the default: objects field by field, lists and scalars replaced.
//!
//! The table is needed beside k8s-openapi's `DeepMerge`: that one works on typed structs, where a required
//! field that a partial object leaves out is a zero (`port: 0`) that wins, knows no members of which only one
//! may be set, and merges ports by number without their protocol.

/// How one value merges.
#[derive(Debug)]
pub(super) enum Shape {
    /// The default: objects field by field, anything else replaced.
    Plain,
    /// Replaced as a whole, objects too.
    Atomic,
    /// A quantity: a number is as good as a string.
    Quantity,
    /// An object of quantities.
    Quantities,
    /// A list whose items are known by these keys.
    Keyed {
        keys: &'static [Key],
        item: &'static Self,
    },
    /// An object with fields that are not plain.
    Object {
        fields: &'static [(&'static str, &'static Self)],
        one_of: OneOf,
    },
}

/// A key of a list's items.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) field: &'static str,
    /// What the server sets where an item lacks it; an item without it and without a default is refused.
    pub(super) default: Option<&'static str>,
}

/// The members of an object of which one may be set.
#[derive(Debug)]
pub(super) enum OneOf {
    /// Any may be set.
    None,
    /// These.
    These(&'static [&'static str]),
    /// All but these.
    AllBut(&'static [&'static str]),
}

impl OneOf {
    pub(super) fn contains(&self, field: &str) -> bool {
        match self {
            Self::None => false,
            Self::These(members) => members.contains(&field),
            Self::AllBut(others) => !others.contains(&field),
        }
    }
}

impl Shape {
    /// The shape of an object's field.
    pub(super) fn field(&self, name: &str) -> &'static Self {
        match self {
            Self::Object { fields, .. } => fields
                .iter()
                .find(|(field, _)| *field == name)
                .map_or(&Self::Plain, |(_, shape)| *shape),
            Self::Quantities => &Self::Quantity,
            Self::Plain | Self::Atomic | Self::Quantity | Self::Keyed { .. } => &Self::Plain,
        }
    }

    /// The shape of a list's items.
    pub(super) const fn item(&self) -> &'static Self {
        match self {
            Self::Keyed { item, .. } => item,
            Self::Plain | Self::Atomic | Self::Quantity | Self::Quantities | Self::Object { .. } => {
                &Self::Plain
            }
        }
    }

    /// The members of which one may be set.
    pub(super) const fn one_of(&self) -> &OneOf {
        match self {
            Self::Object { one_of, .. } => one_of,
            Self::Plain | Self::Atomic | Self::Quantity | Self::Quantities | Self::Keyed { .. } => {
                &OneOf::None
            }
        }
    }
}

const fn object(fields: &'static [(&'static str, &'static Shape)]) -> Shape {
    Shape::Object {
        fields,
        one_of: OneOf::None,
    }
}

const fn keyed(keys: &'static [Key], item: &'static Shape) -> Shape {
    Shape::Keyed { keys, item }
}

const fn key(field: &'static str) -> Key {
    Key { field, default: None }
}

static PLAIN: Shape = Shape::Plain;
static ATOMIC: Shape = Shape::Atomic;
static QUANTITY: Shape = Shape::Quantity;
static QUANTITIES: Shape = Shape::Quantities;

static BY_NAME: [Key; 1] = [key("name")];
static NAMED: Shape = keyed(&BY_NAME, &PLAIN);

/// A PodTemplateSpec.
pub(super) static POD_TEMPLATE: Shape = object(&[("spec", &POD_SPEC)]);

static POD_SPEC: Shape = object(&[
    ("affinity", &AFFINITY),
    ("containers", &CONTAINERS),
    ("ephemeralContainers", &CONTAINERS),
    ("hostAliases", &keyed(&[key("ip")], &PLAIN)),
    ("imagePullSecrets", &NAMED),
    ("initContainers", &CONTAINERS),
    ("nodeSelector", &ATOMIC),
    ("overhead", &QUANTITIES),
    ("resourceClaims", &NAMED),
    ("resources", &RESOURCES),
    ("schedulingGates", &NAMED),
    ("topologySpreadConstraints", &SPREAD),
    ("volumes", &keyed(&BY_NAME, &VOLUME)),
]);

static AFFINITY: Shape = object(&[(
    "nodeAffinity",
    // A NodeSelector is atomic.
    &object(&[("requiredDuringSchedulingIgnoredDuringExecution", &ATOMIC)]),
)]);

static SPREAD: Shape = keyed(
    &[key("topologyKey"), key("whenUnsatisfiable")],
    &object(&[("labelSelector", &ATOMIC)]),
);

static CONTAINERS: Shape = keyed(&BY_NAME, &CONTAINER);

static CONTAINER: Shape = object(&[
    ("env", &keyed(&BY_NAME, &ENV_VAR)),
    (
        "lifecycle",
        &object(&[("postStart", &LIFECYCLE_HANDLER), ("preStop", &LIFECYCLE_HANDLER)]),
    ),
    ("livenessProbe", &PROBE),
    (
        "ports",
        &keyed(
            &[
                key("containerPort"),
                Key {
                    field: "protocol",
                    default: Some("TCP"),
                },
            ],
            &PLAIN,
        ),
    ),
    ("readinessProbe", &PROBE),
    ("resources", &RESOURCES),
    ("startupProbe", &PROBE),
    ("volumeDevices", &keyed(&[key("devicePath")], &PLAIN)),
    ("volumeMounts", &keyed(&[key("mountPath")], &PLAIN)),
]);

static RESOURCES: Shape = object(&[
    ("claims", &NAMED),
    ("limits", &QUANTITIES),
    ("requests", &QUANTITIES),
]);

static PROBE: Shape = Shape::Object {
    fields: &[],
    one_of: OneOf::These(&["exec", "grpc", "httpGet", "tcpSocket"]),
};

static LIFECYCLE_HANDLER: Shape = Shape::Object {
    fields: &[],
    one_of: OneOf::These(&["exec", "httpGet", "sleep", "tcpSocket"]),
};

static ENV_VAR: Shape = Shape::Object {
    fields: &[("valueFrom", &ENV_VAR_SOURCE)],
    one_of: OneOf::These(&["value", "valueFrom"]),
};

static ENV_VAR_SOURCE: Shape = Shape::Object {
    fields: &[
        ("configMapKeyRef", &ATOMIC),
        ("fieldRef", &ATOMIC),
        ("fileKeyRef", &ATOMIC),
        ("resourceFieldRef", &RESOURCE_FIELD),
        ("secretKeyRef", &ATOMIC),
    ],
    one_of: OneOf::AllBut(&[]),
};

static RESOURCE_FIELD: Shape = object(&[("divisor", &QUANTITY)]);

static VOLUME: Shape = Shape::Object {
    fields: &[
        ("emptyDir", &object(&[("sizeLimit", &QUANTITY)])),
        (
            "ephemeral",
            &object(&[(
                "volumeClaimTemplate",
                &object(&[("spec", &object(&[("resources", &RESOURCES)]))]),
            )]),
        ),
    ],
    one_of: OneOf::AllBut(&["name"]),
};
