//! Settings of the two protocols, and the faults that they are compared under: how each becomes a scenario of its
//! protocol.

use std::fmt::Write;
use std::sync::Arc;

use quorate_checker::world::{Faults, World};
use quorate_ids::NodeId;
use quorate_leader_model::{LeaderBased, setting as leader};
use quorate_model::check::leaderless::Leaderless;
use quorate_model::scenario::Scenario;
use serde::Deserialize;
use toml::{Table, Value};

use crate::calls::Plan;
use crate::program::Program;
use crate::watched::{TIMEOUTS, Watched};

/// Which protocol a setting is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolKind {
    /// Leaderless replication.
    Leaderless,
    /// Leader-based replication.
    Leader,
}

/// A setting of one of the protocols.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Of which protocol.
    pub protocol: ProtocolKind,
    /// How many nodes there are.
    pub nodes: usize,
    /// What the protocol's own scenario files say: `[cluster]` of the leaderless, `[protocol]` of the other.
    pub cluster: Table,
}

/// What may go wrong in one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultBudget {
    /// Its name.
    pub name: String,
    /// How many nodes may stop.
    pub crashes: u8,
    /// Whether those never return.
    pub stay_down: bool,
    /// How many timeouts may be wrong.
    pub timeouts: u8,
    /// How many messages may be lost.
    pub drops: u8,
    /// How many messages may arrive twice.
    pub duplicates: u8,
    /// Into which groups the network may split, once; it may become whole again. Nodes that no group names are in the
    /// last one.
    pub split: Vec<Vec<NodeId>>,
}

impl FaultBudget {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        FaultBudget {
            name: "no fault".to_owned(),
            crashes: 0,
            stay_down: false,
            timeouts: 0,
            drops: 0,
            duplicates: 0,
            split: Vec::new(),
        }
    }

    /// Whether nothing goes wrong.
    fn is_none(&self) -> bool {
        let counts = [self.crashes, self.timeouts, self.drops];
        counts == [0; 3] && self.split.is_empty()
    }

    /// The groups, of so many nodes.
    fn groups(&self, nodes: usize) -> Vec<Vec<NodeId>> {
        let mut groups = self.split.clone();
        let named: Vec<NodeId> = groups.concat();
        if let Some(last) = groups.last_mut() {
            let all = (0..nodes as u16).map(NodeId);
            last.extend(all.filter(|node| !named.contains(node)));
        }
        groups
    }
}

/// The name of a node.
#[must_use]
pub fn node_name(node: NodeId) -> String {
    char::from(b'A' + node.0 as u8).to_string()
}

/// Fields of a protocol's table that a comparison fills in itself.
pub(crate) const FILLED_IN: [(ProtocolKind, &[&str]); 2] = [
    (ProtocolKind::Leaderless, &["nodes"]),
    (
        ProtocolKind::Leader,
        &["name", "clients", "attempts", "crashed-stay-down", "impatient", "without"],
    ),
];

/// A TOML value as it is written.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(is_so) => is_so.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(written).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Table(table) => {
            let fields: Vec<String> =
                table.iter().map(|(key, value)| format!("{key:?} = {}", written(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn fields(table: &Table) -> String {
    let line = |(key, value): (&String, &Value)| format!("{key} = {}\n", written(value));
    table.iter().map(line).collect()
}

/// Which reductions are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reduced {
    /// All that each protocol has, but for the exchange of clients with the same program: what clients observe
    /// names them. So it is decided what is possible.
    Fully,
    /// Requests and answers of clients take no time, in both protocols alike; what can never have an effect again is left out. A
    /// step of a run is then one message between nodes, one timer, one start of an operation or one fault, in both.
    Alike,
    /// Nothing is left out: so it is measured how long messages take.
    Not,
}

fn shared_part(title: &str, nodes: usize, faults: &FaultBudget) -> (String, String) {
    let names: Vec<String> =
        (0..nodes as u16).map(|node| format!("{:?}", node_name(NodeId(node)))).collect();
    let mut head = format!("title = {title:?}\n");
    let group = |group: &Vec<NodeId>| {
        let names: Vec<String> =
            group.iter().map(|node| format!("{:?}", node_name(*node))).collect();
        format!("[{}]", names.join(", "))
    };
    let groups: Vec<String> = faults.groups(nodes).iter().map(group).collect();
    if !groups.is_empty() {
        let _ = write!(head, "partition = [{}]\nheals = true\n", groups.join(", "));
    }
    (head, format!("[{}]", names.join(", ")))
}

fn budgets(faults: &FaultBudget) -> Faults {
    Faults {
        drops: faults.drops,
        duplicates: faults.duplicates,
        // Where nothing goes wrong nobody waits in vain.
        timeouts: if faults.is_none() { 0 } else { TIMEOUTS },
        crashes: faults.crashes,
        partitions: u8::from(!faults.split.is_empty()),
        ..Faults::default()
    }
}

fn told_budgets(faults: Faults) -> String {
    let Faults { drops, duplicates, timeouts, crashes, partitions, .. } = faults;
    format!(
        "[faults]\ndrops = {drops}\nduplicates = {duplicates}\ntimeouts = {timeouts}\ncrashes = {crashes}\n\
         partitions = {partitions}\n"
    )
}

/// A program in one setting, under some faults: what both protocols' scenarios are made from.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The setting.
    pub setting: &'a Setting,
    /// What clients do.
    pub program: &'a Program,
    /// What may go wrong.
    pub faults: &'a FaultBudget,
    /// What is left out.
    pub reduced: Reduced,
}

impl<'a> Case<'a> {
    /// As it is searched.
    #[must_use]
    pub fn searched(setting: &'a Setting, program: &'a Program, faults: &'a FaultBudget) -> Self {
        Case { setting, program, faults, reduced: Reduced::Fully }
    }

    /// The scenario file of the leaderless protocol.
    fn leaderless_file(&self) -> String {
        let (mut file, nodes) = shared_part(&self.setting.name, self.setting.nodes, self.faults);
        let _ = write!(file, "[cluster]\nnodes = {nodes}\n{}", fields(&self.setting.cluster));
        for client in &self.program.clients {
            let operations: Vec<String> = client
                .operations
                .iter()
                .map(|operation| match operation {
                    crate::program::Operation::Read { key } => format!("{{ get = {key:?} }}"),
                    crate::program::Operation::Write { key, value } => {
                        format!("{{ put = {key:?}, value = {value:?} }}")
                    }
                })
                .collect();
            let _ = write!(
                file,
                "[[client]]\nname = {:?}\nprogram = [{}]\n",
                client.name,
                operations.join(", ")
            );
        }
        file.push_str(&told_budgets(budgets(self.faults)));
        let (is_on, all) = (self.reduced != Reduced::Not, self.reduced == Reduced::Fully);
        // A file has to expect something. Nothing of what the protocol's own properties say is asked.
        let _ = write!(
            file,
            "[reductions]\nclient-hops = {is_on}\ndead-messages = {is_on}\nfinished-requests = {is_on}\n\
             replies = {all}\nanswers = {all}\nsync-walks = {all}\nlate-exchanges = {all}\nclient-symmetry = false\n\
             node-symmetry = false\n[expect]\nwrite-acknowledged = \"reached\"\n"
        );
        file
    }

    /// The scenario file of the leader-based protocol.
    fn leader_file(&self) -> String {
        let (mut file, nodes) = shared_part(&self.setting.name, self.setting.nodes, self.faults);
        let _ = write!(file, "nodes = {nodes}\n[protocol]\nname = \"leader\"\n");
        file.push_str(&fields(&self.setting.cluster));
        let _ = writeln!(file, "crashed-stay-down = {}", self.faults.stay_down);
        if self.reduced == Reduced::Not {
            file.push_str("without = [\"client-hops\", \"dead-messages\"]\n");
        }
        for client in &self.program.clients {
            let operations: Vec<String> =
                client.operations.iter().map(|it| format!("{:?}", it.to_string())).collect();
            let _ = write!(
                file,
                "[[protocol.clients]]\nname = {:?}\noperations = [{}]\n",
                client.name,
                operations.join(", ")
            );
        }
        file.push_str(&told_budgets(budgets(self.faults)));
        file.push_str("[expect]\n");
        file
    }

    /// The scenario of the leaderless protocol.
    pub(crate) fn leaderless(&self) -> Result<Scenario, String> {
        let name = &self.setting.name;
        quorate_model::scenario::file::parse(name, name, &self.leaderless_file())
            .map_err(|error| error.problem)
    }

    /// The leader-based protocol in this case.
    pub(crate) fn leader(&self) -> Result<LeaderBased, String> {
        leader::parse(&self.setting.name, &self.leader_file())
            .map(LeaderBased::new)
            .map_err(|error| error.problem)
    }

    /// Whether the protocol takes the setting.
    ///
    /// # Errors
    /// What it refuses: the field, and what would be right.
    pub fn examine(&self) -> Result<(), String> {
        match self.setting.protocol {
            ProtocolKind::Leaderless => self.leaderless().map(drop),
            ProtocolKind::Leader => self.leader().map(drop),
        }
    }

    /// Does something with the case in its protocol's world.
    ///
    /// # Panics
    /// If the protocol does not take the setting, which [`Case::examine`] tells.
    pub(crate) fn with<T>(&self, what: impl InWorld<T>) -> T {
        match self.setting.protocol {
            ProtocolKind::Leaderless => {
                let scenario = self.leaderless().unwrap_or_else(|problem| panic!("{problem}"));
                what.take(self.watched(World::new(Leaderless::new(Arc::new(scenario), &[]))))
            }
            ProtocolKind::Leader => {
                let protocol = self.leader().unwrap_or_else(|problem| panic!("{problem}"));
                what.take(self.watched(World::new(protocol)))
            }
        }
    }

    fn watched<P: crate::comparable::Comparable>(&self, world: World<P>) -> Watched<P> {
        Watched {
            world,
            plan: Arc::new(Plan::of(self.program)),
            wrong: self.faults.timeouts,
            stay_down: self.faults.stay_down,
            waits: true,
            down: Vec::new(),
        }
    }
}

/// What is done in the world of a case, whatever its protocol.
pub(crate) trait InWorld<T> {
    /// Does it.
    fn take<P: crate::comparable::Comparable>(self, watched: Watched<P>) -> T;
}
