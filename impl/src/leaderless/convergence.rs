//! Whether a cluster that nobody writes to has converged, by what its nodes say of themselves.

use std::collections::BTreeMap;

use quorate_model::converged::{self, NodeSays, Obstacle};
use quorate_model::ids::{NodeId, NodeSet};

use super::NodeStatus;
use crate::config::ClusterFile;

/// What is still missing until all homes of every key hold the same, a line each: nothing, if the cluster has
/// [converged](quorate_model::converged).
#[must_use]
pub fn obstacles(cluster: &ClusterFile, statuses: &BTreeMap<NodeId, NodeStatus>) -> Vec<String> {
    let says = |(node, status): (&NodeId, &NodeStatus)| (*node, says(status));
    let said = statuses.iter().map(says).collect();
    let name = |node: NodeId| cluster.cluster.name(node);
    let told = |obstacle: &Obstacle| match *obstacle {
        Obstacle::Silent(node) => format!("{} does not answer", name(node)),
        Obstacle::CatchingUp(node) => catching_up(cluster, statuses, node).unwrap_or_default(),
        Obstacle::Oversized { node, count } => format!(
            "{} holds {count} keys whose states are larger than its message_bytes_max and cannot \
             be sent",
            name(node)
        ),
        Obstacle::Hints { holder, home, count } => {
            format!("{} holds {count} hints for {}", name(holder), name(home))
        }
        Obstacle::Differ(homes) => {
            let homes: Vec<_> = homes.iter().map(name).collect();
            format!("{} hold different states of their keys", homes.join(", "))
        }
    };
    converged::obstacles(&cluster.cluster, &said).iter().map(told).collect()
}

fn says(status: &NodeStatus) -> NodeSays {
    let ranges = status.ranges.as_ref();
    NodeSays {
        is_catching_up: status.is_catching_up,
        oversized: status.oversized,
        hints: status.hints.iter().map(|hints| (hints.home, hints.count)).collect(),
        ranges: ranges.map(|ranges| ranges.iter().map(|one| (one.homes, one.digest)).collect()),
    }
}

/// That a node catches up, if it does, and what it waits for.
#[must_use]
pub fn catching_up(
    cluster: &ClusterFile,
    statuses: &BTreeMap<NodeId, NodeStatus>,
    node: NodeId,
) -> Option<String> {
    let status = statuses.get(&node).filter(|status| status.is_catching_up)?;
    let name = |node: NodeId| cluster.cluster.name(node);
    let listed = |nodes: NodeSet| nodes.iter().map(name).collect::<Vec<_>>().join(", ");
    let is_lost = |home: &NodeId| statuses.get(home).is_some_and(|home| home.is_catching_up);
    let mut text = format!("{} is catching up", name(node));
    let Some(worst) = status.awaited.iter().max_by_key(|awaited| {
        let can_tell = awaited.from.iter().filter(|home| !is_lost(home)).count();
        (awaited.missing as usize).saturating_sub(can_tell)
    }) else {
        return Some(text);
    };
    let lost: NodeSet = worst.from.iter().filter(is_lost).collect();
    let others: NodeSet = worst.from.iter().filter(|home| !is_lost(home)).collect();
    let (missing, unanswered) = (worst.missing, worst.unanswered);
    let told = (missing > 0).then(|| format!("{missing} of {}", listed(worst.from)));
    let answered = (unanswered.len() > missing as usize)
        .then(|| format!("an answer of {}", listed(unanswered)));
    let waits_for: Vec<_> = told.into_iter().chain(answered).collect();
    let (homes, waits_for) = (listed(worst.range), waits_for.join(", and for "));
    text += &format!(": of the keys of {homes}, it waits for {waits_for}");
    if others.len() < worst.missing as usize {
        text += &format!(
            ", but {} catch up too, so that this never ends; `quorate accept-loss --node {}` ends \
             it, at the price of what only they held",
            listed(lost),
            name(node)
        );
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use quorate_model::hash_tree::SetHash;

    use super::*;
    use crate::config::{Template, TemplateNode};
    use crate::leaderless::{Awaited, HintsFor, RangeStatus};

    const NODES: [NodeId; 3] = [NodeId(0), NodeId(1), NodeId(2)];

    fn cluster() -> ClusterFile {
        let node = |port: u16| TemplateNode::new(format!("n{port}"), ([127, 0, 0, 1], port));
        let nodes = [1, 2, 3].map(node).to_vec();
        let template = Template { sloppy: true, ..Template::new(nodes) };
        ClusterFile::parse(Path::new("cluster.toml"), &template.render()).unwrap()
    }

    fn status(digest: u64) -> NodeStatus {
        let homes = NODES.into_iter().collect();
        let ranges = Some(vec![RangeStatus { homes, digest: SetHash(digest) }]);
        NodeStatus { ranges, ..NodeStatus::default() }
    }

    fn obstacles_of(statuses: [Option<NodeStatus>; 3]) -> Vec<String> {
        let statuses = NODES.into_iter().zip(statuses);
        let statuses = statuses.filter_map(|(node, status)| Some((node, status?))).collect();
        obstacles(&cluster(), &statuses)
    }

    #[test]
    fn nothing_is_missing_where_all_answer_and_agree() {
        assert_eq!(obstacles_of([7, 7, 7].map(|digest| Some(status(digest)))), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let hints = vec![HintsFor { home: NODES[2], count: 4, pending_ms: 0 }];
        let busy = NodeStatus { hints, is_catching_up: true, oversized: 2, ..status(8) };
        assert_eq!(
            obstacles_of([Some(status(7)), Some(busy), None]),
            [
                "n2 is catching up",
                "n2 holds 2 keys whose states are larger than its message_bytes_max and cannot be \
                 sent",
                "n2 holds 4 hints for n3",
                "n3 does not answer",
                "n1, n2, n3 hold different states of their keys",
            ]
        );
    }

    #[test]
    fn nodes_that_wait_for_each_other_are_told_apart_from_those_that_are_being_told() {
        let set = |nodes: &[usize]| nodes.iter().map(|index| NODES[*index]).collect();
        let waiting = |from: &[usize], missing| {
            let (range, from) = (set(&[0, 1, 2]), set(from));
            let awaited = Awaited { range, from, missing, unanswered: from };
            NodeStatus { is_catching_up: true, awaited: vec![awaited], ..status(7) }
        };
        let told = [Some(waiting(&[1, 2], 2)), Some(status(7)), Some(status(7))];
        assert_eq!(
            obstacles_of(told),
            ["n1 is catching up: of the keys of n1, n2, n3, it waits for 2 of n2, n3"]
        );
        let each_other = [Some(waiting(&[1], 1)), Some(waiting(&[0], 1)), Some(status(7))];
        assert_eq!(
            obstacles_of(each_other)[0],
            "n1 is catching up: of the keys of n1, n2, n3, it waits for 1 of n2, but n2 catch up \
             too, so that this never ends; `quorate accept-loss --node n1` ends it, at the price of \
             what only they held"
        );
    }

    #[test]
    fn a_node_that_has_been_told_enough_and_waits_for_an_answer_says_so() {
        let set = |nodes: &[usize]| nodes.iter().map(|index| NODES[*index]).collect();
        let lost = || NodeStatus { is_catching_up: true, ..status(7) };
        let waiting = |missing, unanswered: &[usize]| {
            let (range, from, unanswered) = (set(&[0, 1, 2]), set(&[1, 2]), set(unanswered));
            let awaited = vec![Awaited { range, from, missing, unanswered }];
            let waits = NodeStatus { awaited, ..lost() };
            obstacles_of([Some(waits), Some(lost()), Some(status(7))])[0].clone()
        };
        assert_eq!(
            waiting(1, &[1, 2]),
            "n1 is catching up: of the keys of n1, n2, n3, it waits for 1 of n2, n3, and for an answer \
             of n2, n3"
        );
        assert_eq!(
            waiting(0, &[1]),
            "n1 is catching up: of the keys of n1, n2, n3, it waits for an answer of n2"
        );
    }

    #[test]
    fn a_node_that_does_not_say_what_it_holds_is_not_taken_to_agree() {
        let silent = NodeStatus { ranges: None, ..status(0) };
        assert_eq!(obstacles_of([7, 7, 7].map(|_| Some(silent.clone()))).len(), 1);
    }
}
