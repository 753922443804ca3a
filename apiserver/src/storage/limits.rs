//! What the stores of this process have in common: limits, and where revisions start.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Revision, StorageError, ValueLimit};

/// The largest value of a store of this process.
pub(super) const VALUE_LIMIT: ValueLimit = ValueLimit {
    setting: "the store's largest value",
    bytes: Some(VALUE_BYTES),
};

/// In bytes: etcd's default limit of a request.
const VALUE_BYTES: usize = 3 << 19;

/// No revision starts beyond this: JavaScript and JSON parsers hold integers below 2^53 exactly, and the rest of them is
/// for counting on.
const LATEST_START: u64 = 1 << 52;

/// Refuses a value that is too large.
pub(super) fn check_size(value: &[u8]) -> Result<(), StorageError> {
    if value.len() > VALUE_BYTES {
        return Err(StorageError::ValueTooLarge {
            size: value.len(),
            limit: VALUE_LIMIT,
        });
    }
    Ok(())
}

/// Refuses a value of more bytes than this limit.
pub(super) fn check_size_within(value: &[u8], limit: ValueLimit) -> Result<(), StorageError> {
    if limit.bytes.is_some_and(|bytes| value.len() > bytes) {
        return Err(StorageError::ValueTooLarge {
            size: value.len(),
            limit,
        });
    }
    Ok(())
}

/// Where the revisions of a store that is made now start: at the clock, in microseconds. A store that takes another
/// one's place so begins behind it, as long as that one had less than a million writes a second.
pub(super) fn starting_revision() -> Revision {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = clock.map_or(0, |clock| u64::try_from(clock.as_micros()).unwrap_or(u64::MAX));
    Revision::new(micros.clamp(1, LATEST_START))
}

/// The same place in the order of keys, without a zero byte: no key has one, so that every key after the one text is
/// after the other.
pub(super) fn after_text(after: &str) -> &str {
    after.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_store_starts_at_the_clock_and_below_what_json_holds() {
        let start = starting_revision().get();
        // 2020 to 2112
        assert!((1_577_836_800_000_000..=1 << 52).contains(&start), "{start}");
    }

    #[test]
    fn a_value_may_have_as_many_bytes_as_the_limit() {
        assert!(check_size(&vec![0; VALUE_BYTES]).is_ok());
        assert!(matches!(
            check_size(&vec![0; VALUE_BYTES + 1]),
            Err(StorageError::ValueTooLarge { size, limit: VALUE_LIMIT }) if size == VALUE_BYTES + 1
        ));
    }
}
