//! No two nodes have applied different entries at one place (Ongaro and Ousterhout 2014, 5.4.3).
//!
//! Promised by Raft alone: an asynchronous leader applies what it discards once it is deposed.

use quorate_checker::world::Property;
use quorate_leader::names::Index;
use quorate_leader::store::MemoryStore;

use super::compared_logs::{epoch_at, is_same_up_to, pairs, rows_tell};
use crate::leader_based::LeaderBased;

/// Up to where both have applied their logs.
fn both_applied(one: &MemoryStore, other: &MemoryStore) -> Index {
    one.committed_index().min(other.committed_index())
}

/// The first place at which two nodes have applied different entries, or up to which what they have compacted differs.
fn differ_at(
    protocol: &LeaderBased,
    one: &MemoryStore,
    other: &MemoryStore,
    rows_tell: bool,
) -> Option<Index> {
    let through = both_applied(one, other);
    let base = one.base_position().index.max(other.base_position().index).min(through);
    let differs = |index: &Index| match (epoch_at(one, *index), epoch_at(other, *index)) {
        (Some(_), Some(_)) if *index > base => one.entry_at(*index) != other.entry_at(*index),
        (Some(one), Some(other)) => one != other,
        _ => false,
    };
    let entry = (1..=through.0).map(Index).find(differs);
    let sessions = protocol.cluster().sessions;
    let is_same = || is_same_up_to(one, other, through, rows_tell, sessions);
    entry.or_else(|| (!is_same()).then_some(base))
}

pub(super) const STATEMENT: &str = "no two nodes have applied different entries at one place";

pub(super) fn property() -> Property<LeaderBased> {
    let all_agree = |protocol: &LeaderBased, state: &_| {
        let rows_tell = rows_tell(protocol);
        pairs(protocol, state).find_map(|(one, other)| differ_at(protocol, one, other, rows_tell))
    };
    Property::always(
        "state-machine-safety",
        move |protocol, state| all_agree(protocol, state).is_none(),
        // The witness: two nodes have applied an entry at one place, and one of them holds more than it may apply.
        |protocol, state| {
            let holds_more =
                |store: &MemoryStore| store.last_position().index > store.committed_index();
            pairs(protocol, state).any(|(one, other)| {
                both_applied(one, other) > Index(0) && (holds_more(one) || holds_more(other))
            })
        },
    )
    .explained(move |protocol, state| {
        let index = all_agree(protocol, state)?;
        Some(format!("two nodes have applied different entries at {} or before", index.0))
    })
}
