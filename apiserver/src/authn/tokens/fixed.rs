//! Tokens that this process made itself: a server on loopback that has no cluster to ask.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::{Digest, Digests, TokenRejected};
use crate::request::User;

/// A few tokens with their users.
pub(in crate::authn) struct FixedTokens {
    digests: Digests,
    known: Vec<(Digest, User)>,
}

impl FixedTokens {
    /// These; an empty one belongs to nobody.
    pub(in crate::authn) fn new(tokens: impl IntoIterator<Item = (String, User)>) -> Self {
        let digests = Digests::new();
        let known = tokens
            .into_iter()
            .filter(|(token, _)| !token.is_empty())
            .map(|(token, user)| (digests.of(&token), user))
            .collect();
        Self { digests, known }
    }

    /// The user of `token`, found in a time that tells nothing about the tokens there are.
    pub(in crate::authn) fn user(&self, token: &str) -> Result<User, TokenRejected> {
        let digest = self.digests.of(token);
        let mut found = None;
        for (known, user) in &self.known {
            if verify_slices_are_equal(known, &digest).is_ok() {
                found = Some(user);
            }
        }
        found.cloned().ok_or(TokenRejected::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        User {
            name: name.into(),
            ..User::default()
        }
    }

    #[test]
    fn each_token_has_its_user_and_others_have_none() {
        let tokens = FixedTokens::new([
            ("one".to_owned(), user("a")),
            ("two".to_owned(), user("b")),
            (String::new(), user("nobody")),
        ]);
        assert_eq!(tokens.user("one").unwrap().name, "a");
        assert_eq!(tokens.user("two").unwrap().name, "b");
        for wrong in ["", "on", "one ", "ones", "three"] {
            assert!(tokens.user(wrong).is_err(), "{wrong:?}");
        }
    }
}
