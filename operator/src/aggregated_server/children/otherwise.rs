//! Fields of children that others change where an apply does not reach, and that are made good by another write.

use kube::Resource;
use serde::Serialize;

use super::Children;
use crate::aggregated_server::pass_result::PassResult;

impl Children<'_> {
    /// Makes good what somebody does to a field of `object` by `write`, see [`crate::applier::Applier::make_good`].
    pub async fn make_good<K, E>(
        &self,
        object: &K,
        path: &str,
        write: impl Future<Output = Result<(), E>>,
        outcome: &mut PassResult,
    ) -> Result<bool, E>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        match self.desired(object, outcome) {
            Some(desired) => self.ctx.applier.make_good(&desired, path, write).await,
            None => Ok(false),
        }
    }

    /// Whether [`Children::make_good`] would do nothing about a field that is not as it should be, or was refused a while ago, which is
    /// told then.
    pub fn write_waits<K>(&self, object: &K, path: &str, outcome: &mut PassResult) -> bool
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let Some(desired) = self.desired(object, outcome) else {
            return true;
        };
        let known = self.ctx.applier.known(&desired);
        if let Some(finding) = self.refusal(&desired, known.as_deref()) {
            outcome.findings.push(finding);
            return true;
        }
        self.ctx.applier.field_waits(&desired, path)
    }

    /// Tells that a write of `object`, of another kind than an apply, failed, and takes note of it where it was refused.
    pub fn failed<K>(&self, object: &K, error: &kube::Error, outcome: &mut PassResult)
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let Some(desired) = self.desired(object, outcome) else {
            return;
        };
        let told = outcome.findings.len();
        outcome.failed(&desired.name().to_string(), error);
        if let Some(finding) = outcome.findings.get(told).cloned() {
            self.note_refusal(&desired, finding);
        }
    }
}
