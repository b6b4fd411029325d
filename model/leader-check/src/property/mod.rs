//! What must hold. Each property is one module: its statement, its non-vacuity witness, and its memory.

pub(crate) mod both_sides_acknowledge;
mod compared_logs;
pub(crate) mod consistent_prefix;
mod convergence;
pub(crate) mod exactly_once;
pub(crate) mod leader_completeness;
pub mod linearizable;
mod log_matching;
mod log_of_reigns;
pub(crate) mod monotonic_reads;
pub(crate) mod no_lost_write;
pub(crate) mod one_acting_leader;
pub(crate) mod one_leader_per_epoch;
mod order;
mod progress;
pub(crate) mod read_your_writes;
mod state_machine_safety;
pub(crate) mod unique_ids;
pub(crate) mod write_acknowledged;

use quorate_checker::world::Property;

use crate::history::Memory;
use crate::leader_based::{ClusterState, LeaderBased};

/// All of them, in the order in which they are shown.
#[must_use]
pub fn all() -> Vec<Property<LeaderBased>> {
    vec![
        no_lost_write::property().stated(no_lost_write::STATEMENT),
        one_leader_per_epoch::property().stated(one_leader_per_epoch::STATEMENT),
        one_acting_leader::property().stated(one_acting_leader::STATEMENT),
        log_matching::property().stated(log_matching::STATEMENT),
        leader_completeness::property().stated(leader_completeness::STATEMENT),
        state_machine_safety::property().stated(state_machine_safety::STATEMENT),
        linearizable::property().stated(linearizable::STATEMENT),
        read_your_writes::property().stated(read_your_writes::STATEMENT),
        monotonic_reads::property().stated(monotonic_reads::STATEMENT),
        consistent_prefix::property().stated(consistent_prefix::STATEMENT),
        exactly_once::property().stated(exactly_once::STATEMENT),
        unique_ids::property().stated(unique_ids::STATEMENT),
        convergence::property().stated(convergence::STATEMENT),
        progress::property().stated(progress::STATEMENT),
        write_acknowledged::property().stated(write_acknowledged::STATEMENT),
        both_sides_acknowledge::property().stated(both_sides_acknowledge::STATEMENT),
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
