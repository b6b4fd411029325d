//! What accepted traces showed.

use serde::Serialize;

use super::network::MessageCounts;

/// What accepted traces showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Steps of nodes and clients that were replayed.
    pub events: u64,
    /// The same steps by what happened in them, and the crashes that starts tell of, in the words
    /// of the checker. Every kind that the traces can show is here, also one that never happened.
    pub actions: Vec<ActionCount>,
    /// A line per node of the cluster, in order.
    pub nodes: Vec<NodeReport>,
    /// What the clients did.
    pub clients: ClientReport,
    /// What became of the messages.
    pub messages: MessageCounts,
    /// A line per property.
    pub properties: Vec<PropertyReport>,
    /// Keys of which the properties were judged from beginning to end. A protocol without keys has one.
    pub keys_judged: usize,
    /// Keys of which they were not, or not to the end, and why.
    pub keys_not_judged: Vec<UnjudgedKey>,
    /// Files that end in half a line, which a killed process left.
    pub torn: Vec<String>,
}

impl Report {
    /// How many disks were lost.
    #[must_use]
    pub fn lost_disks(&self) -> u64 {
        self.nodes.iter().map(|node| node.lost_disks).sum()
    }

    /// Whether no property that is promised was ever put to the test: then the traces were replayed,
    /// but nothing was judged, and that they were accepted says nothing of what clients saw.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        self.properties.iter().all(|property| property.occasions_promised == 0)
    }
}

/// How often something happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ActionCount {
    /// What: the checker's name for it.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// What one node did.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// Whether there is a trace of it.
    pub traced: bool,
    /// Its steps, with those that a crash cut off.
    pub steps: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// How often of these, or when it was first started, it said that its disk was lost.
    pub lost_disks: u64,
    /// Steps that a crash cut off before they were durable.
    pub cut_off: u64,
}

/// What the clients did that have traces.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct ClientReport {
    /// How many there are.
    pub clients: usize,
    /// Their steps.
    pub steps: u64,
    /// Reads they started.
    pub reads: u64,
    /// Writes and deletes they started.
    pub writes: u64,
    /// Reads that were answered.
    pub reads_answered: u64,
    /// Writes that were acknowledged.
    pub writes_acknowledged: u64,
    /// Operations that were refused.
    pub refused: u64,
    /// Operations whose client was told that they are unavailable, or nothing.
    pub unavailable: u64,
}

/// How a property did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct PropertyReport {
    /// Its name.
    pub name: &'static str,
    /// How many of the judged keys have it promised, by the configuration and the quorums that
    /// were asked for. Had one of them broken it, the traces would have been refused.
    pub keys_promised: usize,
    /// How often it was put to the test.
    pub occasions: u64,
    /// How often of these on a key that has it promised.
    pub occasions_promised: u64,
    /// What an occasion is, in the plural.
    pub occasion: &'static str,
    /// How often it was broken on keys that do not have it promised: occasions for reads, keys
    /// for what is judged on states.
    pub broken: u64,
}

/// A key that was not judged, or not to the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UnjudgedKey {
    /// Which.
    pub key: String,
    /// Why, in words.
    pub reason: String,
}
