//! A node's part in one log.
//!
//! The rules are in modules of their own: [`acknowledgement`] says when a write is safe enough to be acknowledged,
//! `heartbeat` how a leader ships its log and says that it leads, `election` how a leader is found, `catch_up`
//! how a follower that is behind, or lost its disk, gets what it lacks, `snapshot` how it gets that when the leader
//! no longer has the entries, `routing` how writes reach the leader once, `reads` how reads are served.

pub mod acknowledgement;
mod catch_up;
mod election;
mod footprint;
mod heartbeat;
mod parts;
#[cfg(feature = "planted-faults")]
mod planted;
mod reads;
mod routing;
mod snapshot;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use quorate_ids::{ClientId, NodeId, NodeSet, Peer};
use serde::Serialize;

use crate::config::{ElectionKind, NodeConfig};
use crate::deviation::Deviation;
use crate::draft::Draft;
use crate::effect::{Effect, Input, Step, Timer};
use crate::limits::{self, Limits, Refusal};
use crate::log::{Content, Entry};
use crate::message::{Message, Operation, Outcome};
use crate::names::{Epoch, Index, Position, RequestId};
use crate::statement::Surroundings;
use crate::store::{Ballot, Store};

use catch_up::Recall;
use reads::Confirming;
use snapshot::Arriving;

/// What a node keeps of one log until it stops.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Replica {
    role: Role,
    /// Which of its lives this is: no two have the same.
    life: u64,
    /// What the others have said that they hold, since a lost disk.
    recall: Option<Recall>,
    /// Pages of a snapshot.
    arriving: Option<Arriving>,
}

/// What a node is in one log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum Role {
    /// It takes the log from a leader, if it knows one.
    Follower {
        /// Whom it believes to lead.
        leader: Option<NodeId>,
    },
    /// It wants to lead, and gathers votes.
    Candidate {
        /// Who has voted for it.
        votes: NodeSet,
    },
    /// It wants to lead, and asks whether a higher node is up.
    Bullying {
        /// Whether one has answered.
        is_answered: bool,
    },
    /// It leads, as far as it knows.
    Leader(Leadership),
}

impl Default for Role {
    fn default() -> Self {
        Role::Follower { leader: None }
    }
}

/// What a leader knows, until it leads no longer.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Leadership {
    /// Up to where each follower is known to hold the log.
    matched: BTreeMap<NodeId, Index>,
    /// The followers to whom a piece of the log is under way, as far as this leader knows: what is appended
    /// meanwhile goes with the next one.
    under_way: NodeSet,
    /// The synchronous follower, where there is one.
    synchronous: Option<NodeId>,
    /// Who waits for a write to be acknowledged, and where it is in the log.
    waiting: BTreeMap<RequestId, Waiting>,
    /// The last round of heartbeats that somebody waits for.
    round: u32,
    /// Reads that wait for a round.
    confirming: Vec<Confirming>,
}

/// A write that waits to be acknowledged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
struct Waiting {
    /// Where it is in the log.
    index: Index,
    /// What it takes, which follows from the request.
    #[serde(skip)]
    bytes: usize,
}

impl Leadership {
    /// Refuses a request of so many bytes where it would be too much with those that wait.
    fn admit(&self, limits: &Limits, bytes: usize) -> Result<(), Refusal> {
        let Limits { pending_max, pending_bytes_max, .. } = *limits;
        if self.owed() >= pending_max {
            return Err(Refusal::TooManyWait { pending_max });
        }
        let pending_bytes = self.owed_bytes();
        if pending_bytes.saturating_add(bytes) > pending_bytes_max {
            return Err(Refusal::TooMuchWaits { bytes, pending_bytes, pending_bytes_max });
        }
        Ok(())
    }

    /// What the requests take that wait to be answered.
    #[must_use]
    pub fn owed_bytes(&self) -> usize {
        let reads = self.confirming.iter().map(|read| limits::request_bytes(&read.key, None));
        self.waiting.values().map(|waiting| waiting.bytes).chain(reads).sum()
    }

    /// Up to where a follower is known to hold the log.
    #[must_use]
    pub fn matched(&self, follower: NodeId) -> Index {
        self.matched.get(&follower).copied().unwrap_or_default()
    }

    /// The synchronous follower, where there is one.
    #[must_use]
    pub fn synchronous(&self) -> Option<NodeId> {
        self.synchronous
    }

    /// How many requests wait to be answered.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.waiting.len() + self.confirming.len()
    }

    /// Whether this request waits for an acknowledgement, or for a round of heartbeats.
    #[must_use]
    pub fn owes(&self, request: RequestId) -> bool {
        self.waiting.contains_key(&request)
            || self.confirming.iter().any(|read| read.request == request)
    }

    /// Whether a read waits for a round of heartbeats that this follower has not answered.
    #[must_use]
    pub fn awaits(&self, follower: NodeId) -> bool {
        self.confirming.iter().any(|read| read.round > 0 && !read.heard.contains(follower))
    }

    /// Whether a read waits for this round or an earlier one, and this follower's answer would count.
    #[must_use]
    pub fn awaits_round(&self, follower: NodeId, round: u32) -> bool {
        let counts =
            |read: &Confirming| (1..=round).contains(&read.round) && !read.heard.contains(follower);
        self.confirming.iter().any(counts)
    }
}

/// A step that is being taken.
pub(crate) struct Turn<'a, S> {
    pub(crate) config: &'a NodeConfig,
    pub(crate) draft: Draft<'a, S>,
    pub(crate) around: Surroundings,
    effects: Vec<Effect>,
}

impl<S: Store> Turn<'_, S> {
    fn deviates(&self, deviation: Deviation) -> bool {
        self.config.cluster.deviations.contains(deviation)
    }

    fn send(&mut self, to: impl Into<Peer>, message: Message) {
        self.effects.push(Effect::Send { to: to.into(), message });
    }

    fn send_to_others(&mut self, message: &Message) {
        for other in self.config.others() {
            self.send(other, message.clone());
        }
    }

    fn reply(&mut self, request: RequestId, outcome: Outcome) {
        self.send(request.client, Message::Reply { request, outcome });
    }

    fn set(&mut self, timer: Timer) {
        self.effects.push(Effect::SetTimer(timer));
    }

    fn cancel(&mut self, timer: Timer) {
        self.effects.push(Effect::CancelTimer(timer));
    }

    /// Applies the log up to here.
    fn apply_through(&mut self, index: Index) -> Result<(), S::Error> {
        self.draft.apply_through(index, self.around, self.config.cluster.sessions)
    }

    fn committed_position(&self) -> Result<Position, S::Error> {
        Ok(self.draft.position(self.draft.committed()?)?.unwrap_or_default())
    }
}

impl Replica {
    /// What the node is.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// What it knows as a leader, if it is one.
    #[must_use]
    pub fn leadership(&self) -> Option<&Leadership> {
        match &self.role {
            Role::Leader(leadership) => Some(leadership),
            _ => None,
        }
    }

    /// Whom it believes to lead, itself included.
    #[must_use]
    pub fn leader(&self, own: NodeId) -> Option<NodeId> {
        match &self.role {
            Role::Follower { leader } => *leader,
            Role::Leader(_) => Some(own),
            Role::Candidate { .. } | Role::Bullying { .. } => None,
        }
    }

    /// Whether it waits for what others hold, since it lost its disk; and for whom.
    #[must_use]
    pub fn recalls_from(&self, other: NodeId) -> bool {
        self.recall.as_ref().is_some_and(|recall| !recall.has_told(other))
    }

    /// Lets something reach the node: what it stores, and what it does then.
    ///
    /// # Errors
    /// When the store cannot be read. The replica is not to be used any more then.
    pub fn step<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        around: Surroundings,
        input: Input,
    ) -> Result<Step, S::Error> {
        #[cfg(feature = "planted-faults")]
        if let Some(fault) = config.cluster.deviations.planted() {
            return planted::step(self, config, store, around, input, fault);
        }
        self.react(config, store, around, input)
    }

    /// Takes the step as it is meant.
    fn react<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        around: Surroundings,
        input: Input,
    ) -> Result<Step, S::Error> {
        let mut turn = Turn { config, draft: Draft::of(store), around, effects: Vec::new() };
        match input {
            Input::Start { life, founding } => {
                self.life = life;
                if founding { self.found(&mut turn) } else { self.restart(&mut turn)? }
            }
            Input::Expire(timer) => self.expire(&mut turn, timer)?,
            Input::Receive { from: Peer::Client(client), message } => {
                self.serve(&mut turn, client, message)?;
            }
            Input::Receive { from: Peer::Node(from), message } => {
                self.receive(&mut turn, from, message)?;
            }
        }
        Ok(Step { changes: turn.draft.into_changes(), effects: turn.effects })
    }

    /// The cluster is founded: its first leader is appointed, in an epoch that everybody knows of.
    fn found<S: Store>(&mut self, turn: &mut Turn<'_, S>) {
        let first = turn.config.first_leader;
        turn.draft.vote(Ballot { epoch: turn.config.cluster.founding_epoch(), vote: Some(first) });
        if turn.config.node == first {
            self.begin_to_lead(turn);
        } else {
            self.follow(turn, Some(first));
        }
    }

    /// The node starts again, and knows no leader.
    fn restart<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        self.follow(turn, None);
        if turn.config.cluster.election == ElectionKind::Raft {
            self.recall_if_lost(turn)?;
        }
        if turn.config.cluster.election == ElectionKind::Bully {
            self.bully(turn)?;
        }
        Ok(())
    }

    fn expire<S: Store>(&mut self, turn: &mut Turn<'_, S>, timer: Timer) -> Result<(), S::Error> {
        match timer {
            Timer::Election => self.elect(turn),
            Timer::Candidacy => self.elect_again(turn),
            Timer::Heartbeat(follower) => self.heartbeat(turn, follower),
            Timer::Synchronous => self.suspect_synchronous(turn),
            Timer::CatchUp => {
                self.recall_again(turn);
                Ok(())
            }
        }
    }

    fn serve<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        client: ClientId,
        message: Message,
    ) -> Result<(), S::Error> {
        let Message::Request { request, operation } = message else { return Ok(()) };
        if request.client != client {
            return Ok(());
        }
        let statement = match &operation {
            Operation::Write { statement, .. } => Some(statement),
            Operation::Read { .. } => None,
        };
        if let Err(refusal) = turn.config.cluster.limits.check(operation.key(), statement) {
            turn.reply(request, Outcome::Refused(refusal));
            return Ok(());
        }
        match operation {
            Operation::Write { key, statement, since } => {
                self.write(turn, request, key, statement, since)
            }
            Operation::Read { key, from } => self.read(turn, request, key, from),
        }
    }

    fn receive<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        message: Message,
    ) -> Result<(), S::Error> {
        match message {
            Message::Append(append) => self.on_append(turn, from, append, false),
            Message::Coordinator(append) => self.on_append(turn, from, append, true),
            Message::Appended { epoch, matched, round } => {
                self.on_appended(turn, from, epoch, matched, round)
            }
            Message::Ask { epoch, last } => self.on_ask(turn, from, epoch, last),
            Message::Snapshot(page) => self.on_page(turn, from, page),
            Message::More { epoch, position, after } => {
                self.on_more(turn, from, epoch, position, after)
            }
            Message::RequestVote { epoch, last } => self.on_request_vote(turn, from, epoch, last),
            Message::Vote { epoch } => self.on_vote(turn, from, epoch),
            Message::Stale { epoch } => self.on_stale(turn, epoch),
            Message::Election => self.on_election(turn, from),
            Message::Answer => {
                self.on_answer();
                Ok(())
            }
            Message::Recall { life } => self.on_recall(turn, from, life),
            Message::Recalled { life, epoch, last } => {
                self.on_recalled(turn, from, life, epoch, last)
            }
            // Only clients ask, and only they are answered.
            Message::Request { .. } | Message::Reply { .. } => Ok(()),
        }
    }

    /// Follows this leader, or waits for one. What clients wait for is not answered any more here: they are
    /// sent on.
    fn follow<S: Store>(&mut self, turn: &mut Turn<'_, S>, leader: Option<NodeId>) {
        match core::mem::replace(&mut self.role, Role::Follower { leader }) {
            Role::Follower { .. } => {}
            Role::Candidate { .. } | Role::Bullying { .. } => turn.cancel(Timer::Candidacy),
            Role::Leader(leadership) => {
                for other in turn.config.others() {
                    turn.cancel(Timer::Heartbeat(other));
                }
                turn.cancel(Timer::Synchronous);
                let reads = leadership.confirming.iter().map(|read| read.request);
                for request in leadership.waiting.keys().copied().chain(reads) {
                    turn.reply(request, Outcome::Redirect { leader });
                }
            }
        }
        turn.set(Timer::Election);
    }

    /// Learns of a later epoch, in which it has not voted.
    fn adopt<S: Store>(&mut self, turn: &mut Turn<'_, S>, epoch: Epoch) {
        turn.draft.vote(Ballot { epoch, vote: None });
        if self.role != (Role::Follower { leader: None }) {
            self.follow(turn, None);
        }
    }

    /// Leads from now on, without an entry that says so.
    fn begin_to_lead<S: Store>(&mut self, turn: &mut Turn<'_, S>) {
        self.follow(turn, None);
        turn.cancel(Timer::Election);
        let synchronous = acknowledgement::first_synchronous(turn.config);
        self.role = Role::Leader(Leadership { synchronous, ..Leadership::default() });
        self.arriving = None;
        for other in turn.config.others() {
            turn.set(Timer::Heartbeat(other));
        }
        if synchronous.is_some() {
            turn.set(Timer::Synchronous);
        }
    }

    /// Leads from now on, and says so with the first entry of the new epoch: its log then differs from every
    /// other that does not follow it, and Raft commits older entries through it.
    fn lead<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        self.begin_to_lead(turn);
        let node = turn.config.node;
        let announces = turn.config.cluster.election != ElectionKind::Raft;
        self.append_and_ship(turn, Content::Lead(node), announces)?;
        Ok(())
    }

    /// Appends an entry to the leader's log and ships it, unless the log has as many as can be counted. What it takes to be
    /// acknowledged may be there at once.
    fn append_and_ship<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        content: Content,
        announces: bool,
    ) -> Result<Index, S::Error> {
        let last = turn.draft.last()?.index;
        let Some(index) = last.further(1) else { return Ok(last) };
        turn.draft.append(index, Entry { epoch: turn.draft.epoch()?, content });
        self.advance(turn)?;
        self.ship(turn, index, announces)?;
        Ok(index)
    }
}
