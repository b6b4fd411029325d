//! What must hold. Each property is one module: its statement, its non-vacuity witness, and its memory.

pub(crate) mod both_sides_acknowledge;
pub(crate) mod consistent_prefix;
mod convergence;
pub(crate) mod exactly_once;
pub(crate) mod leader_completeness;
pub mod linearizable;
mod log_matching;
pub(crate) mod monotonic_reads;
pub(crate) mod no_lost_write;
pub(crate) mod one_acting_leader;
pub(crate) mod one_leader_per_epoch;
mod order;
pub(crate) mod read_your_writes;
pub(crate) mod unique_ids;
pub(crate) mod write_acknowledged;

use quorate_checker::world::Property;

use crate::history::Memory;
use crate::leader_based::{ClusterState, LeaderBased};

/// All of them, in the order in which they are shown.
#[must_use]
pub fn all() -> Vec<Property<LeaderBased>> {
    vec![
        no_lost_write::property(),
        one_leader_per_epoch::property(),
        one_acting_leader::property(),
        log_matching::property(),
        leader_completeness::property(),
        linearizable::property(),
        read_your_writes::property(),
        monotonic_reads::property(),
        consistent_prefix::property(),
        exactly_once::property(),
        unique_ids::property(),
        convergence::property(),
        write_acknowledged::property(),
        both_sides_acknowledge::property(),
    ]
}

/// A safety property that its memory alone judges.
fn of_memory<M: Memory + 'static>(
    of: impl Fn(&ClusterState) -> Option<&M> + Copy + Send + Sync + 'static,
    holds: impl Fn(&M) -> bool + Send + Sync + 'static,
    witness: impl Fn(&M) -> bool + Send + Sync + 'static,
) -> Property<LeaderBased> {
    Property::always(
        M::NAME,
        move |_, state| of(state).is_none_or(&holds),
        move |_, state| of(state).is_some_and(&witness),
    )
}
