//! What must hold, judged on the replay of a running cluster.
//!
//! The checker's own properties look at whole states, and a run of a cluster has many thousands, of logs as long. So
//! these are judged from what each step changed, in the order of the log. An entry is named by its position: by
//! `log-matching`, which is judged as well, two logs that hold one hold the same up to it.

use std::collections::{BTreeMap, HashMap, HashSet};

use quorate_checker::refine::report::PropertyReport;
use quorate_checker::refine::trace::{ClientStep, NodeStep};
use quorate_checker::refine::{Broken, Findings, Judge};
use quorate_ids::{ClientId, NodeId};
use quorate_leader::client::Task;
use quorate_leader::config::Reads;
use quorate_leader::log::{Content, Entry, RowEffect};
use quorate_leader::message::{Message, Outcome};
use quorate_leader::names::{Epoch, Index, Key, Position, RequestId, Value};
use quorate_leader::store::Change;

use super::client::{Answer, ClientInput};
use super::cluster::Cluster;
use super::is_client;
use super::node::{NodeEffect, Seen};
use crate::kinds::Packet;
use crate::leader_based::LeaderBased;
use crate::promises::{Judged, Promiser};

impl Judged {
    /// Whether it is about epochs and logs alone, and not about what a later leader has. Of `exactly-once` traces show that
    /// nothing counts twice; what is lost is told by `no-lost-write`.
    fn is_about_order(self) -> bool {
        match self {
            Judged::OneLeaderPerEpoch | Judged::LogMatching | Judged::ExactlyOnce => true,
            Judged::LeaderCompleteness
            | Judged::NoLostWrite
            | Judged::Linearizable
            | Judged::ReadYourWrites
            | Judged::MonotonicReads => false,
        }
    }

    /// What puts it to the test, in the plural.
    fn occasion(self) -> &'static str {
        match self {
            Judged::OneLeaderPerEpoch => "elections",
            Judged::LogMatching => "entries of another's log",
            Judged::ExactlyOnce => "retried writes",
            Judged::LeaderCompleteness => "leaders after commits",
            Judged::NoLostWrite => "writes at later leaders",
            Judged::Linearizable => "operations after others",
            Judged::ReadYourWrites => "reads of own writes",
            Judged::MonotonicReads => "reads after reads",
        }
    }
}

/// How a property did.
#[derive(Clone, Copy, Default, Debug)]
struct Standing {
    occasions: u64,
    occasions_promised: u64,
    broken: u64,
    is_promised: bool,
}

/// The log of a node.
#[derive(Clone, Default, Debug)]
struct Log {
    /// The epoch of each entry, from index one.
    epochs: Vec<Epoch>,
    /// Up to where nobody knows: what came in a snapshot of a log that nobody has any more.
    unknown: usize,
    committed: Index,
}

impl Log {
    fn position(&self, index: Index) -> Option<Position> {
        let at = index.0 as usize;
        if at == 0 {
            return Some(Position::default());
        }
        let epoch = *self.epochs.get(at - 1).filter(|_| at > self.unknown)?;
        Some(Position { epoch, index })
    }

    /// Whether it holds the entry at this position, as far as anybody knows.
    fn has(&self, position: Position) -> bool {
        position.index.0 as usize <= self.unknown || self.position(position.index) == Some(position)
    }

    /// Whether it has applied it.
    fn has_applied(&self, position: Position) -> bool {
        position.index <= self.committed && self.has(position)
    }
}

/// An entry that somebody appended.
#[derive(Clone, Debug)]
struct Known {
    entry: Entry,
    previous: Option<Position>,
}

/// A write that a client was told is acknowledged.
#[derive(Clone, Debug)]
struct Acknowledged {
    key: Key,
    position: Position,
    /// The epoch of the leader that acknowledged it.
    epoch: Epoch,
    is_lost: bool,
}

/// An operation of a traced client, and what it must see.
#[derive(Clone, Debug)]
struct Operation {
    key: Key,
    reads: Reads,
    is_read: bool,
    is_retried: bool,
    /// The last write of the key that somebody had been told of when it began.
    required: Option<Position>,
    /// The last that its client had made.
    own: Option<Position>,
    /// The last that its client had found.
    seen: Option<Position>,
}

/// What a node's answer was based on.
#[derive(Clone, Copy, Debug)]
struct Based {
    /// The epoch in which the node led.
    epoch: Epoch,
    on_required: bool,
    on_own: bool,
    on_seen: bool,
    /// The last write of the key that it had applied.
    found: Option<Position>,
}

/// What is known of a client.
#[derive(Clone, Default, Debug)]
struct KnownClient {
    reads: Option<Reads>,
    reads_in_two_ways: bool,
    own: HashMap<Key, Position>,
    seen: HashMap<Key, Position>,
}

/// Judges a cluster with one log.
#[derive(Debug)]
pub struct LogJudge {
    promiser: Promiser,
    lost_disks: usize,
    standings: BTreeMap<Judged, Standing>,
    logs: Vec<Log>,
    entries: HashMap<Position, Known>,
    writes: HashMap<Key, Vec<Position>>,
    /// What rows held when leaders had executed statements that the log ships.
    executed: HashMap<Position, Value>,
    /// The keys of which each replica has drawn a value of its own, or looked at its clock.
    drawn: HashSet<Key>,
    places: HashMap<RequestId, Vec<Position>>,
    leaders: BTreeMap<Epoch, NodeId>,
    /// The last entry that each leader has committed.
    committed: BTreeMap<Epoch, Position>,
    acknowledged: Vec<Acknowledged>,
    operations: HashMap<RequestId, Operation>,
    answers: HashMap<(RequestId, NodeId, Position), Based>,
    ended: HashMap<Key, Position>,
    clients: HashMap<ClientId, KnownClient>,
}

fn raise(of: &mut HashMap<Key, Position>, key: &Key, position: Position) {
    let known = of.entry(key.clone()).or_insert(position);
    *known = (*known).max(position);
}

impl LogJudge {
    pub(super) fn new(cluster: &Cluster) -> Self {
        LogJudge::of(cluster.promiser())
    }

    fn of(promiser: Promiser) -> Self {
        let standing = |judged: Judged| {
            let is_promised = judged.is_about_order() || promiser.is_safe(0);
            (judged, Standing { is_promised, ..Standing::default() })
        };
        LogJudge {
            promiser,
            lost_disks: 0,
            standings: Judged::ALL.into_iter().map(standing).collect(),
            logs: vec![Log::default(); promiser.nodes],
            entries: HashMap::new(),
            writes: HashMap::new(),
            executed: HashMap::new(),
            drawn: HashSet::new(),
            places: HashMap::new(),
            leaders: BTreeMap::new(),
            committed: BTreeMap::new(),
            acknowledged: Vec::new(),
            operations: HashMap::new(),
            answers: HashMap::new(),
            ended: HashMap::new(),
            clients: HashMap::new(),
        }
    }

    fn is_safe(&self) -> bool {
        self.promiser.is_safe(self.lost_disks)
    }

    fn keeps_order(&self) -> bool {
        self.promiser.keeps_order(self.lost_disks)
    }

    /// Puts a property to the test: it holds, or why it does not.
    fn test(
        &mut self,
        judged: Judged,
        is_promised: bool,
        holds: bool,
        why: impl FnOnce() -> (Option<String>, String),
    ) -> Result<(), Broken> {
        let standing = self.standings.entry(judged).or_default();
        standing.occasions += 1;
        standing.occasions_promised += u64::from(is_promised);
        if holds {
            return Ok(());
        }
        if is_promised {
            let (of, statement) = why();
            return Err(Broken { name: judged.name(), of, statement });
        }
        standing.broken += 1;
        Ok(())
    }

    fn log(&self, node: NodeId) -> &Log {
        &self.logs[node.index()]
    }

    fn append(&mut self, node: NodeId, index: Index, entry: &Entry) -> Result<(), Broken> {
        let position = Position { epoch: entry.epoch, index };
        let previous = self.log(node).position(index.before());
        if let Some(known) = self.entries.get(&position) {
            let follows_the_same = match (known.previous, previous) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            };
            let holds = known.entry == *entry && follows_the_same;
            self.test(Judged::LogMatching, self.keeps_order(), holds, || {
                (None, format!("two logs differ up to {position}, though both have an entry there"))
            })?;
        } else {
            self.entries.insert(position, Known { entry: entry.clone(), previous });
            if let Content::Write { key, effect, .. } = &entry.content {
                if matches!(effect, RowEffect::Execute(statement) if !statement.is_deterministic())
                {
                    self.drawn.insert(key.clone());
                }
                self.writes.entry(key.clone()).or_default().push(position);
            }
        }
        let log = &mut self.logs[node.index()];
        log.epochs.truncate(index.before().0 as usize);
        log.epochs.push(entry.epoch);
        let Some(request) = entry.request() else { return Ok(()) };
        let log = &self.logs[node.index()];
        let places = self.places.entry(request).or_default();
        let is_there_twice = places
            .iter()
            .any(|place| *place != position && log.position(place.index) == Some(*place));
        if !places.contains(&position) {
            places.push(position);
        }
        if is_there_twice {
            return self.test(Judged::ExactlyOnce, self.keeps_order(), false, || {
                (None, format!("a log has the request {request} twice"))
            });
        }
        Ok(())
    }

    fn install(&mut self, node: NodeId, position: Position) {
        let length = position.index.0 as usize;
        let whose = self.logs.iter().find(|log| log.position(position.index) == Some(position));
        let log = match whose {
            Some(log) => Log {
                epochs: log.epochs[..length].to_vec(),
                unknown: log.unknown.min(length),
                committed: position.index,
            },
            None => Log {
                epochs: vec![position.epoch; length],
                unknown: length.saturating_sub(1),
                committed: position.index,
            },
        };
        self.logs[node.index()] = log;
    }

    /// A node makes itself leader.
    fn lead(&mut self, node: NodeId, epoch: Epoch) -> Result<(), Broken> {
        if !self.leaders.is_empty() {
            let earlier = self.leaders.get(&epoch).copied();
            self.test(Judged::OneLeaderPerEpoch, self.keeps_order(), earlier.is_none(), || {
                let is_it_again = earlier == Some(node);
                let statement = match is_it_again {
                    true => format!("a node comes to lead in epoch {epoch} twice"),
                    false => format!("two nodes lead in epoch {epoch}"),
                };
                (None, statement)
            })?;
        }
        self.leaders.insert(epoch, node);
        let committed: Vec<_> = self.committed.range(..epoch).map(|(_, last)| *last).collect();
        for last in committed {
            self.test_completeness(node, epoch, last)?;
        }
        for at in 0..self.acknowledged.len() {
            self.test_held(at, node, epoch)?;
        }
        Ok(())
    }

    /// Whether the leader of a later epoch has what was committed.
    fn test_completeness(
        &mut self,
        leader: NodeId,
        epoch: Epoch,
        last: Position,
    ) -> Result<(), Broken> {
        let (holds, is_safe) = (self.log(leader).has(last), self.is_safe());
        self.test(Judged::LeaderCompleteness, is_safe, holds, || {
            (
                None,
                format!(
                    "the entry at {last} was committed, and the leader of epoch {epoch} lacks it"
                ),
            )
        })
    }

    /// Whether the leader of a later epoch has what was acknowledged. A write is counted as lost once.
    fn test_held(&mut self, at: usize, leader: NodeId, epoch: Epoch) -> Result<(), Broken> {
        let write = self.acknowledged[at].clone();
        if write.epoch >= epoch || write.is_lost {
            return Ok(());
        }
        let (holds, is_safe) = (self.log(leader).has(write.position), self.is_safe());
        self.acknowledged[at].is_lost = !holds;
        self.test(Judged::NoLostWrite, is_safe, holds, || {
            let position = write.position;
            let of = Some(format!("key {}", write.key));
            (of, format!("the write at {position} was acknowledged, and the leader of epoch {epoch} lacks it"))
        })
    }

    /// What the row held once this write was executed, as the leader that committed it has it; `None` where nobody knows.
    fn came_to(&self, write: Position) -> Option<&Value> {
        match &self.entries.get(&write)?.entry.content {
            Content::Write { effect: RowEffect::Row(value), .. } => Some(value),
            Content::Write { effect: RowEffect::Execute(_), .. } => self.executed.get(&write),
            _ => None,
        }
    }

    /// A leader has executed a statement that the log ships: once it is committed.
    fn execute(&mut self, node: NodeId, index: Index, row: Option<Value>) {
        let (Some(row), Some(position)) = (row, self.log(node).position(index)) else { return };
        let is_executed = self.entries.get(&position).is_some_and(|known| {
            matches!(known.entry.content, Content::Write { effect: RowEffect::Execute(_), .. })
        });
        if is_executed {
            self.executed.entry(position).or_insert(row);
        }
    }

    /// A leader has committed more.
    fn commit(&mut self, node: NodeId, epoch: Epoch, index: Index) -> Result<(), Broken> {
        let Some(last) = self.log(node).position(index) else { return Ok(()) };
        self.committed.insert(epoch, last);
        match self.leaders.last_key_value().map(|(latest, leader)| (*latest, *leader)) {
            Some((latest, leader)) if latest > epoch => {
                self.test_completeness(leader, latest, last)
            }
            _ => Ok(()),
        }
    }

    /// Notes on what a node's answer to a traced client was based.
    fn answer(
        &mut self,
        node: NodeId,
        leads: Option<Epoch>,
        request: RequestId,
        outcome: &Outcome,
    ) {
        let Some(operation) = self.operations.get(&request) else { return };
        let log = self.log(node);
        let (position, is_before): (_, Box<dyn Fn(Position) -> bool>) = match outcome {
            Outcome::Written { position, .. } => {
                (*position, Box::new(|earlier| log.has(earlier) && earlier.index < position.index))
            }
            Outcome::Found { position, .. } => {
                (*position, Box::new(|earlier| log.has_applied(earlier)))
            }
            Outcome::Redirect { .. }
            | Outcome::Behind { .. }
            | Outcome::NoSession { .. }
            | Outcome::Refused(_) => return,
        };
        let writes = self.writes.get(&operation.key);
        let found = writes
            .and_then(|writes| writes.iter().rev().copied().find(|write| log.has_applied(*write)));
        // Whoever is told something else than that write came to does not see it.
        let is_as_written = match outcome {
            Outcome::Found { value, .. } => {
                let is_known = |write: &Position| log.position(write.index) == Some(*write);
                let came_to = found.filter(is_known).and_then(|write| self.came_to(write));
                came_to.is_none_or(|came_to| value.as_ref() == Some(came_to))
            }
            _ => true,
        };
        let based = Based {
            epoch: leads.unwrap_or_default(),
            on_required: operation
                .required
                .is_none_or(|earlier| is_as_written && is_before(earlier)),
            on_own: operation.own.is_none_or(|earlier| is_as_written && is_before(earlier)),
            on_seen: operation.seen.is_none_or(|earlier| is_as_written && is_before(earlier)),
            found,
        };
        drop(is_before);
        self.answers.insert((request, node, position), based);
    }

    /// A traced client's operation has ended.
    fn end(&mut self, request: RequestId, from: NodeId, answer: &Answer) -> Result<(), Broken> {
        let Some(operation) = self.operations.remove(&request) else { return Ok(()) };
        let position = match answer {
            Answer::Written { position, .. } | Answer::Found { position, .. } => *position,
            Answer::Refused(_) | Answer::Unknown => return Ok(()),
        };
        let Some(based) = self.answers.remove(&(request, from, position)) else { return Ok(()) };
        let Operation { key, reads, is_read, is_retried, required, own, seen } = operation;
        let is_safe = self.is_safe();
        let client = self.clients.entry(request.client).or_default();
        let reads_alike = !client.reads_in_two_ways;
        let of = || Some(format!("key {key}"));
        if !is_read {
            raise(&mut client.own, &key, position);
            raise(&mut self.ended, &key, position);
            let write =
                Acknowledged { key: key.clone(), position, epoch: based.epoch, is_lost: false };
            self.acknowledged.push(write);
            if is_retried {
                self.test(Judged::ExactlyOnce, self.keeps_order(), true, || (None, String::new()))?;
            }
            if required.is_some() {
                self.test(Judged::Linearizable, is_safe, based.on_required, || {
                    (
                        of(),
                        "a write comes before one that was acknowledged before it began".to_owned(),
                    )
                })?;
            }
            let latest = self.leaders.last_key_value().map(|(epoch, leader)| (*epoch, *leader));
            return match latest {
                Some((epoch, leader)) => self.test_held(self.acknowledged.len() - 1, leader, epoch),
                None => Ok(()),
            };
        }
        if let Some(found) = based.found {
            raise(&mut client.seen, &key, found);
            raise(&mut self.ended, &key, found);
        }
        let rows_agree = self.promiser.rows_agree(self.drawn.contains(&key));
        let is_confirmed = is_safe && rows_agree && reads == Reads::Confirmed;
        let by_position = reads == Reads::Position && reads_alike;
        let is_session = is_confirmed || is_safe && rows_agree && by_position;
        if required.is_some() {
            self.test(Judged::Linearizable, is_confirmed, based.on_required, || {
                (of(), "a read misses what somebody was told before it began".to_owned())
            })?;
        }
        if own.is_some() {
            self.test(Judged::ReadYourWrites, is_session, based.on_own, || {
                (of(), "a read misses what its client had written".to_owned())
            })?;
        }
        if seen.is_some() {
            self.test(Judged::MonotonicReads, is_session, based.on_seen, || {
                (of(), "a read misses what its client had found before".to_owned())
            })?;
        }
        Ok(())
    }

    fn start(&mut self, request: RequestId, task: &Task, reads: Reads) {
        let client = self.clients.entry(request.client).or_default();
        client.reads_in_two_ways |= client.reads.is_some_and(|before| before != reads);
        client.reads = Some(reads);
        let key = task.key();
        let operation = Operation {
            key: key.clone(),
            reads,
            is_read: matches!(task, Task::Read { .. }),
            is_retried: false,
            required: self.ended.get(key).copied(),
            own: client.own.get(key).copied(),
            seen: client.seen.get(key).copied(),
        };
        self.operations.insert(request, operation);
    }
}

impl Judge<LeaderBased> for LogJudge {
    type Seen = Seen;

    fn on_lost_disk(&mut self, node: NodeId) -> Result<(), Broken> {
        self.logs[node.index()] = Log::default();
        self.lost_disks += 1;
        let (is_safe, keeps_order) = (self.is_safe(), self.keeps_order());
        for (judged, standing) in &mut self.standings {
            standing.is_promised &= is_safe || judged.is_about_order() && keeps_order;
        }
        Ok(())
    }

    fn on_node_step(
        &mut self,
        node: NodeId,
        step: &NodeStep<LeaderBased>,
        seen: Seen,
    ) -> Result<(), Broken> {
        let mut row = None;
        for change in &seen.changes {
            match change {
                Change::Append { index, entry } => self.append(node, *index, entry)?,
                Change::Discard(from) => {
                    let log = &mut self.logs[node.index()];
                    log.epochs.truncate(from.before().0 as usize);
                }
                Change::Committed(index) => {
                    self.logs[node.index()].committed = *index;
                    let row = row.take();
                    if seen.leads.is_some() {
                        self.execute(node, *index, row);
                    }
                }
                Change::Row { value, .. } => row.clone_from(value),
                Change::Install(snapshot) => self.install(node, snapshot.position),
                Change::Ballot(_)
                | Change::CaughtUp(_)
                | Change::Remember { .. }
                | Change::Undo { .. }
                | Change::Sessions(_)
                | Change::Compact(_) => {}
            }
        }
        if let Some(epoch) = seen.leads {
            if seen.led != Some(epoch) {
                self.lead(node, epoch)?;
            }
            let committed = self.log(node).committed;
            if committed > seen.committed_before {
                self.commit(node, epoch, committed)?;
            }
        }
        for effect in &step.effects {
            if let NodeEffect::Send { to, packet: Packet { message, .. } } = effect
                && is_client(*to)
                && let Message::Reply { request, outcome } = message
            {
                self.answer(node, seen.leads, *request, outcome);
            }
        }
        Ok(())
    }

    fn on_client_step(
        &mut self,
        step: &ClientStep<LeaderBased>,
        operation: u64,
    ) -> Result<(), Broken> {
        let number = u32::try_from(operation + 1).unwrap_or(u32::MAX);
        let request = RequestId { client: step.client, number };
        match (&step.input, &step.outcome) {
            (ClientInput::Invoke { task, reads, .. }, _) => self.start(request, task, *reads),
            (ClientInput::Receive { from, .. }, Some(answer)) => {
                return self.end(request, *from, answer);
            }
            (ClientInput::Receive { .. } | ClientInput::Expire, _) => {
                if let Some(operation) = self.operations.get_mut(&request) {
                    operation.is_retried |= !step.effects.is_empty();
                }
            }
        }
        Ok(())
    }

    /// What others write puts nothing to the test that was traced, and takes nothing from it.
    fn on_untraced(&mut self, _: ClientId, _: &Packet) {}

    fn findings(&self) -> Findings {
        let report = |(judged, standing): (&Judged, &Standing)| PropertyReport {
            name: judged.name(),
            keys_promised: usize::from(standing.is_promised),
            occasions: standing.occasions,
            occasions_promised: standing.occasions_promised,
            occasion: judged.occasion(),
            broken: standing.broken,
        };
        Findings {
            properties: self.standings.iter().map(report).collect(),
            keys_judged: 1,
            keys_not_judged: Vec::new(),
        }
    }
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
