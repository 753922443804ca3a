//! Who may go on, and who waits: seats that are shared fairly between flows, and rates. What Kubernetes has in
//! k8s.io/apiserver/pkg/util/flowcontrol and k8s.io/client-go/util/flowcontrol.
//!
//! It knows nothing of HTTP: requests to this server take seats of it, and so do questions to the cluster's apiserver.

mod queue_set;
mod rate;

pub(crate) use queue_set::{Admitted, Gauges, Limits, QueueSet, Rejected, Seat};
pub(crate) use rate::RateLimiter;
