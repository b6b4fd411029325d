//! A node of the leaderless protocol under the checker.

use quorate_checker::Shared;
use quorate_protocol::planted;

use super::state::{ActorState, ClusterState, NodeState};
use crate::ids::Timestamp;
use crate::protocol::{Input, NodeConfig, Step};
use crate::scenario::Scenario;
use crate::versions::Versioning;

/// Takes one step: the protocol's transition with its changes applied.
pub fn step(node: &mut NodeState, config: &NodeConfig, input: Input) -> Step {
    let Ok(mut step) = node.replica.step(config, &node.store, node.clock, input);
    if planted!(config.cluster, AckBeforeDurable) {
        node.synced = Some(alloc::boxed::Box::new(node.store.clone()));
    }
    node.store.apply(step.changes.iter().cloned());
    step.changes.shrink_to_fit();
    step
}

/// Time passes at every node, where anyone looks at clocks: one tick per client operation,
/// so that what a client starts later is later.
pub(crate) fn tick(scenario: &Scenario, state: &mut ClusterState) {
    if scenario.spec.versioning != Versioning::LastWriteWins {
        return;
    }
    for seat in &mut state.seats {
        let mut ticked = (**seat).clone();
        if let ActorState::Node(node) = &mut ticked.state {
            node.clock = Timestamp(node.clock.0 + 1);
            *seat = Shared::new(ticked);
        }
    }
}
