//! Paths that need no permission.

use std::collections::HashSet;

use super::StartError;

/// Paths, whole or by what they begin with. A leading `/` makes no difference.
#[derive(Debug, Default)]
pub(super) struct AllowedPaths {
    whole: HashSet<String>,
    prefixes: Vec<String>,
}

impl AllowedPaths {
    /// Reads `paths`; one that ends in `*` is a prefix.
    pub(super) fn parse(paths: &[String]) -> Result<Self, StartError> {
        let mut parsed = Self::default();
        for path in paths {
            let bare = path.strip_prefix('/').unwrap_or(path);
            match bare.strip_suffix('*') {
                Some(prefix) if !prefix.contains('*') => parsed.prefixes.push(prefix.to_owned()),
                None if !bare.contains('*') => {
                    parsed.whole.insert(bare.to_owned());
                }
                _ => return Err(StartError::Path(bare.to_owned())),
            }
        }
        Ok(parsed)
    }

    pub(super) fn contain(&self, path: &str) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.whole.contains(path)
            || self
                .prefixes
                .iter()
                .any(|prefix| path.starts_with(prefix.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(paths: &[&str]) -> Result<AllowedPaths, StartError> {
        AllowedPaths::parse(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn whole_paths_and_prefixes_are_told_apart() {
        let paths = parse(&["/healthz", "readyz", "/open/*", "/"]).unwrap();
        for allowed in ["/healthz", "/readyz", "/open/", "/open/api", "/", ""] {
            assert!(paths.contain(allowed), "{allowed}");
        }
        for denied in ["/healthz/etcd", "/health", "/ope", "/open", "/metrics"] {
            assert!(!paths.contain(denied), "{denied}");
        }
    }

    #[test]
    fn a_star_elsewhere_is_refused() {
        for wrong in ["/a*b", "/*/b", "/**"] {
            let error = parse(&[wrong]).unwrap_err().to_string();
            assert!(error.starts_with("only trailing * allowed in"), "{error}");
        }
    }
}
