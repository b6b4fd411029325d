//! What a client says of a cluster that it asks, held against what the nodes hold.

#[path = "support/builtin.rs"]
mod builtin;

use std::collections::BTreeMap;
use std::sync::Arc;

use builtin::builtin;
use quorate_checker::{System, world};
use quorate_model::check::leaderless::Leaderless;
use quorate_model::check::search::shortest;
use quorate_model::check::state::NodeState;
use quorate_model::check::{ClusterModel, ClusterState, Goal};
use quorate_model::converged::{NodeSays, Obstacle, obstacles};
use quorate_model::forest::Forest;
use quorate_model::ids::NodeId;
use quorate_model::scenario::Scenario;

/// What a node says of itself when it is asked in this state.
fn says(scenario: &Scenario, id: NodeId, node: &NodeState) -> NodeSays {
    let cluster = &scenario.cluster;
    let ranges = cluster.ranges().iter().copied();
    let mut forest = Forest::new(id, cluster.limits().tree_shape, ranges);
    for (key, entry) in node.store.entries() {
        forest.follow(cluster, key, None, Some(entry.state.digest()));
    }
    let mut hints: BTreeMap<NodeId, u64> = BTreeMap::new();
    for (home, _, _) in node.store.hints() {
        *hints.entry(home).or_default() += 1;
    }
    let root = |range| Some((range, forest.tree(range)?.root()));
    NodeSays {
        is_catching_up: !node.replica.serves(),
        oversized: 0,
        hints: hints.into_iter().collect(),
        ranges: Some(forest.ranges().filter_map(root).collect()),
    }
}

/// What a client finds missing that asks all nodes in this state.
fn missing(scenario: &Scenario, state: &ClusterState) -> Vec<Obstacle> {
    let up = scenario.cluster.nodes().iter().filter(|node| !state.down.contains(**node));
    let said = up.map(|id| (*id, says(scenario, *id, state.node(*id)))).collect();
    obstacles(&scenario.cluster, &said)
}

/// Scenarios in which homes differ for a while: by loss, by hints, by a lost disk, by a partition.
const DIFFERING: &[&str] = &[
    "repair-only",
    "repair-and-anti-entropy",
    "sloppy-convergence",
    "disk-lost-serves",
    "context-pruned",
];

#[test]
fn where_a_client_finds_nothing_missing_all_homes_agree() {
    for name in DIFFERING {
        let scenario = builtin(name);
        let model = ClusterModel::new(Arc::new(scenario.clone()));
        let goal: world::Judged<Leaderless> = model.with_goals(&[Goal::Convergence]);
        let agree = |state: &ClusterState| goal.meets(0, state);
        let is_done = |state: &ClusterState| missing(&scenario, state).is_empty();
        let found = shortest(
            &model,
            &[
                &|state| is_done(state) && !agree(state),
                &|state| is_done(state) && !state.history.ledger().acknowledged().is_empty(),
                &|state| !is_done(state) && !agree(state),
            ],
            3_000_000,
        );
        assert!(!found.cut, "{name} is too large");
        let [wrong, done, differing] = &found.paths[..] else { panic!("three were wanted") };
        assert_eq!(*wrong, None, "{name}: a client is told that homes agree which do not");
        assert!(done.is_some(), "{name}: nobody is ever told so after a write");
        assert!(differing.is_some(), "{name}: homes never differ");
    }
}
