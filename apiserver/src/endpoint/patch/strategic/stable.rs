//! Go's `sort.SliceStable` where not every element has a place in the order: `normalizeSliceOrder` of k8s.io/apimachinery
//! calls an element without a place less than any other, and any other less than it, so that the result is what the
//! algorithm makes of it: insertion in blocks, and SymMerge (Kim and Kutzner, 2004) of these.

/// Elements that insertion sorts at once.
const BLOCK: usize = 20;

/// Sorts by places in an order; `None`: no place.
pub(super) fn sort<T>(list: &mut [(Option<usize>, T)]) {
    if list.iter().all(|(place, _)| place.is_some()) {
        list.sort_by_key(|(place, _)| *place);
        return;
    }
    list.chunks_mut(BLOCK).for_each(insert);
    let mut half = BLOCK;
    while half < list.len() {
        for pair in list.chunks_mut(2 * half) {
            merge(pair, half);
        }
        half *= 2;
    }
}

fn is_less<T>(one: &(Option<usize>, T), other: &(Option<usize>, T)) -> bool {
    match (one.0, other.0) {
        (Some(one), Some(other)) => one < other,
        _ => true,
    }
}

/// As [`is_less`], of two positions; false where there is none.
fn less<T>(list: &[(Option<usize>, T)], one: usize, other: usize) -> bool {
    match (list.get(one), list.get(other)) {
        (Some(one), Some(other)) => is_less(one, other),
        _ => false,
    }
}

fn insert<T>(block: &mut [(Option<usize>, T)]) {
    for sorted in 1..block.len() {
        let mut at = sorted;
        while at > 0 && less(block, at, at - 1) {
            block.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// The first number in a range for which `is_behind` does not hold.
fn search(mut low: usize, mut high: usize, is_behind: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low.midpoint(high);
        if is_behind(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Merges two sorted parts, of which the second begins at `middle`. Each call halves the list: the depth is its logarithm.
fn merge<T>(list: &mut [(Option<usize>, T)], middle: usize) {
    let end = list.len();
    if middle == 0 || middle >= end {
        return;
    }
    if middle == 1 {
        let to = search(1, end, |at| less(list, at, 0));
        rotate(list, 0, 1, to);
        return;
    }
    if end - middle == 1 {
        let to = search(0, middle, |at| !less(list, middle, at));
        rotate(list, to, middle, end);
        return;
    }
    let half = end / 2;
    let sum = half + middle;
    let (low, high) = if middle > half {
        (sum - end, half)
    } else {
        (0, middle)
    };
    let start = search(low, high, |at| !less(list, sum - 1 - at, at));
    rotate(list, start, middle, sum - start);
    let (left, right) = list.split_at_mut(half);
    merge(left, start);
    merge(right, (sum - start).saturating_sub(half));
}

/// Exchanges the parts before and behind `middle`.
fn rotate<T>(list: &mut [T], start: usize, middle: usize, end: usize) {
    if let Some(part) = list.get_mut(start..end)
        && let Some(by) = middle.checked_sub(start)
        && by <= part.len()
    {
        part.rotate_left(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(places: &[Option<usize>]) -> Vec<usize> {
        let mut list: Vec<_> = places.iter().copied().zip(0..).collect();
        sort(&mut list);
        list.into_iter().map(|(_, at)| at).collect()
    }

    #[test]
    fn elements_with_places_are_sorted_and_equal_ones_keep_their_order() {
        assert_eq!(sorted(&[Some(2), Some(1), Some(2), Some(0)]), [3, 1, 0, 2]);
    }

    #[test]
    fn elements_without_a_place_come_to_the_front_the_last_first() {
        assert_eq!(sorted(&[Some(0), None, None]), [2, 1, 0]);
        assert_eq!(sorted(&[None, Some(1), Some(0)]), [2, 1, 0]);
    }

    /// What Go 1.26 makes of it.
    #[test]
    fn blocks_are_merged_as_go_merges_them() {
        let places: Vec<Option<usize>> = (0..70).map(|n| (n % 11 != 5).then_some((n * 37) % 70)).collect();
        let of_go = [
            53, 55, 38, 36, 27, 21, 57, 49, 16, 5, 0, 19, 2, 4, 40, 23, 6, 59, 42, 25, 8, 61, 44, 10, 63, 46,
            29, 12, 65, 48, 31, 14, 67, 50, 33, 69, 52, 35, 18, 1, 54, 37, 20, 3, 56, 39, 22, 58, 41, 24, 7,
            43, 26, 9, 62, 45, 28, 11, 64, 47, 30, 13, 66, 32, 15, 68, 60, 51, 34, 17,
        ];
        assert_eq!(sorted(&places), of_go);
    }
}
