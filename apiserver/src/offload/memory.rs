//! The memory that large requests share.
//!
//! A request first holds what its body takes, then what the stored object takes, from two different shares: whoever waits
//! for the second waits only for those who have it, and they for nobody.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::status::ApiError;

/// The unit that is counted: permits of a semaphore are fewer than bytes.
const UNIT: usize = 1024;
/// What takes less is not counted: small requests wait for no large ones.
const UNCOUNTED: usize = 256 * 1024;

/// How often the object of a body is in memory at once: as it was read, as the type writes it, and converted.
const OF_BODY: usize = 3;
/// Quarters of the share that one object may have: the sets of fields that its manager has take as much again.
const OF_ONE: usize = 3;
/// How often a stored one is: as it is, and with what is changed.
const OF_STORED: usize = 2;

/// The memory for decoded objects.
#[derive(Debug)]
pub(crate) struct Memory {
    bodies: Share,
    stored: Share,
}

#[derive(Debug)]
struct Share {
    bytes: usize,
    free: Arc<Semaphore>,
}

impl Share {
    fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT).clamp(1, u32::MAX as usize);
        Self {
            bytes,
            free: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Waits for so many bytes; who wants more than there are has all.
    async fn hold(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        if bytes < UNCOUNTED {
            return None;
        }
        let units = bytes.min(self.bytes).div_euclid(UNIT).max(1);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        // The semaphore is never closed; if it were, the work would be done all the same.
        Arc::clone(&self.free).acquire_many_owned(units).await.ok()
    }
}

impl Memory {
    /// So many bytes: two thirds for what is in bodies, one third for what is stored.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bodies: Share::new(bytes / 3 * 2),
            stored: Share::new(bytes / 3),
        }
    }

    /// Waits for what the object of a body takes that is so heavy decoded, and `more`.
    ///
    /// # Errors
    /// 413: the object alone takes more than there is.
    pub(super) async fn for_body(
        &self,
        weight: usize,
        more: usize,
    ) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let most = self.bodies.bytes / 4 * OF_ONE;
        if weight > most.max(UNCOUNTED) {
            return Err(ApiError::RequestEntityTooLarge(format!(
                "the body may take {} MiB of memory once it is decoded, and this server has {} MiB for it",
                weight >> 20,
                most >> 20
            )));
        }
        Ok(self
            .bodies
            .hold(weight.saturating_mul(OF_BODY).saturating_add(more))
            .await)
    }

    /// Waits for what a stored object takes that is so heavy decoded.
    pub(crate) async fn for_stored(&self, weight: usize) -> Option<OwnedSemaphorePermit> {
        self.stored.hold(weight.saturating_mul(OF_STORED)).await
    }

    /// Bytes that copies within one object may take.
    pub(super) fn copies(&self) -> usize {
        (self.bodies.bytes / 8).max(UNCOUNTED)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn memory() -> Memory {
        Memory::new(90 * MIB)
    }

    async fn body(memory: &Memory, weight: usize) -> Result<Option<OwnedSemaphorePermit>, u16> {
        memory
            .for_body(weight, 0)
            .await
            .map_err(|error| error.status().code)
    }

    #[tokio::test]
    async fn bodies_share_what_there_is() {
        let memory = memory();
        let first = body(&memory, 10 * MIB).await.unwrap();
        let second = body(&memory, 10 * MIB).await.unwrap();
        let mut third = Box::pin(body(&memory, MIB));
        assert!((&mut third).now_or_never().is_none(), "60 MiB are held");
        // What is small waits for nobody.
        assert!(body(&memory, 50_000).now_or_never().is_some());
        drop(first);
        assert!(third.now_or_never().is_some());
        drop(second);
    }

    #[tokio::test]
    async fn who_needs_nearly_all_is_alone_and_who_needs_more_is_refused() {
        let memory = memory();
        let alone = body(&memory, 45 * MIB).await.unwrap();
        assert!(body(&memory, MIB).now_or_never().is_none());
        drop(alone);
        assert_eq!(body(&memory, 45 * MIB + 1).await.unwrap_err(), 413);
        assert!(body(&memory, MIB).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_holds_bodies_and_waits_for_stored_objects_waits_for_nobody_who_waits() {
        let memory = memory();
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(body(&memory, 3 * MIB).await.unwrap());
        }
        let stored = memory.for_stored(1000 * MIB).await;
        assert!(memory.for_stored(MIB).now_or_never().is_none());
        drop(stored);
        assert!(memory.for_stored(MIB).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_server_with_next_to_no_memory_works() {
        let memory = Memory::new(0);
        assert!(body(&memory, 200_000).await.is_ok());
        let _held = memory.for_stored(10 * MIB).await;
    }
}
