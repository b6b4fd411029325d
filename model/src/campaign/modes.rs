//! What a scenario may have, beside faults, that makes protocol or rules do something else.

use crate::cluster::{PlacementSpec, Reaping};
use crate::protocol::{FanOut, ReadRepair};
use crate::scenario::{PlannedAction, PlannedOperation, Rounds, Scenario};
use crate::versions::Versioning;

/// Whether a scenario has a mode.
pub type HasMode = fn(&Scenario) -> bool;

/// Each mode by its name, with whether a scenario has it. A campaign fails if too few compared cases
/// have one.
pub const MODES: &[(&str, HasMode)] = &[
    ("node-driven", |scenario| scenario.fan_out == FanOut::NodeDriven),
    ("client-driven", |scenario| scenario.fan_out == FanOut::ClientDriven),
    ("speculative retry", |scenario| scenario.cluster.speculative_retry()),
    ("strict", |scenario| !scenario.cluster.sloppy()),
    ("sloppy", |scenario| scenario.cluster.sloppy()),
    ("sloppy by operation", |scenario| any(scenario, |one| one.sloppy.is_some())),
    ("quorum by operation", |scenario| any(scenario, |one| one.quorum.is_some())),
    ("without context", |scenario| {
        any(scenario, |one| matches!(one.action, PlannedAction::Put { with_context: false, .. }))
    }),
    ("handoff", |scenario| scenario.cluster.background().handoff),
    ("anti-entropy", |scenario| scenario.cluster.background().anti_entropy),
    ("read repair off", |scenario| scenario.cluster.read_repair() == ReadRepair::Off),
    ("read repair async", |scenario| scenario.cluster.read_repair() == ReadRepair::Async),
    ("read repair blocking", |scenario| scenario.cluster.read_repair() == ReadRepair::Blocking),
    ("tombstones kept", |scenario| reaping(scenario) == Reaping::Off),
    ("reaping agreed", |scenario| reaping(scenario) == Reaping::Agreed),
    ("reaping by age", |scenario| reaping(scenario) == Reaping::ByAge),
    ("dotted", |scenario| scenario.spec.versioning == Versioning::Dotted),
    ("server-clock", |scenario| scenario.spec.versioning == Versioning::ServerClock),
    ("client-clock", |scenario| scenario.spec.versioning == Versioning::ClientClock),
    ("scalar", |scenario| scenario.spec.versioning == Versioning::Scalar),
    ("last-write-wins", |scenario| scenario.spec.versioning == Versioning::LastWriteWins),
    ("clocks ahead", |scenario| scenario.clocks_ahead.iter().any(|ahead| *ahead > 0)),
    ("two keys", |scenario| !scenario.has_one_key()),
    ("on the ring", |scenario| scenario.spec.placement == PlacementSpec::Ring),
    ("a node that left", |scenario| !scenario.spec.left.is_empty()),
    ("a node down", |scenario| !scenario.down.is_empty() && !scenario.down_returns),
    ("a node down that returns", |scenario| !scenario.down.is_empty() && scenario.down_returns),
    ("split from the beginning", |scenario| {
        !scenario.partition.is_empty() && scenario.faults.partitions == 0
    }),
    ("some nodes faulty", |scenario| {
        scenario.faulty.iter().count() < scenario.cluster.nodes().len()
    }),
    ("shared identity", |scenario| {
        scenario.mints_as.iter().enumerate().any(|(index, node)| node.index() != index)
    }),
    ("deviations", |scenario| !scenario.spec.deviations.is_empty()),
    ("retries", |scenario| scenario.clients.iter().any(|client| client.attempts > 1)),
    ("turns", |scenario| scenario.turn_length.is_some()),
    ("rounds overlap", |scenario| scenario.rounds != Rounds::FEWEST),
];

fn any(scenario: &Scenario, has: impl Fn(&PlannedOperation) -> bool) -> bool {
    scenario.clients.iter().flat_map(|client| &client.operations).any(has)
}

fn reaping(scenario: &Scenario) -> Reaping {
    scenario.cluster.background().reaping
}
