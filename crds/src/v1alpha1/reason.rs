//! The reasons that conditions carry. They are API: each stands on one condition, and their order here is their
//! precedence, so that `Ready` names the first of them that holds.

use super::condition::ConditionType;

macro_rules! reasons {
    ($( $variant:ident = $text:literal on $condition:ident: $meaning:literal, )*) => {
        /// Why a condition has its status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $( #[doc = $meaning] $variant, )* }

        impl Reason {
            /// All of them, by precedence.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// The word in status.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// The condition that it stands on; `Ready` repeats the first one that keeps it from being true.
            #[must_use]
            pub const fn condition(self) -> ConditionType {
                match self { $( Self::$variant => ConditionType::$condition, )* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )* }
            }
        }
    };
}

reasons! {
    // What keeps everything from beginning.
    Invalid = "Invalid" on Degraded: "The object does not decode as this version of the operator knows it; the field is named. Nothing that belongs to it is changed, and its claims still count.",
    NamespaceNotFound = "NamespaceNotFound" on Registered: "`spec.namespace` does not exist; Annex never makes it.",
    NamespaceTerminating = "NamespaceTerminating" on Registered: "`spec.namespace` is being deleted; the APIServices were taken back first.",
    NamespaceRefused = "NamespaceRefused" on Registered: "`spec.namespace` is the operator's own, or none of those that it has rights in.",
    GroupRefused = "GroupRefused" on Registered: "The kube-apiserver serves this group itself.",
    Conflict = "Conflict" on Registered: "An object that is needed belongs to somebody else, who is named.",
    CrdShadowed = "CRDShadowed" on Registered: "A CustomResourceDefinition serves the group-version, and `crdShadow` does not allow to hide it.",
    // What is wrong with the workload.
    TemplateInvalid = "TemplateInvalid" on Degraded: "`workload.template` cannot be merged, touches what Annex sets itself, or is refused by the API server.",
    PortFlagMismatch = "PortFlagMismatch" on Degraded: "The arguments name another serving port than `workload.port`.",
    StorageFlagMismatch = "StorageFlagMismatch" on Degraded: "The arguments name another place for what is stored than `storage`.",
    ImagePullFailed = "ImagePullFailed" on Degraded: "An image of a pod cannot be pulled.",
    ContainerCannotRunAsRoot = "ContainerCannotRunAsRoot" on Degraded: "A container must not run as root, and its image sets no other user.",
    ContainerConfigInvalid = "ContainerConfigInvalid" on Degraded: "A container cannot be created as configured: a missing Secret or ConfigMap key, for example.",
    ContainerCrashing = "ContainerCrashing" on Degraded: "A container ends again and again.",
    PodUnschedulable = "PodUnschedulable" on Degraded: "No node takes a pod.",
    RolloutBlocked = "RolloutBlocked" on Degraded: "The workload cannot make its pods, or makes no progress.",
    StorageUnavailable = "StorageUnavailable" on Degraded: "What is stored cannot be reached: the volume or the Secret of `storage` is missing or not bound, or the server's own readiness says that its storage fails.",
    ReadinessFailed = "ReadinessFailed" on Degraded: "The server's own readiness fails; the failing checks are named.",
    TooManyEndpoints = "TooManyEndpoints" on Degraded: "The Service has more than 1,024 endpoints; those beyond are not asked, so that nothing is registered for the first time and no old authority is dropped.",
    VolumeNotResized = "VolumeNotResized" on Degraded: "The volume of embedded storage does not grow to `storage.embedded.size`; the message says why.",
    ApplyFailed = "ApplyFailed" on Degraded: "The API server refused something that the operator wrote or read; its text is in the message.",
    // What is wrong with certificates.
    ServingSecretInvalid = "ServingSecretInvalid" on CertificatesReady: "The serving Secret did not hold a usable certificate and key, and was issued anew.",
    CaSecretInvalid = "CASecretInvalid" on CertificatesReady: "The Secret of the certificate authority was missing or unusable; a new authority is on its way in.",
    CertificateExpired = "CertificateExpired" on CertificatesReady: "An endpoint serves an expired certificate.",
    SanMismatch = "SANMismatch" on CertificatesReady: "An endpoint serves a certificate for other names.",
    CaNotTrusted = "CANotTrusted" on CertificatesReady: "An endpoint serves a certificate of an authority that is not published.",
    RotationBlocked = "RotationBlocked" on CertificatesReady: "A rotation waits so long that a served certificate nears its end; who blocks it is named.",
    ClockSkewed = "ClockSkewed" on CertificatesReady: "The clocks of two kube-apiservers differ by more than an hour: no certificate is issued that one of them would refuse.",
    NotIssued = "NotIssued" on CertificatesReady: "There is no serving certificate yet.",
    // What clients meet.
    ServiceUnusable = "ServiceUnusable" on Available: "The Service is missing, has no cluster IP, or lacks the port.",
    PortNameMismatch = "PortNameMismatch" on Available: "The EndpointSlices name the port differently from the Service, so that the aggregator finds no endpoint.",
    ForeignEndpoint = "ForeignEndpoint" on Available: "An EndpointSlice of the workload's Service names an address that none of its pods has; the operator does not connect to it, and waits.",
    ConnectionRefused = "ConnectionRefused" on Available: "Nothing listens at an endpoint's address and port.",
    ConnectionTimeout = "ConnectionTimeout" on Available: "An endpoint does not answer in time; the NetworkPolicies that select its pod are named.",
    TlsFailed = "TLSFailed" on Available: "What answers at an endpoint does not speak TLS, or the handshake fails.",
    GroupVersionNotServed = "GroupVersionNotServed" on Available: "The server answers, but does not serve the group-version.",
    DiscoveryTooSlow = "DiscoveryTooSlow" on Available: "Discovery takes longer than the five seconds that the aggregator waits.",
    DiscoveryFailed = "DiscoveryFailed" on Available: "The server answers discovery with an error.",
    FrontProxyUntrusted = "FrontProxyUntrusted" on Available: "The server answers the operator, but refuses the aggregator's front-proxy identity.",
    ControlPlaneUnreachable = "ControlPlaneUnreachable" on Available: "The server answers the operator, but a kube-apiserver cannot reach it; where only some of several cannot, these are named.",
    NoReadyEndpoints = "NoReadyEndpoints" on Available: "No endpoint of the Service is ready.",
    NotAvailable = "NotAvailable" on Available: "The aggregator has not found the API available; its own words are in the message.",
    // Where registration stands.
    TrialFailed = "TrialFailed" on Registered: "The first registration did not become available in time and was taken back; it is tried again.",
    OnTrial = "OnTrial" on Registered: "Registered for the first time; the aggregator has not yet called it available.",
    WaitingForServer = "WaitingForServer" on Registered: "Not registered before every ready endpoint has answered.",
    // What others may do.
    ClaimedIdentityObeyed = "ClaimedIdentityObeyed" on BypassProtected: "A ready endpoint takes whoever sends `X-Remote-User` for that user, without the front proxy's client certificate: whoever reaches its port can do what anybody may.",
    AnonymousAllowed = "AnonymousAllowed" on BypassProtected: "A ready endpoint answers requests for its resources without any credential: it asks for no rights, or the cluster grants them to `system:unauthenticated`.",
    // What others do.
    Contested = "Contested" on Contested: "Others change, remove or delete a child again and again, or the API server keeps something else than is applied (a webhook or policy changes it at admission); child, field and field manager are named. Repairs wait ever longer, up to ten minutes; what changes is written at once all the same.",
    // What is under way.
    Paused = "Paused" on Progressing: "The annotation `annex.dev/paused` is `true`: children, Secrets and APIServices are not written, and a rotation stands where it is; status, metrics and Events go on.",
    Rotating = "Rotating" on Progressing: "A certificate is being rotated.",
    RollingOut = "RollingOut" on Progressing: "Pods are being made or replaced.",
    ResizingVolume = "ResizingVolume" on Progressing: "The volume of embedded storage is growing.",
    Registering = "Registering" on Progressing: "APIServices are not yet registered.",
    Pending = "Pending" on Ready: "The operator has not looked at it yet.",
    // What is well.
    Passed = "Passed" on Available: "The aggregator's checks pass: requests are answered.",
    Registered = "Registered" on Registered: "The APIService stands and has been available.",
    Trusted = "Trusted" on CertificatesReady: "Every endpoint serves a valid certificate that the published bundle trusts.",
    Stable = "Stable" on Progressing: "Nothing is under way.",
    AsDesired = "AsDesired" on Degraded: "Everything is as desired.",
    IdentityProved = "IdentityProved" on BypassProtected: "The ready endpoints that were asked refuse whoever proves nothing, whoever they claim to be.",
    Uncontested = "Uncontested" on Contested: "Nobody else changes what Annex applies again and again.",
    AllGood = "AllGood" on Ready: "Every API is available and registered, certificates are ready, nothing is degraded.",
    NotObserved = "NotObserved" on Available: "Not looked at, since something else comes first; on any condition, with status Unknown.",
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reason;

    #[test]
    fn reasons_are_unique_words() {
        let words: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        assert!(
            words
                .iter()
                .all(|word| word.chars().all(|c| c.is_ascii_alphanumeric()))
        );
    }
}
