//! Scenarios that can be made, made simpler, and written down.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use itertools::Itertools;
use serde::Serialize;

use crate::check::property::{self, Expected, PropertyKind, PropertySpec};
use crate::cluster::Reaping;
use crate::deviation::Deviation;
use crate::protocol::{FanOut, ReadRepair};
use crate::scenario::file::{ScenarioError, parse};
use crate::scenario::{Faults, Rounds, Rule, Scenario};
use crate::versions::Versioning;

/// A set of nodes, the first of them the lowest bit.
pub type Nodes = u8;

const NODE_NAMES: [&str; 4] = ["A", "B", "C", "D"];
const CLIENT_NAMES: [&str; 3] = ["x", "y", "z"];

/// A scenario as it may be written down. Nothing says that the format takes it.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// How many nodes there are, at most four.
    pub nodes: usize,
    /// Homes of each key.
    pub n: usize,
    /// Replies a read gathers.
    pub r: usize,
    /// Acknowledgements a write gathers.
    pub w: usize,
    /// How versions are named.
    pub versioning: Versioning,
    /// What reads do about homes that are behind.
    pub read_repair: ReadRepair,
    /// Who asks the homes.
    pub fan_out: FanOut,
    /// Whether a read asks as many homes as it needs first, and the others when one is late.
    pub speculative_retry: bool,
    /// Whether fallbacks may stand in.
    pub sloppy: bool,
    /// Whether hints are offered.
    pub handoff: bool,
    /// Whether homes compare what they hold.
    pub anti_entropy: bool,
    /// What becomes of tombstones.
    pub reaping: Reaping,
    /// Versions that a key may have.
    pub siblings_max: Option<usize>,
    /// Entries above which contexts shrink.
    pub context_entries_max: Option<usize>,
    /// Whether homes are found on a ring, with one token for each node.
    pub on_ring: bool,
    /// Whether the last node has left.
    pub last_has_left: bool,
    /// How the protocol is wrong.
    pub deviation: Option<Deviation>,
    /// Who asks, at most three.
    pub clients: Vec<DraftClient>,
    /// Turns of this many operations.
    pub turn_length: Option<usize>,
    /// Budgets of faults.
    pub faults: Faults,
    /// A node that is down at the beginning.
    pub down: Option<usize>,
    /// Whether it may start.
    pub down_returns: bool,
    /// Groups that do not reach each other.
    pub partition: Vec<Nodes>,
    /// Whether the network may become whole again.
    pub heals: bool,
    /// Budgets of background rounds.
    pub rounds: Rounds,
    /// Nodes that faults strike, if not all.
    pub faulty: Option<Nodes>,
    /// A node whose clock is ahead by so many ticks.
    pub clock_ahead: Option<(usize, u64)>,
    /// Whether the first two nodes share an identity.
    pub shared_identity: bool,
    /// The one reduction that is switched, if one is: off, or, where it is not usual, on.
    pub switched: Option<Rule>,
    /// The properties that are judged, by name.
    pub asked: Vec<&'static str>,
}

/// One client of a draft.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DraftClient {
    /// What it does.
    pub operations: Vec<DraftOperation>,
    /// How often it tries each.
    pub attempts: u32,
    /// How often it does it all.
    pub repeat: usize,
}

/// One operation of a draft.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DraftOperation {
    /// What it does.
    pub verb: Verb,
    /// Through which nodes.
    pub via: Nodes,
    /// Whether it is about another key than most.
    pub other_key: bool,
    /// The R or W it asks for, if not the cluster's.
    pub quorum: Option<usize>,
    /// Whether it carries no context though its client may have read.
    pub blind: bool,
    /// Whether it may be sloppy, if not as the cluster has it.
    pub sloppy: Option<bool>,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verb {
    /// Writes.
    Put,
    /// Reads.
    Get,
    /// Deletes.
    Delete,
}

impl DraftClient {
    /// A client that tries these operations once.
    #[must_use]
    pub fn new(operations: Vec<DraftOperation>) -> Self {
        DraftClient { operations, attempts: 1, repeat: 1 }
    }
}

impl DraftOperation {
    /// A plain operation through these nodes.
    #[must_use]
    pub fn new(verb: Verb, via: Nodes) -> Self {
        DraftOperation { verb, via, other_key: false, quorum: None, blind: false, sloppy: None }
    }
}

/// What is asked together. No rule tells the properties of one of these from each other, and each
/// contains all that may be asked without switching more rules than it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Where runs end, and nothing that history knows.
    Endings,
    /// Whatever does not ask who acknowledged a write or what overlaps.
    Plain,
    /// That, and who acknowledged a write.
    Acknowledgers,
    /// Whatever a single state shows.
    Everything,
}

/// What campaigns draw from: the properties up to `progress`. A campaign that was recorded names its cases by seed and size, and would have
/// other cases if it drew from more. What comes after looks at answers alone, which others of these do as well, but for
/// `refused-write-absent`: that is asked wherever several are asked together.
#[must_use]
pub(super) fn asked_of_campaigns() -> &'static [PropertySpec] {
    let last = property::ALL.iter().position(|property| property.name == "progress");
    &property::ALL[..=last.expect("it is among all")]
}

impl Asked {
    /// All of them.
    pub const ALL: [Asked; 4] =
        [Asked::Endings, Asked::Plain, Asked::Acknowledgers, Asked::Everything];

    /// The names of the properties.
    #[must_use]
    pub fn properties(self) -> Vec<&'static str> {
        let is_asked = |property: &&'static PropertySpec| {
            let watch = PropertySpec::watch(&[*property]);
            let ends = matches!(property.kind, PropertyKind::EventuallyAlways { .. });
            match self {
                Asked::Endings => ends,
                Asked::Plain => !ends && !watch.asks_who_acknowledged(),
                Asked::Acknowledgers => !ends && !watch.overlapping,
                Asked::Everything => !ends,
            }
        };
        let refused = PropertySpec::named("refused-write-absent").into_iter();
        let asked = asked_of_campaigns().iter().chain(refused);
        asked.filter(is_asked).map(|property| property.name).collect()
    }
}

impl Draft {
    /// A cluster of so many nodes in which each key has all of them as homes and nothing is asked.
    #[must_use]
    pub fn plain(nodes: usize) -> Draft {
        Draft {
            nodes,
            n: nodes,
            r: 1,
            w: 1,
            versioning: Versioning::Dotted,
            read_repair: ReadRepair::Off,
            fan_out: FanOut::NodeDriven,
            speculative_retry: false,
            sloppy: false,
            handoff: false,
            anti_entropy: false,
            reaping: Reaping::Off,
            siblings_max: None,
            context_entries_max: None,
            on_ring: false,
            last_has_left: false,
            deviation: None,
            clients: Vec::new(),
            turn_length: None,
            faults: Faults::default(),
            down: None,
            down_returns: false,
            partition: Vec::new(),
            heals: false,
            rounds: Rounds::FEWEST,
            faulty: None,
            clock_ahead: None,
            shared_identity: false,
            switched: None,
            asked: Vec::new(),
        }
    }

    /// The set of all nodes.
    #[must_use]
    pub fn all_nodes(&self) -> Nodes {
        (1 << self.nodes) - 1
    }

    /// Reads it as the file that it is.
    ///
    /// # Errors
    /// When the format refuses it.
    pub fn parse(&self) -> Result<Scenario, ScenarioError> {
        parse("made-up.toml", "made-up", &self.toml())
    }

    /// The text of the scenario file.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_toml(&mut text);
        text
    }

    fn write_toml(&self, text: &mut String) -> core::fmt::Result {
        text.push_str("title = \"Made up\"\n");
        if let Some(down) = self.down {
            writeln!(text, "down = {}", names(1 << down))?;
        }
        flag(text, "down-returns", self.down_returns)?;
        if !self.partition.is_empty() {
            let groups = self.partition.iter().map(|group| names(*group));
            writeln!(text, "partition = [{}]", groups.format(", "))?;
        }
        flag(text, "heals", self.heals)?;
        if let Some(faulty) = self.faulty {
            writeln!(text, "faulty = {}", names(faulty))?;
        }
        if self.shared_identity {
            writeln!(text, "shared-identity = [{}]", names(0b11))?;
        }
        if let Some(length) = self.turn_length {
            writeln!(text, "turn-length = {length}")?;
        }
        if let Some((node, ticks)) = self.clock_ahead {
            writeln!(text, "clocks-ahead = {{ {} = {ticks} }}", NODE_NAMES[node])?;
        }
        self.write_cluster(text)?;
        for (client, name) in self.clients.iter().zip(CLIENT_NAMES) {
            self.write_client(text, client, name)?;
        }
        if self.faults != Faults::default() {
            text.push_str("\n[faults]\n");
            for (name, budget) in self.faults.by_name() {
                if budget > 0 {
                    writeln!(text, "{name} = {budget}")?;
                }
            }
        }
        if self.rounds != Rounds::FEWEST {
            text.push_str("\n[rounds]\n");
            for (name, count) in self.rounds.by_name() {
                writeln!(text, "{name} = {count}")?;
            }
        }
        if let Some(rule) = self.switched {
            writeln!(text, "\n[reductions]\n{} = {}", rule.name(), !rule.is_usual())?;
        }
        text.push_str("\n[expect]\n");
        for name in &self.asked {
            let is_reached = |property: &PropertySpec| property.admits(Expected::Reached);
            let reached = PropertySpec::named(name).is_some_and(is_reached);
            let expected = if reached { Expected::Reached } else { Expected::Holds };
            writeln!(text, "{name} = {}", word(&expected))?;
        }
        Ok(())
    }

    fn write_cluster(&self, text: &mut String) -> core::fmt::Result {
        let plain = Draft::plain(self.nodes);
        let Draft { n, r, w, .. } = self;
        write!(
            text,
            "\n[cluster]\nnodes = {}\nn = {n}\nr = {r}\nw = {w}\n",
            names(self.all_nodes())
        )?;
        if self.versioning != plain.versioning {
            writeln!(text, "versioning = {}", word(&self.versioning))?;
        }
        if self.read_repair != plain.read_repair {
            writeln!(text, "read-repair = {}", word(&self.read_repair))?;
        }
        if self.fan_out != plain.fan_out {
            writeln!(text, "fan-out = {}", word(&self.fan_out))?;
        }
        flag(text, "speculative-retry", self.speculative_retry)?;
        flag(text, "sloppy", self.sloppy)?;
        flag(text, "handoff", self.handoff)?;
        flag(text, "anti-entropy", self.anti_entropy)?;
        if self.reaping != plain.reaping {
            writeln!(text, "reaping = {}", word(&self.reaping))?;
        }
        if let Some(siblings_max) = self.siblings_max {
            writeln!(text, "siblings-max = {siblings_max}")?;
        }
        if let Some(entries) = self.context_entries_max {
            writeln!(text, "context-entries-max = {entries}")?;
        }
        if self.on_ring {
            text.push_str("placement = \"ring\"\ntokens-per-node = 1\n");
        }
        if self.last_has_left {
            writeln!(text, "left = {}", names(1 << (self.nodes - 1)))?;
        }
        if let Some(deviation) = self.deviation {
            writeln!(text, "deviations = [{}]", word(&deviation))?;
        }
        Ok(())
    }

    fn write_client(
        &self,
        text: &mut String,
        client: &DraftClient,
        name: &str,
    ) -> core::fmt::Result {
        write!(text, "\n[[client]]\nname = {name:?}\n")?;
        if client.attempts > 1 {
            writeln!(text, "attempts = {}", client.attempts)?;
        }
        if client.repeat > 1 {
            writeln!(text, "repeat = {}", client.repeat)?;
        }
        text.push_str("program = [\n");
        for operation in &client.operations {
            let DraftOperation { verb, via, other_key, quorum, blind, sloppy } = operation;
            let (verb_name, quorum_name) = match verb {
                Verb::Put => ("put", "w"),
                Verb::Get => ("get", "r"),
                Verb::Delete => ("delete", "w"),
            };
            let key = if *other_key { "other" } else { "k" };
            write!(text, "  {{ {verb_name} = {key:?}")?;
            // What the format takes if nothing is said.
            let all = self.all_nodes() & !self.down.map_or(0, |down| 1 << down);
            if *via != all {
                write!(text, ", via = {}", names(*via))?;
            }
            if let Some(quorum) = quorum {
                write!(text, ", {quorum_name} = {quorum}")?;
            }
            if *blind {
                text.push_str(", context = \"blind\"");
            }
            if let Some(sloppy) = sloppy {
                write!(text, ", sloppy = {sloppy}")?;
            }
            text.push_str(" },\n");
        }
        text.push_str("]\n");
        Ok(())
    }
}

fn flag(text: &mut String, name: &str, on: bool) -> core::fmt::Result {
    if on { writeln!(text, "{name} = true") } else { Ok(()) }
}

/// `["A", "B"]`
fn names(nodes: Nodes) -> String {
    let is_in = |index: &usize| nodes >> index & 1 == 1;
    let names = (0..NODE_NAMES.len()).filter(is_in).map(|index| NODE_NAMES[index]);
    alloc::format!("[{}]", names.map(|name| alloc::format!("{name:?}")).format(", "))
}

/// A word of the format, in quotation marks, which JSON and TOML write alike.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
