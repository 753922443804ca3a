//! What is looked up by a name at every field of every object: types, and fields of structs.

use std::cmp::Ordering;
use std::sync::Arc;

/// Values by their names, made once. A search of sorted names, the shorter ones first: most comparisons are of two lengths, so that one
/// costs less than the hash of a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table<T>(Vec<(Arc<str>, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        let index = self.find(name).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// Puts `value` under `name`, in the place of one that is there.
    pub(super) fn insert(&mut self, name: Arc<str>, value: T) {
        match self.find(&name) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (name, value)),
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(found, _)| compare(found, name))
    }
}

/// Of equal names the last one counts.
impl<T> FromIterator<(Arc<str>, T)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, T)>>(rows: I) -> Self {
        let mut rows: Vec<_> = rows.into_iter().collect();
        // Stable, so that the last one of a name comes first once they are turned around.
        rows.reverse();
        rows.sort_by(|(left, _), (right, _)| compare(left, right));
        rows.dedup_by(|(later, _), (first, _)| later == first);
        Self(rows)
    }
}

fn compare(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, usize)]) -> Table<usize> {
        rows.iter()
            .map(|(name, value)| ((*name).into(), *value))
            .collect()
    }

    #[test]
    fn each_name_is_found_and_no_other() {
        let names = ["spec", "a", "metadata", "status", "kind", "apiVersion", ""];
        let rows: Vec<_> = names.into_iter().zip(0..).collect();
        let made = table(&rows);
        let mut put = Table::default();
        for (name, value) in &rows {
            assert_eq!(made.get(name), Some(value));
            put.insert((*name).into(), *value);
        }
        assert_eq!(put, made);
        for absent in ["b", "spek", "metadata.", "apiversion"] {
            assert_eq!(made.get(absent), None);
        }
    }

    #[test]
    fn of_equal_names_the_last_one_counts() {
        let mut table = table(&[("a", 1), ("b", 2), ("a", 3), ("a", 4)]);
        assert_eq!(table.get("a"), Some(&4));
        table.insert("a".into(), 5);
        assert_eq!((table.get("a"), table.get("b")), (Some(&5), Some(&2)));
    }
}
