//! What anti-entropy did here, by the home it was done with.

use std::collections::BTreeMap;
use std::time::Instant;

use quorate_model::cluster::ClusterConfig;
use quorate_model::ids::{NodeId, Peer};
use quorate_model::protocol::{Change, Input, Part};

use super::SyncsWith;

/// When this process last heard a message of anti-entropy from each other home, and how many keys
/// such messages changed. Volatile: after a restart it counts anew.
///
/// Every home begins a round with every other at its own interval, and one that finds nothing
/// different gets no answer. So what shows that two homes have compared is what arrived: once a
/// message of a round has, its receiver knows of every difference that the message can show.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Syncs {
    peers: BTreeMap<NodeId, WithPeer>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct WithPeer {
    heard: Option<Instant>,
    keys_repaired: u64,
}

impl Syncs {
    /// Nothing yet, of every other home that the node compares with: of none, where the cluster
    /// does without anti-entropy.
    #[must_use]
    pub fn new(node: NodeId, cluster: &ClusterConfig) -> Self {
        let ranges = cluster.ranges().iter().filter(|homes| homes.contains(node));
        let ranges = ranges.filter(|_| cluster.background().anti_entropy);
        let peers = ranges.flat_map(|homes| homes.without(node).iter());
        Syncs { peers: peers.map(|peer| (peer, WithPeer::default())).collect() }
    }

    /// Whose message of anti-entropy this input is; `None` if it is something else.
    #[must_use]
    pub fn sender(input: &Input) -> Option<NodeId> {
        let Input::Receive { from: Peer::Node(from), message } = input else { return None };
        match message.part() {
            Part::Exchange { .. } => Some(*from),
            Part::Request(_)
            | Part::Repair
            | Part::Handoff { .. }
            | Part::CatchUp { .. }
            | Part::Registration { .. }
            | Part::ReapRound { .. }
            | Part::ReapEnd => None,
        }
    }

    /// Takes note of such a message, and of what it changed here.
    pub fn follow(&mut self, sender: NodeId, changes: &[Change], now: Instant) {
        // The protocol ignores one that shares no keys with this node, and so does this.
        let Some(peer) = self.peers.get_mut(&sender) else { return };
        let repaired = changes.iter().filter(|change| matches!(change, Change::Entry { .. }));
        peer.heard = Some(now);
        peer.keys_repaired += repaired.count() as u64;
    }

    /// What is known of each home.
    #[must_use]
    pub fn describe(&self, now: Instant) -> Vec<SyncsWith> {
        let of = |(peer, WithPeer { heard, keys_repaired }): (&NodeId, &WithPeer)| {
            let since = |heard| now.saturating_duration_since(heard).as_millis() as u64;
            SyncsWith { peer: *peer, heard_ms: heard.map(since), keys_repaired: *keys_repaired }
        };
        self.peers.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use quorate_model::cluster::{Background, BytesMax, ClusterSpec};
    use quorate_model::ids::Key;
    use quorate_model::protocol::{Entry, Message};
    use quorate_model::versions::{Record, Versioning};

    use super::*;

    const NODES: [NodeId; 3] = [NodeId(0), NodeId(1), NodeId(2)];

    fn syncs(anti_entropy: bool) -> Syncs {
        let spec = ClusterSpec {
            nodes: ["n1", "n2", "n3"].map(String::from).to_vec(),
            n: 3,
            r: 2,
            w: 2,
            versioning: Default::default(),
            read_repair: Default::default(),
            speculative_retry: false,
            placement: Default::default(),
            tokens_per_node: 8,
            sloppy: false,
            background: Background { anti_entropy, ..Background::default() },
            client_fan_out: false,
            limits: BytesMax::default(),
            left: Vec::new(),
            deviations: Vec::new(),
        };
        Syncs::new(NODES[0], &spec.build().unwrap())
    }

    fn change(key: &str) -> Change {
        let state = Arc::new(Record::empty(Versioning::Dotted));
        Change::Entry { key: Key::from(key), entry: Entry::received(state) }
    }

    #[test]
    fn what_each_home_changed_is_counted_and_the_time_runs_from_its_last_message() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut syncs = syncs(true);
        syncs.follow(NODES[1], &[], at(10));
        syncs.follow(NODES[1], &[change("a"), change("b")], at(20));
        syncs.follow(NODES[1], &[change("a")], at(30));
        let [heard, silent] = [
            SyncsWith { peer: NODES[1], heard_ms: Some(70), keys_repaired: 3 },
            SyncsWith { peer: NODES[2], heard_ms: None, keys_repaired: 0 },
        ];
        assert_eq!(syncs.describe(at(100)), [heard, silent]);
    }

    #[test]
    fn a_node_that_shares_no_keys_is_not_counted_and_without_anti_entropy_nobody_is() {
        let now = Instant::now();
        for (mut syncs, stranger) in [(syncs(true), NODES[0]), (syncs(false), NODES[1])] {
            let before = syncs.clone();
            syncs.follow(stranger, &[change("a")], now);
            assert_eq!(syncs, before);
        }
        assert_eq!(syncs(false).describe(now), []);
    }

    #[test]
    fn only_messages_of_anti_entropy_between_nodes_count() {
        let states = || Message::SyncStates { states: Vec::new(), wanted: Vec::new() };
        let receive = |from, message| Syncs::sender(&Input::Receive { from, message });
        let state = Arc::new(Record::empty(Versioning::Dotted));
        let handoff = Message::Handoff { key: Key::from("a"), state };
        let client = Peer::Client(quorate_model::ids::ClientId(7));
        assert_eq!(receive(NODES[1].into(), states()), Some(NODES[1]));
        assert_eq!(receive(client, states()), None);
        assert_eq!(receive(NODES[1].into(), handoff), None);
    }
}
