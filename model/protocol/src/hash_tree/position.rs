//! The order of a store's rows, which leaves cut into ranges.

use core::ops::{Bound, RangeInclusive};

use crate::ids::Key;
use crate::key_hash::{Purpose, number};

/// Where a key stands: 64 bits of its BLAKE3 hash.
///
/// It is the same on every node and for every shape. A store that orders its rows by position, and
/// by key where positions are equal, has the keys of any leaf in one contiguous range: see
/// [`TreeShape::leaf_range`](super::TreeShape::leaf_range).
///
/// The hash is not the ring's. Keys with the same homes lie on a few arcs of the ring; with the
/// ring's positions they would crowd in the few leaves that those arcs cover.
#[must_use]
pub fn key_position(key: &Key) -> u64 {
    number(Purpose::RowPosition.hasher().update(&key.0))
}

/// A row's place among the rows of a store: a key's position, then the key.
pub type RowPlace = (u64, Key);

/// The place of a key's row.
#[must_use]
pub fn row_place(key: &Key) -> RowPlace {
    (key_position(key), key.clone())
}

/// The places of the rows at these positions, of those only that come after the row of `after`;
/// `None` where there can be none.
///
/// The bounds are fit for an ordered map: the lower one is below the upper one.
#[must_use]
pub fn rows_within(
    positions: RangeInclusive<u64>,
    after: Option<&Key>,
) -> Option<(Bound<RowPlace>, Bound<RowPlace>)> {
    if positions.is_empty() {
        return None;
    }
    let first = |position| (position, Key::from(""));
    let start = *positions.start();
    let upper = positions.end().checked_add(1).map(first);
    let lower = match after.map(row_place) {
        Some(after) if upper.as_ref().is_some_and(|upper| after >= *upper) => return None,
        Some(after) if after.0 >= start => Bound::Excluded(after),
        _ => Bound::Included(first(start)),
    };
    Some((lower, upper.map_or(Bound::Unbounded, Bound::Excluded)))
}

#[cfg(test)]
mod tests {
    use core::ops::RangeBounds;

    use super::*;

    #[test]
    fn positions_are_the_same_in_every_release() {
        assert_eq!(
            key_position(&Key::from("apple")),
            6_904_924_980_228_139_395,
            "the rows of every store moved"
        );
    }

    #[test]
    fn bounds_hold_exactly_the_rows_at_the_positions_that_come_after_the_key() {
        let keys = ["", "a", "b", "c", "\0"].map(Key::from);
        let mut positions = keys.clone().map(|key| key_position(&key)).to_vec();
        positions.extend([0, u64::MAX]);
        for (start, end) in itertools::iproduct!(&positions, &positions) {
            for after in keys.iter().map(Some).chain([None]) {
                let bounds = rows_within(*start..=*end, after);
                for key in &keys {
                    let place = row_place(key);
                    let within = (*start..=*end).contains(&place.0)
                        && after.is_none_or(|after| place > row_place(after));
                    let found = bounds.as_ref().is_some_and(|bounds| bounds.contains(&place));
                    assert_eq!(found, within, "{key} in {start}..={end} after {after:?}");
                }
            }
        }
    }
}
