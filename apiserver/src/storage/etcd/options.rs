//! How an etcd is reached.

use std::path::PathBuf;
use std::time::Duration;

/// How an etcd is reached: the flags `--etcd-servers`, `--etcd-prefix`, `--etcd-cafile`, `--etcd-certfile`,
/// `--etcd-keyfile`, `--etcd-compaction-interval`, and Annex's own `--etcd-user` and `--etcd-password-file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `http://` or `https://` URLs of the members. One without a scheme has TLS where a file for it is given.
    pub endpoints: Vec<String>,
    /// What stands before every key, such as `/registry/wardle.example.com`.
    pub prefix: String,
    /// Who vouches for the members' certificates, in PEM. It and the next two are read again for every connection.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, in PEM.
    pub certificate_file: Option<PathBuf>,
    /// Its key, in PEM.
    pub key_file: Option<PathBuf>,
    /// Who the client is where etcd asks for a name and password. Where its certificate says so, none are needed.
    pub credentials: Option<Credentials>,
    /// How often history is compacted: twice this long it lives at the most, once at the least. Zero: never by this
    /// server.
    pub compaction_interval: Duration,
}

/// A user of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// A file with the password in its only line. It is read again whenever a token is fetched.
    pub password_file: PathBuf,
}

/// An etcd that cannot be reached as its options say.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No member is named.
    #[error("no etcd server is named")]
    NoEndpoint,
    /// A member's URL is none.
    #[error("{endpoint:?} is no URL of an etcd server: {reason}")]
    Endpoint {
        /// As it was given.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read.
    #[error("failed to read {}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A client certificate without its key, or the other way round.
    #[error("a client certificate and its key must be given together")]
    HalfAnIdentity,
    /// The files of the TLS identity are not what they should be.
    #[error("the TLS files for etcd cannot be used: {0}")]
    Tls(String),
}

impl Options {
    /// The prefix as it stands before keys: `/a/b`, without a `/` at the end; empty for none.
    pub(super) fn clean_prefix(&self) -> String {
        self.prefix
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| format!("/{segment}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::Client;
    use super::*;

    fn options(prefix: &str) -> Options {
        Options {
            endpoints: vec!["http://127.0.0.1:2379".into()],
            prefix: prefix.into(),
            ca_file: None,
            certificate_file: None,
            key_file: None,
            credentials: None,
            compaction_interval: Duration::ZERO,
        }
    }

    #[test]
    fn a_prefix_is_cleaned_as_go_cleans_paths() {
        for (given, clean) in [
            ("registry/x", "/registry/x"),
            ("/a//b/", "/a/b"),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(options(given).clean_prefix(), clean);
        }
    }

    #[tokio::test]
    async fn what_cannot_work_is_refused_before_anything_is_sent() {
        let refusal = async |change: fn(&mut Options)| {
            let mut options = options("/");
            change(&mut options);
            Client::new(&options).await.err()
        };
        let half = refusal(|options| options.certificate_file = Some("/nowhere".into())).await;
        assert!(matches!(half, Some(ConnectError::HalfAnIdentity)), "{half:?}");
        let missing = refusal(|options| options.ca_file = Some("/nowhere".into())).await;
        assert!(matches!(missing, Some(ConnectError::File { .. })), "{missing:?}");
        let no_pem = refusal(|options| options.ca_file = Some("/dev/null".into())).await;
        assert!(matches!(no_pem, Some(ConnectError::Tls(_))), "{no_pem:?}");
        let password = refusal(|options| {
            options.credentials = Some(Credentials {
                user: "annex".into(),
                password_file: "/nowhere".into(),
            });
        })
        .await;
        assert!(
            matches!(password, Some(ConnectError::File { .. })),
            "{password:?}"
        );
        let none = refusal(|options| options.endpoints.clear()).await;
        assert!(matches!(none, Some(ConnectError::NoEndpoint)), "{none:?}");
        let strange = refusal(|options| options.endpoints.push("unix:///run/etcd".into())).await;
        assert!(
            matches!(strange, Some(ConnectError::Endpoint { .. })),
            "{strange:?}"
        );
    }
}
