//! How requests are authenticated: the flags of k8s.io/apiserver's delegated authentication.

use std::path::PathBuf;
use std::time::Duration;

/// The flags `--authentication-*`, `--client-ca-file` and `--requestheader-*`.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a reviewed token is known, good or bad.
    pub token_cache_ttl: Duration,
    /// The authorities of client certificates; without it the cluster's.
    pub client_ca_file: Option<PathBuf>,
    /// The front proxy, where it is not the cluster's.
    pub request_header: RequestHeaderOptions,
    /// Do not ask the cluster for what is missing of these.
    pub skip_lookup: bool,
    /// Start although the cluster does not tell.
    pub tolerate_lookup_failure: bool,
}

/// The flags `--requestheader-*`. They count when `client_ca_file` is given; else the cluster says all of it.
#[derive(Clone, Debug)]
pub struct RequestHeaderOptions {
    /// The authorities of front proxies.
    pub client_ca_file: Option<PathBuf>,
    /// Headers with the user's name; the first that is not empty counts.
    pub username_headers: Vec<String>,
    /// Headers with the user's uid.
    pub uid_headers: Vec<String>,
    /// Headers with groups; all count.
    pub group_headers: Vec<String>,
    /// What headers with further facts begin with.
    pub extra_headers_prefix: Vec<String>,
    /// Common names of front proxies; empty: whoever the authorities vouch for.
    pub allowed_names: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token_cache_ttl: Duration::from_secs(10),
            client_ca_file: None,
            request_header: RequestHeaderOptions::default(),
            skip_lookup: false,
            tolerate_lookup_failure: false,
        }
    }
}

impl Default for RequestHeaderOptions {
    /// No uid header: Kubernetes has none either, since an older kube-apiserver would pass on a client's own.
    fn default() -> Self {
        Self {
            client_ca_file: None,
            username_headers: vec!["x-remote-user".into()],
            uid_headers: Vec::new(),
            group_headers: vec!["x-remote-group".into()],
            extra_headers_prefix: vec!["x-remote-extra-".into()],
            allowed_names: Vec::new(),
        }
    }
}

impl RequestHeaderOptions {
    /// What is wrong with it, in Go's words; warns of what is only strange.
    pub(super) fn check(&self) -> Result<(), String> {
        let lists = [
            (
                "requestheader-username-headers",
                &self.username_headers,
                "X-Remote-User",
            ),
            (
                "requestheader-group-headers",
                &self.group_headers,
                "X-Remote-Group",
            ),
            (
                "requestheader-extra-headers-prefix",
                &self.extra_headers_prefix,
                "X-Remote-Extra-",
            ),
            ("requestheader-allowed-names", &self.allowed_names, ""),
            ("requestheader-uid-headers", &self.uid_headers, "X-Remote-Uid"),
        ];
        for (flag, values, standard) in lists {
            if values.iter().any(|value| value.trim().is_empty()) {
                return Err(format!("empty value in {flag:?}"));
            }
            let usual = values.is_empty() || values.iter().any(|value| value.eq_ignore_ascii_case(standard));
            if standard.is_empty() || usual {
                continue;
            }
            let message = format!(
                "--{flag} is set without specifying the standard {standard} header - API aggregation will not work"
            );
            if standard == "X-Remote-Uid" {
                return Err(message);
            }
            tracing::warn!("{message}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_blanks_alone_are_refused_by_their_flag() {
        let options = RequestHeaderOptions {
            allowed_names: vec!["front-proxy".into(), " ".into()],
            ..RequestHeaderOptions::default()
        };
        assert_eq!(
            options.check().unwrap_err(),
            r#"empty value in "requestheader-allowed-names""#
        );
    }

    #[test]
    fn another_uid_header_alone_is_refused() {
        let mut options = RequestHeaderOptions::default();
        assert!(options.check().is_ok());
        options.uid_headers = vec!["X-My-Uid".into()];
        assert!(options.check().unwrap_err().contains("X-Remote-Uid"));
        options.uid_headers.push("x-remote-uid".into());
        assert!(options.check().is_ok());
    }
}
