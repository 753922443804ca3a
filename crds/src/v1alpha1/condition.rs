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
    /// No endpoint can be used past the aggregator: who proves nothing is refused, whoever they claim to be. `Ready` does not depend on it.
    BypassProtected,
    /// Normally false: a rollout, a registration or a rotation is under way.
    Progressing,
    /// Normally false: something is not as it should be, though requests may still be answered.
    Degraded,
    /// Normally false: others change a child back again and again, so that its repair waits. `Ready` does not depend on it.
    Contested,
}

impl ConditionType {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Ready,
        Self::Available,
        Self::CertificatesReady,
        Self::Registered,
        Self::BypassProtected,
        Self::Progressing,
        Self::Degraded,
        Self::Contested,
    ];

    /// Its name in status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Available => "Available",
            Self::CertificatesReady => "CertificatesReady",
            Self::Registered => "Registered",
            Self::BypassProtected => "BypassProtected",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::Contested => "Contested",
        }
    }

    /// Whether all is well while its status is `False`.
    #[must_use]
    pub const fn is_normally_false(self) -> bool {
        matches!(self, Self::Progressing | Self::Degraded | Self::Contested)
    }

    /// Whether what is told on it keeps `Ready` from being true: what is only under way does not, nor does what leaves requests as they
    /// are.
    #[must_use]
    pub const fn concerns_ready(self) -> bool {
        !matches!(self, Self::BypassProtected | Self::Progressing | Self::Contested)
    }
}

impl std::fmt::Display for ConditionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
