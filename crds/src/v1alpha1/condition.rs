//! The condition types of an AggregatedServer.

/// The condition types, in the order in which they stand in status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The summary: every API is available and registered, certificates are ready, nothing is degraded.
    Ready,
    /// Every claimed group-version answers through the aggregator.
    Available,
    /// What endpoints serve is valid, trusted by what is published, and not about to expire.
    CertificatesReady,
    /// Every claimed group-version has its APIService.
    Registered,
    /// Normally false: a rollout, a registration or a rotation is under way.
    Progressing,
    /// Normally false: something is not as it should be, though requests may still be answered.
    Degraded,
}

impl ConditionType {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Ready,
        Self::Available,
        Self::CertificatesReady,
        Self::Registered,
        Self::Progressing,
        Self::Degraded,
    ];

    /// Its name in status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Available => "Available",
            Self::CertificatesReady => "CertificatesReady",
            Self::Registered => "Registered",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
        }
    }
}

impl std::fmt::Display for ConditionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
