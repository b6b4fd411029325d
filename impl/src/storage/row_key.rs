//! The keys of rows as bytes: a key's position, big-endian, then the key, so that the order of the
//! bytes is the order of the places.

use std::ops::Bound;

use quorate_model::hash_tree::{RowPlace, row_place};
use quorate_model::ids::Key;

const POSITION_BYTES: usize = size_of::<u64>();

/// The key of the row of a key.
pub(super) fn encode(key: &Key) -> Vec<u8> {
    at(&row_place(key))
}

/// The key that a row is about; `None` if it is too short to be one's.
pub(super) fn decode(row_key: &[u8]) -> Option<Key> {
    let (_, key) = row_key.split_first_chunk::<POSITION_BYTES>()?;
    Some(Key(key.into()))
}

/// A bound on places as a bound on the keys of rows.
pub(super) fn bound(place: &Bound<RowPlace>) -> Bound<Vec<u8>> {
    place.as_ref().map(at)
}

/// The key of the row at this place.
pub(super) fn at((position, key): &RowPlace) -> Vec<u8> {
    [&position.to_be_bytes(), &*key.0].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places() -> impl Strategy<Value = RowPlace> {
        let positions = prop_oneof![any::<u64>(), 0..3_u64];
        (positions, prop::collection::vec(any::<u8>(), 0..3))
            .prop_map(|(position, key)| (position, Key(key.into())))
    }

    proptest! {
        #[test]
        fn bytes_are_ordered_as_places_are(one in places(), other in places()) {
            prop_assert_eq!(at(&one).cmp(&at(&other)), one.cmp(&other));
        }

        #[test]
        fn a_row_says_which_key_it_is_about(bytes: Vec<u8>) {
            let key = Key(bytes.into());
            prop_assert_eq!(decode(&encode(&key)), Some(key));
        }
    }

    #[test]
    fn bytes_too_few_for_a_position_are_no_row() {
        assert_eq!(decode(&[0; POSITION_BYTES - 1]), None);
    }
}
