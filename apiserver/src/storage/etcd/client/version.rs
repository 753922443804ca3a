//! Which etcds answer requests for progress rightly: `storage/feature/feature_support_checker.go` of k8s.io/apiserver.
//!
//! Older ones may answer with a revision whose events they have not sent yet (kubernetes/kubernetes#123192), so that a
//! read which trusts the answer is stale, and a bookmark skips events.

/// Whether a member of this version answers requests for progress after the events that they cover: from 3.4.31 and, of
/// 3.5, from 3.5.13 on. A version that cannot be read does not.
pub(super) fn answers_progress(version: &str) -> bool {
    let Some((core, is_final)) = parse(version) else {
        return false;
    };
    match core {
        (3, 4, patch) => (patch, is_final) >= (31, true),
        (3, 5, patch) => (patch, is_final) >= (13, true),
        core => core >= (3, 6, 0),
    }
}

/// The numbers, and whether it is no pre-release of them.
fn parse(version: &str) -> Option<((u64, u64, u64), bool)> {
    let (version, _build) = version.split_once('+').unwrap_or((version, ""));
    let (numbers, is_final) = match version.split_once('-') {
        Some((numbers, _)) => (numbers, false),
        None => (version, true),
    };
    let mut parts = numbers.split('.').map(str::parse::<u64>);
    let mut next = || parts.next()?.ok();
    let core = (next()?, next()?, next()?);
    parts.next().is_none().then_some((core, is_final))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_trusted_of_the_versions_that_kubernetes_trusts() {
        for (version, sound) in [
            ("3.3.27", false),
            ("3.4.23", false),
            ("3.4.30", false),
            ("3.4.31-rc.0", false),
            ("3.4.31", true),
            ("3.4.37", true),
            ("3.5.0", false),
            ("3.5.12", false),
            ("3.5.13-alpha.1", false),
            ("3.5.13", true),
            ("3.5.21+build", true),
            ("3.6.0-rc.4", true),
            ("3.6.16", true),
            ("4.0.0", true),
            ("2.3.8", false),
            ("3.5", false),
            ("3.5.13.1", false),
            ("", false),
            ("etcd", false),
        ] {
            assert_eq!(answers_progress(version), sound, "{version}");
        }
    }
}
