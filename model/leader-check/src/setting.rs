//! What a scenario file says of this protocol, in its table `[protocol]`.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_checker::world::{ScenarioFile, ScenarioFileError};
use quorate_ids::{ClientId, NodeId, NodeSet};
use quorate_leader::client::{ClientConfig, Task};
use quorate_leader::config::{
    ClusterConfig, ElectionKind, LogKind, NodeConfig, Reads, Replication,
};
use quorate_leader::deviation::Deviation;
use quorate_leader::limits::Limits;
use quorate_leader::names::Key;
use quorate_leader::shards::{Shard, Shards};
use quorate_leader::statement::Statement;
use serde::{Deserialize, Serialize};

use crate::kinds::Rule;
use crate::property;
use crate::script::{self, RawStep};
use crate::wrong_rule::WrongRule;

/// How many rows a page of a snapshot has at most, where the scenario says nothing: few, so that there are pages.
const PAGE_ROWS: usize = 2;

/// How many entries a message has at most, where the scenario says nothing: more than any scenario has.
const ENTRIES_MAX: u32 = 256;

/// The table `[protocol]`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Setting {
    /// Which protocol: tells such a file from others.
    pub name: ProtocolName,
    /// Whose acknowledgements a write waits for.
    pub replication: Replication,
    /// How a leader is found.
    pub election: ElectionKind,
    /// Whether leaders have epochs that followers enforce.
    #[serde(default = "yes")]
    pub epochs: bool,
    /// What the log ships.
    #[serde(default = "row")]
    pub log: LogKind,
    /// Where clients read.
    #[serde(default = "leader")]
    pub reads: Reads,
    /// Whether a client that reads its own writes from the leader may at any time take them for old enough to be
    /// everywhere.
    #[serde(default)]
    pub window_passes: bool,
    /// How often a client asks for one request.
    #[serde(default = "once")]
    pub attempts: u8,
    /// Whether a client that hears that nobody leads waits before it asks the next node.
    #[serde(default)]
    pub waits_for_leader: bool,
    /// Compact logs that have so many committed entries.
    pub snapshot_after: Option<u32>,
    /// Of how many clients the log remembers the last write; of all if it is not said.
    pub sessions: Option<u32>,
    /// How many requests may wait at a leader; a further one is refused.
    pub pending_max: Option<usize>,
    /// How many entries a message has at most.
    pub entries_max: Option<u32>,
    /// How many rows a page of a snapshot has at most.
    pub page_rows: Option<usize>,
    /// Whether nodes that crash never come back, and what they hold is lost.
    #[serde(default)]
    pub crashed_stay_down: bool,
    /// Whose timers may be wrong, nodes and clients; those of all if none is named.
    #[serde(default)]
    pub impatient: Vec<String>,
    /// How far each node's clock is ahead.
    #[serde(default)]
    pub clocks_ahead: Vec<u64>,
    /// Who leads when the cluster is founded; the first node if none is named.
    pub leader: Option<String>,
    /// The logs; one if none is named.
    #[serde(default)]
    pub shards: Vec<ShardSetting>,
    /// What is done wrongly on purpose.
    #[serde(default)]
    pub deviations: Vec<Deviation>,
    /// Reductions that are left out.
    #[serde(default)]
    pub without: Vec<Rule>,
    /// A reduction that is wrong on purpose; no file says so.
    #[serde(skip)]
    pub wrong: Option<WrongRule>,
    /// Who does what. In a script, what is to be known of clients beside what they do.
    #[serde(default)]
    pub clients: Vec<ClientSetting>,
}

/// The protocol of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolName {
    /// Leader-based replication.
    Leader,
}

/// One of several logs.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ShardSetting {
    /// Who leads it when the cluster is founded.
    pub leader: String,
    /// Its first key; the first log begins before every key.
    pub from: Option<String>,
}

/// A client's program.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClientSetting {
    /// Its name.
    pub name: String,
    /// What it does, in order; in a script its steps are that.
    #[serde(default)]
    pub operations: Vec<Written>,
    /// The client whose program must be over before this one begins.
    pub after: Option<String>,
    /// Whom it believes to lead at first; the first leader of each log if nobody is named.
    pub asks: Option<String>,
}

/// An operation as it is written: `x = red`, `x += 2`, `x = now()`, `x = random()`, `x = next-id()`, `read x`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Written(pub Task);

impl TryFrom<String> for Written {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let key = |key: &str| Key::from(key.trim());
        if let Some(read) = text.strip_prefix("read ") {
            return Ok(Written(Task::Read { key: key(read) }));
        }
        if let Some((of, more)) = text.split_once("+=") {
            let more = more.trim().parse().map_err(|_| format!("`{text}`: add a number"))?;
            return Ok(Written(Task::Write { key: key(of), statement: Statement::Add(more) }));
        }
        let Some((of, value)) = text.split_once('=') else {
            return Err(format!(
                "`{text}`: one of `x = red`, `x += 2`, `x = now()`, `x = random()`, `x = next-id()`, `read x`"
            ));
        };
        let statement = match value.trim() {
            "now()" => Statement::Now,
            "random()" => Statement::Random,
            "next-id()" => Statement::NextId,
            value => Statement::Set(Arc::from(value)),
        };
        Ok(Written(Task::Write { key: key(of), statement }))
    }
}

fn yes() -> bool {
    true
}

fn row() -> LogKind {
    LogKind::Row
}

fn leader() -> Reads {
    Reads::Leader
}

fn once() -> u8 {
    1
}

/// A scenario file of this protocol.
pub type LeaderFile = ScenarioFile<Setting, RawStep>;

/// Reads a scenario file.
///
/// # Errors
/// When the text is no such scenario: in which line, which field, and what would be right.
pub fn parse(file: &str, text: &str) -> Result<LeaderFile, ScenarioFileError> {
    let mut parsed: LeaderFile = ScenarioFile::parse(file, text)?;
    if parsed.is_script() {
        script::programs(&mut parsed)?;
        // Every message stays in sight until it arrives or is lost.
        if !parsed.protocol.without.contains(&Rule::DeadMessages) {
            parsed.protocol.without.push(Rule::DeadMessages);
        }
        script::read(&parsed)?;
    }
    parsed.judged(property::all())?;
    parsed.shows(&property::all())?;
    let setting = &parsed.protocol;
    let error = |named: &str, problem: String| {
        let line = text.lines().position(|line| line.contains(named)).map_or(1, |line| line + 1);
        Err(ScenarioFileError { file: file.to_owned(), line, problem })
    };
    let known = parsed.nodes.join(", ");
    let leaders = setting.leader.iter().map(|name| ("leader", name));
    let shards = setting.shards.iter().map(|shard| ("shards.leader", &shard.leader));
    let asked = setting.clients.iter().filter_map(|client| client.asks.as_ref());
    let asked = asked.map(|name| ("clients.asks", name));
    let is_client = |name: &&String| setting.clients.iter().any(|client| client.name == **name);
    let impatient = setting.impatient.iter().filter(|name| !is_client(name));
    let impatient = impatient.map(|name| ("impatient", name));
    for (field, name) in leaders.chain(shards).chain(asked).chain(impatient) {
        if !parsed.nodes.contains(name) {
            let problem = format!("{field}: no node is called `{name}`: known are {known}");
            return error(name, problem);
        }
    }
    if let [first, ..] = &setting.shards[..]
        && (first.from.is_some()
            || !setting.shards.is_sorted_by(|one, other| one.from < other.from))
    {
        let problem = "shards: the first has no `from`, and each other begins with a later key";
        return error("shards", problem.to_owned());
    }
    if !setting.shards.is_empty() && setting.leader.is_some() {
        return error("leader", "leader: where shards are named, each names its own".to_owned());
    }
    if setting.sessions == Some(0) {
        return error("sessions", "sessions: at least 1".to_owned());
    }
    if setting.pending_max == Some(0) {
        return error("pending-max", "pending-max: at least 1".to_owned());
    }
    if setting.sessions.is_some() && !setting.epochs {
        let problem = "sessions: only with epochs, which order what different leaders did";
        return error("sessions", problem.to_owned());
    }
    if !setting.clocks_ahead.is_empty() && setting.clocks_ahead.len() != parsed.nodes.len() {
        let problem = "clocks-ahead: one number for each node".to_owned();
        return error("clocks-ahead", problem);
    }
    for (at, client) in setting.clients.iter().enumerate() {
        if setting.clients[..at].iter().any(|other| other.name == client.name) {
            return error(&client.name, format!("clients: two are called `{}`", client.name));
        }
        let mut earlier = setting.clients[..at].iter();
        if let Some(first) = &client.after
            && !earlier.any(|other| other.name == *first)
        {
            let problem = format!("clients.after: no earlier client is called `{first}`");
            return error(first, problem);
        }
    }
    let tasks = setting.clients.iter().flat_map(|client| &client.operations);
    let mut values = BTreeSet::new();
    for Written(task) in tasks {
        if let Task::Write { key, statement: Statement::Set(value) } = task
            && !values.insert((key, value))
        {
            let problem = format!(
                "clients.operations: `{key} = {value}` is there twice, and what a read finds names the write"
            );
            return error(value, problem);
        }
    }
    Ok(parsed)
}

impl Setting {
    /// The logs, of a cluster of these nodes.
    #[must_use]
    pub fn shards(&self, nodes: &[String]) -> Shards {
        let node = |name: &String| node_called(nodes, name);
        if self.shards.is_empty() {
            let first_leader = self.leader.as_ref().map_or(NodeId(0), node);
            return Shards(vec![Shard { first_leader, from: None }]);
        }
        let shard = |shard: &ShardSetting| Shard {
            first_leader: node(&shard.leader),
            from: shard.from.as_deref().map(Key::from),
        };
        Shards(self.shards.iter().map(shard).collect())
    }

    /// What a cluster of these nodes is told.
    #[must_use]
    pub fn cluster(&self, nodes: &[String]) -> ClusterConfig {
        ClusterConfig {
            nodes: nodes.len(),
            replication: self.replication,
            election: self.election,
            fencing: self.epochs,
            log: self.log,
            snapshot_after: self.snapshot_after,
            entries_max: self.entries_max.unwrap_or(ENTRIES_MAX).max(1),
            page_rows: self.page_rows.unwrap_or(PAGE_ROWS),
            sessions: self.sessions,
            limits: Limits {
                pending_max: self.pending_max.unwrap_or(Limits::default().pending_max),
                ..Limits::default()
            },
            deviations: self.deviations.iter().copied().collect(),
        }
    }

    /// Whether the client of a write that was done, or will be, may be told something else than that: its session has
    /// expired, or there was no room.
    #[must_use]
    pub fn may_turn_writes_away(&self) -> bool {
        self.sessions.is_some() || self.pending_max.is_some()
    }

    /// Whether clients write what depends on where and when it is executed: what a clock shows or a draw comes to.
    #[must_use]
    pub fn draws(&self) -> bool {
        let mut tasks = self.clients.iter().flat_map(|client| &client.operations);
        tasks.any(|Written(task)| {
            matches!(task, Task::Write { statement, .. } if !statement.is_deterministic())
        })
    }

    /// What each node is told of each log.
    #[must_use]
    pub fn nodes(&self, nodes: &[String]) -> Vec<Vec<NodeConfig>> {
        let (cluster, shards) = (Arc::new(self.cluster(nodes)), self.shards(nodes));
        let config = |node: NodeId, shard: &Shard| NodeConfig {
            node,
            first_leader: shard.first_leader,
            cluster: Arc::clone(&cluster),
        };
        let of = |node: NodeId| shards.0.iter().map(|shard| config(node, shard)).collect();
        cluster.node_ids().map(of).collect()
    }

    /// What clients are told.
    #[must_use]
    pub fn client(&self, nodes: &[String]) -> ClientConfig {
        ClientConfig {
            nodes: nodes.len(),
            shards: self.shards(nodes),
            reads: self.reads,
            attempts: self.attempts.max(1),
            waits_for_leader: self.waits_for_leader,
            has_sessions: self.sessions.is_some(),
        }
    }

    /// The nodes whose timers may be wrong.
    #[must_use]
    pub fn impatient_nodes(&self, nodes: &[String]) -> NodeSet {
        if self.impatient.is_empty() {
            return (0..nodes.len() as u16).map(NodeId).collect();
        }
        let named = |name: &String| nodes.iter().position(|known| known == name);
        self.impatient.iter().filter_map(named).map(|at| NodeId(at as u16)).collect()
    }

    /// Whether a client may take a node that works on its request for gone.
    #[must_use]
    pub fn is_impatient(&self, client: ClientId) -> bool {
        let name = &self.clients[client.0 as usize].name;
        self.impatient.is_empty() || self.impatient.contains(name)
    }

    /// Whom a client believes to lead at first, where the scenario says so.
    #[must_use]
    pub fn asks_first(&self, nodes: &[String], client: ClientId) -> Option<NodeId> {
        let setting = &self.clients[client.0 as usize];
        setting.asks.as_ref().map(|name| node_called(nodes, name))
    }
}

/// The node of this name; [`parse`] has seen that there is one.
fn node_called(nodes: &[String], name: &String) -> NodeId {
    let position = nodes.iter().position(|known| known == name);
    NodeId(position.expect("names of nodes were looked at") as u16)
}
