//! What a server says about itself at `/readyz?verbose`, as every k8s.io/apiserver does.

use super::error_text::tidy;
use super::verified::{Connection, RequestError};

/// The most failing checks that are named.
const MAX_CHECKS: usize = 16;
/// The most lines of an answer that are looked at; a kube-apiserver has some sixty checks.
const MAX_LINES: usize = 1024;

/// The answer to `/readyz?verbose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readyz {
    /// 200.
    Ok,
    /// Not ready, and these checks fail, such as `etcd`: at most 16, each once, in the server's order.
    Failing {
        /// Their names.
        checks: Vec<String>,
    },
    /// Another code without a list of checks: not a server of the usual kind, or one that hides it.
    Unexpected(u16),
}

/// Asks without a token: the path is open to everybody on servers of the usual kind.
///
/// # Errors
///
/// When there is no complete answer.
pub async fn readyz(connection: &mut Connection) -> Result<Readyz, RequestError> {
    let response = connection.get("/readyz?verbose", None).await?;
    if response.status.is_success() {
        return Ok(Readyz::Ok);
    }
    let checks = failing_checks(&String::from_utf8_lossy(&response.body));
    if checks.is_empty() {
        return Ok(Readyz::Unexpected(response.status.as_u16()));
    }
    Ok(Readyz::Failing { checks })
}

/// The names in lines such as `[-]etcd failed: reason withheld`.
fn failing_checks(body: &str) -> Vec<String> {
    let mut checks: Vec<String> = Vec::new();
    let failing = body
        .lines()
        .take(MAX_LINES)
        .filter_map(|line| line.trim().strip_prefix("[-]"));
    for line in failing {
        let name = tidy(line.split_once(" failed").map_or(line, |(name, _)| name));
        if !name.is_empty() && !checks.contains(&name) {
            checks.push(name);
        }
        if checks.len() == MAX_CHECKS {
            break;
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failing_checks_are_named() {
        let body = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[-]poststarthook/start-x failed: a\n\
                    [-]etcd failed: again\nreadyz check failed\n";
        assert_eq!(failing_checks(body), ["etcd", "poststarthook/start-x"]);
        assert!(failing_checks("readyz check failed").is_empty());
        assert!(failing_checks("[-] failed: nameless").is_empty());
    }

    #[test]
    fn a_flood_of_checks_is_cut() {
        let body: String = (0..5000)
            .map(|n| format!("[-]{}{n} failed\n", "x".repeat(150)))
            .collect();
        assert_eq!(failing_checks(&body).len(), MAX_CHECKS);
        assert!(failing_checks(&format!("[-]{}", "x".repeat(10_000)))[0].len() <= 200);
    }
}
