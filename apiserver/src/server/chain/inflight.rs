//! How many requests run at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::gauge::Gauge;

use crate::request::{RequestInfo, User, Verb};

/// Places for requests that run at once; 0: as many as come.
#[derive(Debug)]
pub(in crate::server) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    taken: AtomicUsize,
    gauge: Gauge,
}

/// A place that is taken, up to the last byte of the answer.
#[derive(Debug)]
pub(in crate::server) struct Permit(Arc<Inner>);

impl Places {
    /// So many; `gauge` shows how many are taken.
    pub(in crate::server) fn new(most: usize, gauge: Gauge) -> Self {
        Self(Arc::new(Inner {
            most,
            taken: AtomicUsize::new(0),
            gauge,
        }))
    }

    fn take(&self) -> Option<Permit> {
        let inner = &self.0;
        let was = inner.taken.fetch_add(1, Ordering::AcqRel);
        inner.gauge.inc();
        let permit = Permit(Arc::clone(inner));
        (inner.most == 0 || was < inner.most).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.gauge.dec();
    }
}

/// The places of a server, for those who read and for those who write.
#[derive(Debug)]
pub(in crate::server) struct Limits {
    pub(in crate::server) reading: Places,
    pub(in crate::server) writing: Places,
}

/// What a request gets.
#[derive(Debug)]
pub(super) enum Admittance {
    /// A place.
    Place(Permit),
    /// It needs none: a watch holds one for hours, and an administrator must come in when it is full.
    Exempt,
    /// It must come again.
    Full,
}

impl Limits {
    pub(super) fn admit(&self, info: &RequestInfo, user: &User) -> Admittance {
        if super::deadline::is_long_running(info) || user.is_in(User::MASTERS) {
            return Admittance::Exempt;
        }
        let is_reading = matches!(info.verb, Verb::Get | Verb::List | Verb::Watch);
        let places = if is_reading { &self.reading } else { &self.writing };
        places.take().map_or(Admittance::Full, Admittance::Place)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn info(method: Method, url: &str) -> RequestInfo {
        RequestInfo::parse(&method, &url.parse().unwrap()).unwrap()
    }

    fn limits(most: usize) -> Limits {
        Limits {
            reading: Places::new(most, Gauge::default()),
            writing: Places::new(most, Gauge::default()),
        }
    }

    #[test]
    fn readers_and_writers_have_places_of_their_own() {
        let limits = limits(1);
        let user = User::anonymous();
        let get = info(Method::GET, "/apis/g/v/r/n");
        let put = info(Method::PUT, "/apis/g/v/r/n");
        let Admittance::Place(reading) = limits.admit(&get, &user) else {
            panic!("the first reader is let in");
        };
        assert!(matches!(limits.admit(&get, &user), Admittance::Full));
        assert!(matches!(limits.admit(&put, &user), Admittance::Place(_)));
        drop(reading);
        assert!(matches!(limits.admit(&get, &user), Admittance::Place(_)));
        assert_eq!(limits.reading.0.gauge.get(), 0);
    }

    #[test]
    fn watches_and_administrators_need_no_place() {
        let limits = limits(1);
        let root = User {
            groups: vec![User::MASTERS.into()],
            ..User::default()
        };
        let get = info(Method::GET, "/apis/g/v/r/n");
        let _taken = limits.admit(&get, &User::anonymous());
        assert!(matches!(limits.admit(&get, &root), Admittance::Exempt));
        let watch = info(Method::GET, "/apis/g/v/r?watch=1");
        assert!(matches!(
            limits.admit(&watch, &User::anonymous()),
            Admittance::Exempt
        ));
    }

    #[test]
    fn no_number_is_no_limit() {
        let limits = limits(0);
        let get = info(Method::GET, "/");
        let taken: Vec<_> = (0..1000)
            .map(|_| limits.admit(&get, &User::anonymous()))
            .collect();
        assert!(taken.iter().all(|place| matches!(place, Admittance::Place(_))));
    }
}
