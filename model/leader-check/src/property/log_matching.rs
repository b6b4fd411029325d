//! If two logs hold an entry of one epoch at one index, they are the same up to there (Ongaro and Ousterhout 2014).
//!
//! A base counts as the entry at its place. What is compacted is compared by what it came to.

use quorate_checker::world::Property;
use quorate_leader::names::Index;
use quorate_leader::store::MemoryStore;

use super::compared_logs::{epoch_at, is_same_up_to, pairs, rows_tell};
use crate::leader_based::LeaderBased;

/// The last index at which both hold an entry, or have their base, of one epoch.
fn last_match(one: &MemoryStore, other: &MemoryStore) -> Option<Index> {
    let last = one.last_position().index.min(other.last_position().index);
    (1..=last.0).rev().map(Index).find(|index| {
        let epochs = [one, other].map(|store| epoch_at(store, *index));
        epochs[0].is_some() && epochs[0] == epochs[1]
    })
}

pub(super) const STATEMENT: &str =
    "if two logs hold an entry of one epoch at one index, they are the same up to there";

pub(super) fn property() -> Property<LeaderBased> {
    Property::always(
        "log-matching",
        |protocol, state| {
            let rows_tell = rows_tell(protocol);
            let sessions = protocol.cluster().sessions;
            let is_same = |one, other, last| is_same_up_to(one, other, last, rows_tell, sessions);
            pairs(protocol, state).all(|(one, other)| {
                last_match(one, other).is_none_or(|last| is_same(one, other, last))
            })
        },
        // The witness: two logs share an entry and go on differently.
        |protocol, state| {
            pairs(protocol, state).any(|(one, other)| {
                last_match(one, other).is_some() && one.last_position() != other.last_position()
            })
        },
    )
}
