//! What must hold, judged on history variables, and what should be reachable.
//!
//! A property is one module. It says when it is violated, when it was put to the test, and, in one
//! sentence, why it is violated in a state; and what it must remember of what happened, if anything:
//! its `Memory`, a part of the ghost history that is kept where the property is judged. What several
//! need to know is in the [ledger](super::history::Ledger). To add a property is to add its module,
//! and its line in the list below.

#[macro_use]
mod list;

mod covered;
mod ended;
mod goal;
mod held;
mod memory;
mod on_traces;
mod promises;
mod reads;
mod sessions;
mod spec;
mod versions_counted;
mod wording;

mod concurrent_writes_share_no_replica;
mod context_pruned;
mod convergence;
mod entries_bounded;
mod failed_write_invisible;
mod hint_kept;
mod hint_safety;
mod key_resolvable;
mod minted_once;
mod monotonic_reads;
mod monotonic_writes;
mod more_siblings_than_clients;
mod no_lost_write;
mod no_resurrection;
mod overlapping_write_missed;
mod overlapping_write_seen;
mod progress;
mod quorum_overlap;
mod read_answered;
mod read_freshness;
mod read_unavailable;
mod read_your_writes;
mod refused_write_absent;
mod session_guarantees;
mod session_monotonic_reads;
mod session_turns_away;
mod siblings;
mod tombstone_reaped;
mod true_siblings;
mod unique_dots;
mod write_acknowledged;
mod write_unavailable;

use crate::check::history::{Base, Happening, Historian};
use crate::check::symmetry::Permutation;
use memory::Remembers;

pub use goal::Goal;
pub use on_traces::{Judging, OnTraces, Promiser};
pub(crate) use on_traces::{LostDisks, Tested, Weakest};
pub use promises::{Circumstances, Promise};
pub use quorate_checker::world::Expected;
pub use spec::{Condition, Explanation, Nodes, PropertyKind, PropertySpec, View, Witness};

properties! {
    read_freshness,
    no_lost_write,
    monotonic_reads,
    read_your_writes,
    monotonic_writes,
    true_siblings,
    unique_dots,
    minted_once,
    key_resolvable,
    quorum_overlap,
    failed_write_invisible,
    no_resurrection,
    hint_safety,
    entries_bounded,
    siblings,
    more_siblings_than_clients,
    write_acknowledged,
    write_unavailable,
    hint_kept,
    tombstone_reaped,
    context_pruned,
    read_answered,
    read_unavailable,
    overlapping_write_seen,
    overlapping_write_missed,
    concurrent_writes_share_no_replica,
    convergence,
    progress,
    refused_write_absent,
    session_monotonic_reads,
    session_guarantees,
    session_turns_away,
}
