//! Scenarios: a cluster, what its clients do, which faults may happen, and what must come out.
//!
//! [`mod@file`] reads them from TOML, [`mod@builtin`] holds the ones that ship with quorate.
//!
//! A scenario is explored, every run of it, unless it has a [`mod@script`], which is one run.

pub mod builtin;
mod counterexample;
pub mod file;
pub mod script;
mod warning;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use itertools::Itertools;
use quorate_checker::world::Enumerated;
use serde::{Deserialize, Serialize};

use crate::check::leaderless::Leaderless;
use crate::check::property::Expected;
use crate::check::wrong_rule::WrongRule;
use crate::cluster::{ClusterConfig, ClusterSpec, Reaping};
use crate::deviation::Deviation;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Value};
use crate::protocol::FanOut;
use crate::versions::Versioning;
use script::Script;

pub use counterexample::counterexample;
pub use quorate_checker::world::Faults;
pub use warning::{Warning, WarningKind};

/// The most writes that all clients of one scenario may make: ghost history keeps sets of writes
/// in one machine word pair.
pub const WRITES_MAX: usize = 128;

/// A validated scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, by which the command line finds it.
    pub name: String,
    /// One line: what question it answers.
    pub title: String,
    /// Where the verdict comes from, and why it is what it is.
    pub notes: String,
    /// The cluster as written.
    pub spec: ClusterSpec,
    /// The cluster, validated.
    pub cluster: Arc<ClusterConfig>,
    /// Who fans requests out.
    pub fan_out: FanOut,
    /// What the clients do.
    pub clients: Vec<ClientProgram>,
    /// What happens, step by step, where the file says so: the clients' programs are then what its
    /// steps ask for, and only this one run is looked at.
    pub script: Option<Script>,
    /// Every write that can happen, in the order of clients and their programs.
    pub writes: Vec<PlannedWrite>,
    /// How many operations a client makes before the next one's turn; `None` when any client
    /// may go at any time.
    pub turn_length: Option<usize>,
    /// Nodes that are down at the beginning.
    pub down: NodeSet,
    /// Whether they may start.
    pub down_returns: bool,
    /// Groups of nodes between which no message passes: from the beginning, unless the budget has
    /// partitions. Empty when all reach each other.
    pub partition: Vec<NodeSet>,
    /// Whether the network may heal.
    pub heals: bool,
    /// Faults that may happen, in any order, at any time.
    pub faults: Faults,
    /// How much of what nodes do in the background may be under way at a time.
    pub rounds: Rounds,
    /// Which nodes crash and lose their disks, as far as the budgets go.
    pub faulty: NodeSet,
    /// Under which node's identity each node mints: its own, except where two share one.
    pub mints_as: Vec<NodeId>,
    /// How far each node's wall clock is ahead, in ticks; one tick passes per client operation.
    pub clocks_ahead: Vec<u64>,
    /// Which reductions of the state space apply.
    pub reductions: Reductions,
    /// What must come out, by property name.
    pub expect: BTreeMap<String, Expected>,
    /// What else must happen in the run that is shown of a property, by the property's name.
    pub show: BTreeMap<String, ShownWith>,
    /// Whether it is checked when no scenario is named.
    pub default: bool,
    /// What its file says to less effect than it seems.
    pub warnings: Vec<Warning>,
}

/// What a run that is shown must contain.
pub type ShownWith = quorate_checker::world::ShownWith<Leaderless>;

/// Budgets of background rounds: how much of each kind may be under way at a time. A timer in the
/// background starts anew whenever it expires, so without such bounds there is no end of states.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rounds {
    /// Messages of exchanges between homes that somebody is still to answer, in the whole cluster.
    /// An exchange about one key has one of them at a time.
    pub exchanges: u8,
    /// States under way that answer earlier exchanges, when another begins. If there are more of
    /// them, they never come.
    pub overtaken: u8,
    /// Offers of one hint, or their answers.
    pub handoffs: u8,
    /// Questions of a node that catches up to one other, or their answers.
    pub catch_ups: u8,
    /// Rounds about tombstones, in the whole cluster.
    pub reaps: u8,
}

impl Rounds {
    /// As few as there can be: what a scenario has that does not say otherwise.
    pub const FEWEST: Rounds =
        Rounds { exchanges: 1, overtaken: 0, handoffs: 1, catch_ups: 1, reaps: 1 };

    /// Each budget as it is called in a scenario file, with how many there are.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, u8); 5] {
        [
            ("exchanges", self.exchanges),
            ("overtaken", self.overtaken),
            ("handoffs", self.handoffs),
            ("catch-ups", self.catch_ups),
            ("reaps", self.reaps),
        ]
    }
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds::FEWEST
    }
}

/// Which reductions of the state space apply; each keeps every verdict, for reasons given in the
/// modules of [`crate::check`] that carry it out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reductions {
    /// A node-driven request, and its answer, take no time between client and coordinator.
    pub client_hops: bool,
    /// A reply that tells what a node holds, or that it is there, takes no time.
    pub replies: bool,
    /// Once no request can time out any more, acknowledgements take no time; nor do forwarded puts,
    /// once nothing can go wrong.
    pub answers: bool,
    /// Two homes find out at one moment what they hold differently.
    pub sync_walks: bool,
    /// Two homes exchange what they hold as late as they can. Applies beside
    /// [`Reductions::dead_messages`] only, on which it rests.
    pub late_exchanges: bool,
    /// States that differ by an exchange of clients with the same program are the same.
    pub client_symmetry: bool,
    /// States that differ by an exchange of nodes that nothing tells apart are the same.
    pub node_symmetry: bool,
    /// A message that can never have an effect again leaves the network.
    pub dead_messages: bool,
    /// What a node remembers of a request that nobody can ask about again is forgotten.
    pub finished_requests: bool,
    /// Of what can happen, only a stubborn set does. Off by default; applies where no other one is on.
    pub stubborn_sets: bool,
    /// The rule that is wrong on purpose, if one is: never in a file, and never in a release.
    pub wrong: Option<WrongRule>,
}

impl Default for Reductions {
    fn default() -> Self {
        Reductions::ALL
    }
}

impl Reductions {
    /// Those of a script with this client-hops setting. It has one run, so there is nothing to
    /// reduce; and every message stays in sight until it is delivered or lost.
    #[must_use]
    pub fn of_script(client_hops: bool) -> Reductions {
        Reductions { client_hops, ..Reductions::NONE }
    }

    /// Those that are on where a scenario does not say otherwise: all but [`Reductions::stubborn_sets`].
    pub const ALL: Reductions = Reductions::each(true);

    /// The one that is derived from what a protocol declares, and no other.
    pub const STUBBORN: Reductions = Reductions { stubborn_sets: true, ..Reductions::NONE };

    /// None of them: the reference against which they are tested.
    pub const NONE: Reductions = Reductions::each(false);

    const fn each(on: bool) -> Reductions {
        Reductions {
            client_hops: on,
            replies: on,
            answers: on,
            sync_walks: on,
            late_exchanges: on,
            client_symmetry: on,
            node_symmetry: on,
            dead_messages: on,
            finished_requests: on,
            stubborn_sets: false,
            wrong: None,
        }
    }

    /// Stubborn sets in the place of these; wrong in the same way, if one of both is.
    #[must_use]
    pub fn stubborn_instead(&self) -> Reductions {
        let wrong = self.wrong.filter(|wrong| wrong.rule() == Rule::StubbornSets);
        Reductions { wrong, ..Reductions::STUBBORN }
    }

    /// The same without those that leave out of states what nothing can read again.
    #[must_use]
    pub fn without_canonical_forms(self) -> Reductions {
        self.without(Rule::DeadMessages).without(Rule::FinishedRequests)
    }

    /// Every reduction as it is called in a scenario file, and whether it is on.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, bool); 10] {
        Rule::ALL.map(|rule| (rule.name(), self.has(rule)))
    }

    /// The same without those that take one of several states of other names for all of them.
    #[must_use]
    pub fn without_symmetry(self) -> Reductions {
        self.without(Rule::ClientSymmetry).without(Rule::NodeSymmetry)
    }

    /// The same without this rule.
    #[must_use]
    pub fn without(mut self, rule: Rule) -> Reductions {
        *self.switch_of(rule) = false;
        self
    }

    /// The same with this rule.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Reductions {
        *self.switch_of(rule) = true;
        self
    }

    fn switch_of(&mut self, rule: Rule) -> &mut bool {
        match rule {
            Rule::ClientHops => &mut self.client_hops,
            Rule::Replies => &mut self.replies,
            Rule::Answers => &mut self.answers,
            Rule::SyncWalks => &mut self.sync_walks,
            Rule::LateExchanges => &mut self.late_exchanges,
            Rule::ClientSymmetry => &mut self.client_symmetry,
            Rule::NodeSymmetry => &mut self.node_symmetry,
            Rule::DeadMessages => &mut self.dead_messages,
            Rule::FinishedRequests => &mut self.finished_requests,
            Rule::StubbornSets => &mut self.stubborn_sets,
        }
    }

    /// Whether this rule is on.
    #[must_use]
    pub fn has(&self, rule: Rule) -> bool {
        match rule {
            Rule::ClientHops => self.client_hops,
            Rule::Replies => self.replies,
            Rule::Answers => self.answers,
            Rule::SyncWalks => self.sync_walks,
            Rule::LateExchanges => self.late_exchanges,
            Rule::ClientSymmetry => self.client_symmetry,
            Rule::NodeSymmetry => self.node_symmetry,
            Rule::DeadMessages => self.dead_messages,
            Rule::FinishedRequests => self.finished_requests,
            Rule::StubbornSets => self.stubborn_sets,
        }
    }
}

/// One of [`Reductions`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rule {
    /// [`Reductions::client_hops`].
    ClientHops,
    /// [`Reductions::replies`].
    Replies,
    /// [`Reductions::answers`].
    Answers,
    /// [`Reductions::sync_walks`].
    SyncWalks,
    /// [`Reductions::late_exchanges`].
    LateExchanges,
    /// [`Reductions::client_symmetry`].
    ClientSymmetry,
    /// [`Reductions::node_symmetry`].
    NodeSymmetry,
    /// [`Reductions::dead_messages`].
    DeadMessages,
    /// [`Reductions::finished_requests`].
    FinishedRequests,
    /// [`Reductions::stubborn_sets`].
    StubbornSets,
}

impl Rule {
    /// All rules, in the order in which they are told.
    pub const ALL: [Rule; 10] = [
        Rule::ClientHops,
        Rule::Replies,
        Rule::Answers,
        Rule::SyncWalks,
        Rule::LateExchanges,
        Rule::ClientSymmetry,
        Rule::NodeSymmetry,
        Rule::DeadMessages,
        Rule::FinishedRequests,
        Rule::StubbornSets,
    ];

    /// Whether it is on where a scenario does not say otherwise.
    #[must_use]
    pub fn is_usual(self) -> bool {
        Reductions::ALL.has(self)
    }

    /// Its key in a scenario file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::ClientHops => "client-hops",
            Rule::Replies => "replies",
            Rule::Answers => "answers",
            Rule::SyncWalks => "sync-walks",
            Rule::LateExchanges => "late-exchanges",
            Rule::ClientSymmetry => "client-symmetry",
            Rule::NodeSymmetry => "node-symmetry",
            Rule::DeadMessages => "dead-messages",
            Rule::FinishedRequests => "finished-requests",
            Rule::StubbornSets => "stubborn-sets",
        }
    }
}

impl Enumerated for Rule {
    const ALL: &'static [Rule] = &Rule::ALL;

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        Rule::name(self)
    }
}

/// What one client does, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientProgram {
    /// Its name.
    pub name: String,
    /// Its identity: its position among the clients.
    pub id: ClientId,
    /// Its operations.
    pub operations: Vec<PlannedOperation>,
    /// How often it tries each operation in all.
    pub attempts: u32,
}

/// One operation of a client's program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedOperation {
    /// What it asks for.
    pub action: PlannedAction,
    /// About which key.
    pub key: Key,
    /// The R or W it asks for; the cluster's if absent.
    pub quorum: Option<usize>,
    /// Whether a write may be sloppy; as the cluster has it if absent.
    pub sloppy: Option<bool>,
    /// The coordinators it may choose from.
    pub via: Vec<NodeId>,
}

/// What an operation asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlannedAction {
    /// Read.
    Get,
    /// Write or delete.
    Put {
        /// Which of [`Scenario::writes`] it makes.
        write: usize,
        /// Whether it carries the context of the client's last read of the key.
        with_context: bool,
    },
}

/// A write that can happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedWrite {
    /// Whose it is.
    pub client: ClientId,
    /// Which operation of that client's program, from zero.
    pub operation: usize,
    /// To which key.
    pub key: Key,
    /// The value, unique in the scenario so that it names its write; `None` for a delete.
    pub value: Option<Value>,
}

impl Scenario {
    /// Every key that some client reads or writes, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self
            .clients
            .iter()
            .flat_map(|client| &client.operations)
            .map(|operation| operation.key.clone())
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Whether exchanges between homes follow each other: none begins before the one before is over,
    /// and nothing of that comes later. Reductions of exchanges rest on it.
    #[must_use]
    pub fn exchanges_one_by_one(&self) -> bool {
        let Rounds { exchanges, overtaken, .. } = Rounds::FEWEST;
        self.rounds.exchanges <= exchanges && self.rounds.overtaken <= overtaken
    }

    /// The reductions that apply: those that are on, but for those that rest on a bound which the
    /// scenario has raised, or on another one which is off.
    #[must_use]
    pub fn reductions_that_apply(&self) -> Reductions {
        let one_by_one = self.exchanges_one_by_one();
        Reductions {
            sync_walks: self.reductions.sync_walks && one_by_one,
            late_exchanges: self.reductions.late_exchanges
                && self.reductions.dead_messages
                && one_by_one,
            ..self.reductions
        }
    }

    /// Whether all operations are about one key.
    #[must_use]
    pub fn has_one_key(&self) -> bool {
        let operations = self.clients.iter().flat_map(|client| &client.operations);
        operations.map(|operation| &operation.key).all_equal()
    }

    /// The same scenario with the protocol wrong in one more way.
    #[must_use]
    pub fn with_deviation(&self, deviation: Deviation) -> Scenario {
        let mut scenario = self.clone();
        scenario.spec.deviations.push(deviation);
        let cluster = scenario.cluster.as_ref().clone();
        scenario.cluster = Arc::new(cluster.with_deviation(deviation));
        scenario
    }

    /// The same, noting which faults would make any step of a node different. What is left out of a
    /// search of it is what is left out where a fault is planted.
    #[cfg(feature = "planted-faults")]
    #[must_use]
    pub fn noting_what_matters(&self) -> Scenario {
        Scenario { cluster: Arc::new(self.cluster.noting_what_matters()), ..self.clone() }
    }

    /// Whether every dot names one write, and versions are told apart by dots alone.
    #[must_use]
    pub fn names_writes_once(&self) -> bool {
        self.spec.versioning == Versioning::Dotted
            && self.mints_as.iter().enumerate().all(|(index, node)| node.index() == index)
            && !self.cluster.is_deviant()
    }

    /// Whether what a node holds of a key never becomes less: no disk is lost or replaced, no
    /// tombstone goes, and merging only adds, which needs dots that name one write each.
    #[must_use]
    pub fn records_only_grow(&self) -> bool {
        self.names_writes_once() && self.keeps_records()
    }

    /// Whether no disk is lost or replaced, and no tombstone goes.
    pub(crate) fn keeps_records(&self) -> bool {
        self.faults.wipes == 0
            && self.faults.rollbacks == 0
            && self.cluster.background().reaping == Reaping::Off
    }
}
