//! What a client does: asks whom it believes to lead, is sent on, tries again under the same request, and remembers
//! what its reads need.

mod footprint;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use quorate_ids::{ClientId, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Reads;
use crate::message::{Message, Operation, Outcome, ReadFrom};
use crate::names::{Key, Position, RequestId};
use crate::shards::{ShardId, Shards};
use crate::statement::Statement;

/// How often one attempt follows a redirection: further ones lead back to where it has been.
const REDIRECTIONS_MAX: u8 = 2;

/// What a client is told before it starts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientConfig {
    /// How many nodes there are.
    pub nodes: usize,
    /// The logs.
    pub shards: Shards,
    /// Where it reads.
    pub reads: Reads,
    /// How often it asks at most for one request, redirections not counted.
    pub attempts: u8,
    /// Whether a client that hears that nobody leads waits for its timer before it asks the next node, as it does for
    /// one that does not answer. Without, an election outlasts all its attempts.
    pub waits_for_leader: bool,
    /// Whether nodes may forget clients ([`sessions`](crate::sessions)): then a write says how far its client has seen the log.
    pub has_sessions: bool,
}

/// What a client wants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// To change a row.
    Write {
        /// Which.
        key: Key,
        /// How.
        statement: Statement,
    },
    /// To know what a row holds.
    Read {
        /// Which.
        key: Key,
    },
}

impl Task {
    /// The row that it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Task::Write { key, .. } | Task::Read { key } => key,
        }
    }
}

/// A client, between requests or in one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Client {
    id: ClientId,
    number: u32,
    /// Whom it believes to lead each log.
    believes: BTreeMap<ShardId, NodeId>,
    /// The replica that it reads from, with sticky reads.
    sticky: Option<NodeId>,
    /// The rows that it wrote, with reads of its own writes.
    written: BTreeSet<Key>,
    /// How far it has seen each log, with reads by position.
    seen: BTreeMap<ShardId, Position>,
    /// The same where nodes may forget it, for its writes to say.
    since: BTreeMap<ShardId, Position>,
    asked: Option<Asked>,
}

/// A request under way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Asked {
    task: Task,
    operation: Operation,
    node: NodeId,
    attempts_left: u8,
    redirections_left: u8,
    /// Whether it was told how far the log is, having seen nothing of it when it began.
    is_told: bool,
}

/// What a client does in one step.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ClientStep {
    /// What it sends, and to whom. Its timer starts anew.
    pub send: Option<(NodeId, ShardId, Message)>,
    /// How its request ended, if it did. Its timer stops.
    pub ended: Option<Ended>,
}

/// How a request ended.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ended {
    /// Which.
    pub request: RequestId,
    /// What was wanted.
    pub task: Task,
    /// What came of it: [`Outcome::Written`], [`Outcome::Found`] or [`Outcome::Refused`]; `None` if nobody knows. A write that was
    /// refused may be done all the same if the network doubled it, unless the reason is the request itself.
    pub outcome: Option<Outcome>,
}

impl Client {
    /// A client that believes this node to lead, or has been told who leads each log.
    #[must_use]
    pub fn new(id: ClientId, config: &ClientConfig, believes: Option<NodeId>) -> Self {
        let first = config.shards.0.iter().map(|shard| believes.unwrap_or(shard.first_leader));
        Client {
            id,
            number: 0,
            believes: config.shards.ids().zip(first).collect(),
            sticky: None,
            written: BTreeSet::new(),
            seen: BTreeMap::new(),
            since: BTreeMap::new(),
            asked: None,
        }
    }

    /// The request under way, the node that was asked last, and what is wanted.
    #[must_use]
    pub fn asks(&self) -> Option<(RequestId, NodeId, &Task)> {
        let asked = self.asked.as_ref()?;
        let request = RequestId { client: self.id, number: self.number };
        Some((request, asked.node, &asked.task))
    }

    /// Whether it has asked nobody else for what it asks now.
    #[must_use]
    pub fn asks_first(&self, config: &ClientConfig) -> bool {
        self.asked.as_ref().is_some_and(|asked| {
            asked.attempts_left + 1 == config.attempts
                && asked.redirections_left == REDIRECTIONS_MAX
                && !asked.is_told
        })
    }

    /// The nodes that it may ask: whoever it believes to lead, or any.
    #[must_use]
    pub fn may_ask(&self, config: &ClientConfig, task: &Task) -> Vec<NodeId> {
        let any = (0..config.nodes as u16).map(NodeId).collect();
        let one = match (task, config.reads) {
            (Task::Write { .. }, _) | (_, Reads::Leader | Reads::Confirmed) => {
                self.believes.get(&config.shards.of(task.key())).copied()
            }
            (_, Reads::OwnWrites) if self.written.contains(task.key()) => {
                self.believes.get(&config.shards.of(task.key())).copied()
            }
            (_, Reads::Sticky) => self.sticky,
            (_, Reads::Any | Reads::OwnWrites | Reads::Position) => None,
        };
        one.map_or(any, |one| Vec::from([one]))
    }

    /// Starts its next request, and asks this node.
    #[must_use]
    pub fn start(&mut self, config: &ClientConfig, task: Task, node: NodeId) -> ClientStep {
        self.number += 1;
        let operation = match &task {
            Task::Write { key, statement } => {
                if config.reads == Reads::OwnWrites {
                    self.written.insert(key.clone());
                }
                let since = match config.has_sessions {
                    true => self.since.get(&config.shards.of(key)).copied(),
                    false => None,
                };
                Operation::Write { key: key.clone(), statement: statement.clone(), since }
            }
            Task::Read { key } => {
                let from = match config.reads {
                    Reads::Leader => ReadFrom::Leader,
                    Reads::Confirmed => ReadFrom::ConfirmedLeader,
                    Reads::OwnWrites if self.written.contains(key) => ReadFrom::Leader,
                    Reads::Any | Reads::Sticky | Reads::OwnWrites => ReadFrom::Replica,
                    Reads::Position => {
                        let seen = self.seen.get(&config.shards.of(key));
                        seen.map_or(ReadFrom::Replica, |seen| ReadFrom::ReplicaAt(*seen))
                    }
                };
                Operation::Read { key: key.clone(), from }
            }
        };
        let (attempts_left, redirections_left) = (config.attempts - 1, REDIRECTIONS_MAX);
        let is_told = false;
        let asked = Asked { task, operation, node, attempts_left, redirections_left, is_told };
        self.asked = Some(asked);
        self.ask(config)
    }

    fn ask(&self, config: &ClientConfig) -> ClientStep {
        let Some(Asked { operation, node, .. }) = &self.asked else { return ClientStep::default() };
        let request = RequestId { client: self.id, number: self.number };
        let message = Message::Request { request, operation: operation.clone() };
        let send = Some((*node, config.shards.of(operation.key()), message));
        ClientStep { send, ended: None }
    }

    /// A node answers.
    #[must_use]
    pub fn receive(
        &mut self,
        config: &ClientConfig,
        from: NodeId,
        message: &Message,
    ) -> ClientStep {
        let Message::Reply { request, outcome } = message else { return ClientStep::default() };
        let Some(asked) = &mut self.asked else { return ClientStep::default() };
        if request.number != self.number || request.client != self.id {
            return ClientStep::default();
        }
        let shard = config.shards.of(asked.operation.key());
        match outcome {
            Outcome::Written { position, .. } | Outcome::Found { position, .. } => {
                if config.reads == Reads::Position {
                    self.seen.entry(shard).or_default().advance(*position);
                }
                if config.has_sessions {
                    self.since.entry(shard).or_default().advance(*position);
                }
                if matches!(outcome, Outcome::Written { .. }) {
                    self.believes.insert(shard, from);
                } else if config.reads == Reads::Sticky {
                    self.sticky = Some(from);
                }
                self.end(Some(outcome.clone()))
            }
            // What another node says than was asked last is of an attempt that was given up.
            Outcome::Redirect { .. }
            | Outcome::Behind { .. }
            | Outcome::NoSession { .. }
            | Outcome::Refused(_)
                if from != asked.node =>
            {
                ClientStep::default()
            }
            Outcome::NoSession { position } => {
                match &mut asked.operation {
                    // Nobody has done it: it did not say how far it had seen the log.
                    Operation::Write { since: since @ None, .. } => {
                        *since = Some(*position);
                        asked.is_told = true;
                        self.since.insert(shard, *position);
                        self.ask(config)
                    }
                    // It was told that already: what expires is beyond what a client says that has no session.
                    Operation::Write { since: Some(since), .. } if *since == *position => {
                        ClientStep::default()
                    }
                    // It may have been done before its client was forgotten.
                    _ => {
                        self.since.insert(shard, *position);
                        self.end(None)
                    }
                }
            }
            Outcome::Refused(refusal) => {
                // An earlier attempt may have been taken, unless it is one that no node ever takes.
                let is_first = asked.attempts_left == config.attempts - 1
                    && asked.redirections_left == REDIRECTIONS_MAX;
                let is_write = matches!(asked.task, Task::Write { .. });
                if is_write && !is_first && !refusal.is_of_request() {
                    return ClientStep::default();
                }
                self.end(Some(outcome.clone()))
            }
            Outcome::Redirect { leader } | Outcome::Behind { leader } => {
                let other = leader.filter(|leader| *leader != from);
                match other {
                    Some(leader) if asked.redirections_left > 0 => {
                        asked.redirections_left -= 1;
                        asked.node = leader;
                        self.believes.insert(shard, leader);
                        self.ask(config)
                    }
                    None if config.waits_for_leader => ClientStep::default(),
                    _ => self.try_again(config),
                }
            }
        }
    }

    /// The node that was asked does not answer.
    #[must_use]
    pub fn expire(&mut self, config: &ClientConfig) -> ClientStep {
        self.sticky = None;
        self.try_again(config)
    }

    /// So much time has passed since its last write that any replica will do, with reads of its own writes.
    pub fn forget_own_writes(&mut self) {
        self.written.clear();
    }

    /// So much time has passed since it asked last that nodes may have forgotten it: before its next write it is told anew
    /// how far the log is. At any other time that costs a round trip, and nothing else.
    pub fn forget_sessions(&mut self) {
        self.since.clear();
    }

    /// Whether it reads what it wrote from the leader.
    #[must_use]
    pub fn remembers_own_writes(&self) -> bool {
        !self.written.is_empty()
    }

    /// Asks the next node for the same, or gives up: then it does not know what becomes of its request, nor whether what it has
    /// seen of the log is there still.
    fn try_again(&mut self, config: &ClientConfig) -> ClientStep {
        let Some(asked) = &mut self.asked else { return ClientStep::default() };
        let shard = config.shards.of(asked.operation.key());
        self.believes.remove(&shard);
        if asked.attempts_left == 0 {
            self.since.remove(&shard);
            return self.end(None);
        }
        asked.attempts_left -= 1;
        asked.redirections_left = REDIRECTIONS_MAX;
        asked.node = NodeId((asked.node.0 + 1) % config.nodes as u16);
        self.ask(config)
    }

    fn end(&mut self, outcome: Option<Outcome>) -> ClientStep {
        let request = RequestId { client: self.id, number: self.number };
        let ended = self.asked.take().map(|asked| Ended { request, task: asked.task, outcome });
        ClientStep { send: None, ended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Refusal;
    use crate::names::{Epoch, Index, Value};
    use crate::shards::Shard;

    const NODES: [NodeId; 3] = [NodeId(0), NodeId(1), NodeId(2)];

    fn config(waits_for_leader: bool) -> ClientConfig {
        ClientConfig {
            nodes: 3,
            shards: Shards(Vec::from([Shard { first_leader: NODES[0], from: None }])),
            reads: Reads::Confirmed,
            attempts: 3,
            waits_for_leader,
            has_sessions: false,
        }
    }

    #[test]
    fn a_write_is_refused_for_certain_only_where_no_earlier_attempt_can_have_been_taken() {
        let (config, key) = (config(true), Key::from("x"));
        let write = Task::Write { key: key.clone(), statement: Statement::Add(1) };
        let busy = Refusal::TooManyWait { pending_max: 1 };
        let long = Refusal::KeyTooLong { bytes: 2, bytes_max: 1 };
        for (task, tries_again, refusal, is_certain) in [
            (write.clone(), false, busy, true),
            (write.clone(), true, busy, false),
            (write, true, long, true),
            (Task::Read { key }, true, busy, true),
        ] {
            let mut client = Client::new(ClientId(1), &config, None);
            let mut asked = client.start(&config, task, NODES[0]);
            if tries_again {
                asked = client.expire(&config);
            }
            let node = asked.send.map(|(node, ..)| node).unwrap();
            let request = RequestId { client: ClientId(1), number: 1 };
            let message = Message::Reply { request, outcome: Outcome::Refused(refusal) };
            let ended = client.receive(&config, node, &message).ended;
            assert_eq!(ended.is_some(), is_certain, "{refusal:?}");
            assert_eq!(client.asks().is_none(), is_certain, "{refusal:?}");
        }
    }

    #[test]
    fn a_client_is_told_how_far_the_log_is_before_its_first_write_and_learns_nothing_of_one_that_was_forgotten()
     {
        let config = ClientConfig { has_sessions: true, ..config(true) };
        let at = |index| Position { epoch: Epoch::of(1), index: Index(index) };
        let mut client = Client::new(ClientId(1), &config, None);
        let since = |step: &ClientStep| match &step.send {
            Some((node, _, Message::Request { operation: Operation::Write { since, .. }, .. })) => {
                (*node, *since)
            }
            other => panic!("{other:?}"),
        };
        let write = || Task::Write { key: Key::from("x"), statement: Statement::Add(1) };
        let told = |number, outcome| Message::Reply {
            request: RequestId { client: ClientId(1), number },
            outcome,
        };
        let asked = client.start(&config, write(), NODES[0]);
        assert_eq!(since(&asked), (NODES[0], None));
        assert!(client.asks_first(&config));
        let no_session = |index| Outcome::NoSession { position: at(index) };
        let again = client.receive(&config, NODES[0], &told(1, no_session(3)));
        assert_eq!(since(&again), (NODES[0], Some(at(3))));
        assert!(!client.asks_first(&config));
        let elsewhere = client.expire(&config);
        assert_eq!(since(&elsewhere), (NODES[1], Some(at(3))), "it says the same to all");
        let ended = client.receive(&config, NODES[1], &told(1, no_session(9))).ended;
        assert_eq!(ended.map(|ended| ended.outcome), Some(None), "it may have been done");
        let next = client.start(&config, write(), NODES[1]);
        assert_eq!(since(&next), (NODES[1], Some(at(9))));
        assert_eq!(
            client.receive(&config, NODES[1], &told(2, no_session(9))),
            ClientStep::default()
        );
        let written = Outcome::Written { position: at(10), value: Value::Number(1) };
        assert!(client.receive(&config, NODES[1], &told(2, written)).ended.is_some());
        assert_eq!(since(&client.start(&config, write(), NODES[1])), (NODES[1], Some(at(10))));
        while client.expire(&config).ended.is_none() {}
        let anew = client.start(&config, write(), NODES[1]);
        assert_eq!(since(&anew), (NODES[1], None), "nobody may be so far any more");
    }

    /// Whom a client asks after each of three nodes has said that nobody leads, and its timer has expired then.
    fn asked(waits_for_leader: bool) -> Vec<NodeId> {
        let config = config(waits_for_leader);
        let mut client = Client::new(ClientId(1), &config, None);
        let asked = |step: ClientStep| step.send.map(|(node, ..)| node);
        let task = Task::Read { key: Key::from("x") };
        let mut nodes: Vec<_> = asked(client.start(&config, task, NODES[0])).into_iter().collect();
        for node in NODES {
            let request = RequestId { client: ClientId(1), number: 1 };
            let message = Message::Reply { request, outcome: Outcome::Redirect { leader: None } };
            nodes.extend(asked(client.receive(&config, node, &message)));
        }
        nodes.extend(asked(client.expire(&config)));
        nodes
    }

    #[test]
    fn a_client_that_hears_that_nobody_leads_waits_before_it_asks_the_next_where_it_is_told_to() {
        assert_eq!(asked(true), NODES[..2]);
        assert_eq!(asked(false), NODES, "all its attempts are over");
    }
}
