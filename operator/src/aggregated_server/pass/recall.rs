//! The first pass after a restart: where every endpoint serves the leaf that is recorded of the serving Secret, that is read later.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Pass, run::reader};
use crate::{
    aggregated_server::{
        certificates::{Remembered, ServingRecord, published},
        dereference::ReadError,
        endpoints::Presented,
        prober::question::Questions,
    },
    pki::Certificate,
};

impl Pass<'_> {
    /// Takes the `record` for what the Secret holds where the endpoints bear it out, and reads the Secret where they do not.
    pub(super) async fn recall(&mut self, record: &ServingRecord) -> Result<(), ReadError> {
        self.surroundings.serving = self.borne_out(record).await.map(Arc::new);
        if self.surroundings.serving.is_none() {
            let reader = reader(self.ctx, self.server, &self.names);
            self.surroundings.serving_secret = reader.serving_secret().await?;
        }
        Ok(())
    }

    async fn borne_out(&self, record: &ServingRecord) -> Option<Remembered> {
        let authority = self.surroundings.authority.as_ref()?;
        let published = published::authorities(&self.surroundings.own_api_services(&self.names));
        let bundle = authority
            .as_ref()
            .clone()
            .with_published(&published, &self.policy)
            .bundle();
        let presented = self.presented(&bundle).await?;
        let (at, jitter) = (Instant::now(), rand::random());
        Remembered::recorded(record, &presented, &bundle, &self.policy, at, jitter)
    }

    /// The one leaf that every endpoint presents, and `bundle` vouches for.
    async fn presented(&self, bundle: &[Certificate]) -> Option<Certificate> {
        let endpoints = self.endpoints();
        let questions = Questions::new(&self.policy.server_name, bundle, Vec::new(), None).at_once(true);
        let reports = self
            .ctx
            .prober
            .reports(
                &self.names.uid,
                &self.names.server,
                &endpoints.list,
                &questions,
                self.now,
            )
            .await;
        let mut leaf: Option<Certificate> = None;
        for report in reports.into_iter() {
            let proves = report.proves();
            let Presented { leaf: presented, .. } = report.handshake.ok().filter(|_| proves)?;
            if leaf.get_or_insert_with(|| presented.clone()).fingerprint != presented.fingerprint {
                return None;
            }
        }
        leaf
    }
}
