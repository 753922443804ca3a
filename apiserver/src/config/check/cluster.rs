//! The cluster that says who somebody is and what they may.

use super::{Errors, given, path};
use crate::config::{Args, AuthenticationArgs, AuthorizationArgs, Cluster, Delegated};
use crate::request::User;
use crate::{authn, authz};

/// What the flags say about it.
pub(super) fn delegated(args: &Args, errors: &mut Errors) -> Cluster {
    Cluster::Delegated(Box::new(Delegated {
        authentication: authentication(&args.authentication, errors),
        authentication_kubeconfig: path(&args.authentication.authentication_kubeconfig),
        authorization: authorization(&args.authorization, errors),
        authorization_kubeconfig: path(&args.authorization.authorization_kubeconfig),
        kubeconfig: path(&args.process.kubeconfig),
    }))
}

fn authentication(args: &AuthenticationArgs, errors: &mut Errors) -> authn::Options {
    authn::Options {
        token_cache_ttl: errors.duration(
            "authentication-token-webhook-cache-ttl",
            args.authentication_token_webhook_cache_ttl,
        ),
        client_ca_file: path(&args.client_ca_file),
        request_header: authn::RequestHeaderOptions {
            client_ca_file: path(&args.requestheader_client_ca_file),
            username_headers: given(&args.requestheader_username_headers),
            uid_headers: given(&args.requestheader_uid_headers),
            group_headers: given(&args.requestheader_group_headers),
            extra_headers_prefix: given(&args.requestheader_extra_headers_prefix),
            allowed_names: given(&args.requestheader_allowed_names),
        },
        skip_lookup: args.authentication_skip_lookup,
        tolerate_lookup_failure: args.authentication_tolerate_lookup_failure,
    }
}

fn authorization(args: &AuthorizationArgs, errors: &mut Errors) -> authz::Options {
    authz::Options {
        authorized_ttl: errors.duration(
            "authorization-webhook-cache-authorized-ttl",
            args.authorization_webhook_cache_authorized_ttl,
        ),
        unauthorized_ttl: errors.duration(
            "authorization-webhook-cache-unauthorized-ttl",
            args.authorization_webhook_cache_unauthorized_ttl,
        ),
        always_allow_paths: given(&args.authorization_always_allow_paths),
        always_allow_groups: vec![User::MASTERS.into()],
        always_allow_readers: Vec::new(),
    }
}
