//! How refusals call things: as scenarios do, but for clients, who have ids drawn at random and no names.

use std::fmt;

use quorate_checker::world::Words;
use quorate_ids::NodeId;

use super::cluster::Cluster;
use crate::kinds::{Alarm, Packet};
use crate::leader_based::LeaderBased;
use crate::setting;

/// The words of a scenario with these nodes.
pub struct TraceWords(LeaderBased);

impl fmt::Debug for TraceWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceWords")
    }
}

impl TraceWords {
    pub(super) fn new(cluster: &Cluster) -> Result<Self, String> {
        let text = format!(
            "title = \"What was traced\"\nnodes = {:?}\n[protocol]\nname = \"leader\"\nreplication = \"majority\"\n\
             election = \"raft\"\nclients = []\n[expect]\n",
            cluster.nodes
        );
        let scenario = setting::parse("traces", &text).map_err(|error| error.to_string())?;
        Ok(TraceWords(LeaderBased::new(scenario)))
    }
}

impl Words<LeaderBased> for TraceWords {
    fn node(&self, node: NodeId) -> String {
        self.0.node(node)
    }

    fn message(&self, packet: &Packet) -> String {
        self.0.message(packet)
    }

    fn timer(&self, alarm: Alarm) -> String {
        self.0.timer(alarm)
    }

    fn command(&self, node: NodeId, (): &()) -> String {
        format!("{} is promoted", self.node(node))
    }
}
