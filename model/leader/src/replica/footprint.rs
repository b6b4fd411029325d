//! What each step of a node declares to touch of one log.

use quorate_ids::{ClientId, NodeId, Peer};

use super::{Replica, Role};
use crate::config::{ClusterConfig, ElectionKind, NodeConfig, Replication};
use crate::deviation::Deviation;
use crate::draft::Draft;
use crate::effect::{Input, Timer};
use crate::footprint::{Component, Declaration, Family};
use crate::log;
use crate::message::{Message, Operation, ReadFrom};
use crate::names::{Epoch, Key, Position, RequestId};
use crate::store::{Ballot, MemoryStore};

/// What a declaration may look at.
struct Guards<'a> {
    config: &'a NodeConfig,
    store: &'a MemoryStore,
    replica: &'a Replica,
}

impl Replica {
    /// What the step that takes this input in this state declares to touch. That counters come to their end, of epochs, entries
    /// and rounds, is left out: no search comes there.
    #[must_use]
    pub fn footprint(
        &self,
        config: &NodeConfig,
        store: &MemoryStore,
        input: &Input,
    ) -> Declaration {
        let guards = Guards { config, store, replica: self };
        let mut declared = Declaration::default();
        match input {
            Input::Start { .. } => guards.start(&mut declared),
            Input::Expire(timer) => {
                declared.timer(*timer);
                guards.expire(*timer, &mut declared);
            }
            Input::Receive { from: Peer::Client(client), message } => {
                guards.serve(*client, message, &mut declared);
            }
            Input::Receive { from: Peer::Node(from), message } => {
                guards.receive(*from, message, &mut declared);
            }
        }
        declared
    }
}

impl Guards<'_> {
    fn cluster(&self) -> &ClusterConfig {
        &self.config.cluster
    }

    fn leads(&self) -> bool {
        matches!(self.replica.role, Role::Leader(_))
    }

    fn compacts(&self) -> bool {
        self.cluster().snapshot_after.is_some()
    }

    fn forgets_clients(&self) -> bool {
        self.cluster().sessions.is_some()
    }

    fn known(&self) -> Ballot {
        self.store.latest_ballot()
    }

    /// Everything volatile goes, and every timer that a node may have.
    fn start(&self, declared: &mut Declaration) {
        declared.write(Component::Recall).write(Component::Arriving).write(Family::Timer);
        declared.write(Component::Life);
        Self::of_a_leader(declared);
        declared.write(Component::Role);
        match self.cluster().election {
            ElectionKind::Raft => {
                declared.read(Component::Ballot).write(Component::CaughtUp).send("recall");
            }
            ElectionKind::Bully => self.bully(declared),
            ElectionKind::Manual => {}
        }
    }

    fn expire(&self, timer: Timer, declared: &mut Declaration) {
        match timer {
            Timer::Election => match self.cluster().election {
                ElectionKind::Manual => self.claim(declared),
                ElectionKind::Bully => self.bully(declared),
                ElectionKind::Raft => self.stand(declared),
            },
            Timer::Candidacy => {
                declared.read(Component::Role);
                match self.replica.role {
                    Role::Candidate { .. } => self.stand(declared),
                    Role::Bullying { is_answered: true } => self.bully(declared),
                    Role::Bullying { is_answered: false } => self.claim(declared),
                    Role::Follower { .. } | Role::Leader(_) => {}
                }
            }
            Timer::Heartbeat(follower) => {
                declared.read(Component::Role);
                if self.leads() {
                    declared.read(Component::Matched(follower));
                    self.ship_to(Component::UnderWay(follower), "append", declared);
                }
            }
            Timer::Synchronous => {
                declared.read(Component::Role);
                if self.leads() {
                    declared.read(Component::Committed).read(Component::Log);
                    if self.store.committed_index() != self.store.last_position().index {
                        declared.write(Component::Synchronous);
                        self.advance(declared);
                    }
                }
            }
            Timer::CatchUp => {
                declared.read(Component::Recall);
                if self.replica.recall.is_some() {
                    declared.read(Component::Life).send("recall");
                }
            }
        }
    }

    fn serve(&self, client: ClientId, message: &Message, declared: &mut Declaration) {
        let Message::Request { request, operation } = message else { return };
        if request.client != client {
            return;
        }
        let statement = match operation {
            Operation::Write { statement, .. } => Some(statement),
            Operation::Read { .. } => None,
        };
        declared.send("reply");
        if self.cluster().limits.check(operation.key(), statement).is_err() {
            return;
        }
        match operation {
            Operation::Write { key, .. } => self.write(*request, key, declared),
            Operation::Read { key, from } => self.read(key, *from, declared),
        }
    }

    fn write(&self, request: RequestId, key: &Key, declared: &mut Declaration) {
        declared.read(Component::Role);
        if !self.leads() {
            return;
        }
        if !self.cluster().deviations.contains(Deviation::ForgetsRequests) {
            declared.read(Component::Remembered(request.client)).tell();
            if self.forgets_clients() {
                // One that lacks a session is told how far the log is.
                declared.read(Component::Sessions).read(Component::Committed);
                declared.read(Component::Log).read(Component::Ballot);
            }
            let remembered = self.store.clients().get(&request.client);
            if remembered.is_some_and(|remembered| remembered.number >= request.number) {
                return;
            }
        }
        declared.read(Component::Row(key.clone()));
        declared.read(Component::Confirming).write(Component::Waiting);
        self.append_and_ship("append", declared);
    }

    fn read(&self, key: &Key, from: ReadFrom, declared: &mut Declaration) {
        let find = |declared: &mut Declaration| {
            declared.read(Component::Row(key.clone()));
            declared.read(Component::Committed).read(Component::Log);
        };
        match from {
            ReadFrom::Leader => {
                declared.read(Component::Role);
                if self.leads() {
                    find(declared);
                }
            }
            ReadFrom::Replica => find(declared),
            // One that has not come so far says who leads.
            ReadFrom::ReplicaAt(_) => {
                declared.read(Component::Role);
                find(declared);
            }
            ReadFrom::ConfirmedLeader => {
                declared.read(Component::Role);
                if self.leads() {
                    declared.read(Component::Waiting);
                    self.confirm_waiting(declared);
                }
            }
        }
    }

    fn receive(&self, from: NodeId, message: &Message, declared: &mut Declaration) {
        match message {
            Message::Append(append) => {
                let held = append.previous;
                self.on_append(
                    from,
                    append.epoch,
                    held,
                    append.entries.is_empty(),
                    false,
                    declared,
                );
            }
            Message::Coordinator(append) => {
                let held = append.previous;
                self.on_append(from, append.epoch, held, append.entries.is_empty(), true, declared);
            }
            Message::Appended { epoch, .. } => {
                declared.read(Component::Ballot);
                if *epoch == self.known().epoch {
                    self.on_appended(from, declared);
                }
            }
            Message::Ask { epoch, .. } => {
                declared.read(Component::Ballot);
                if *epoch == self.known().epoch {
                    declared.read(Component::Role);
                    if self.leads() {
                        self.ship_to(Component::UnderWay(from), "append", declared);
                    }
                }
            }
            Message::Snapshot(page) => {
                if self.accepts(from, page.epoch, false, declared) {
                    self.on_page(declared);
                }
            }
            Message::More { epoch, .. } => {
                declared.read(Component::Ballot);
                if *epoch == self.known().epoch {
                    declared.read(Component::Role);
                    if self.leads() {
                        Self::send_page(declared);
                    }
                }
            }
            Message::RequestVote { epoch, .. } => self.on_request_vote(*epoch, declared),
            Message::Vote { epoch } => self.on_vote(from, *epoch, declared),
            Message::Stale { epoch } => {
                declared.read(Component::Ballot);
                if *epoch > self.known().epoch {
                    self.adopt(declared);
                    if self.cluster().election == ElectionKind::Bully && self.leads() {
                        self.bully(declared);
                    }
                }
            }
            Message::Election => self.on_election(from, declared),
            Message::Answer => {
                declared.read(Component::Role);
                if let Role::Bullying { .. } = self.replica.role {
                    declared.write(Component::Role);
                }
            }
            Message::Recall { .. } => {
                declared.read(Component::CaughtUp);
                if self.store.has_caught_up() {
                    declared.read(Component::Ballot).read(Component::Log).send("recalled");
                }
            }
            Message::Recalled { life, .. } => {
                declared.read(Component::Recall);
                if self.replica.recall.is_none() {
                    return;
                }
                declared.read(Component::Life);
                if self.replica.life == *life {
                    declared.write(Component::Recall).write(Component::Ballot);
                    self.follow(declared);
                    self.note_caught_up(declared);
                }
            }
            Message::Request { .. } | Message::Reply { .. } => {}
        }
    }

    /// Whether it goes on to take in what a leader sends.
    fn accepts(
        &self,
        from: NodeId,
        epoch: Epoch,
        announces: bool,
        declared: &mut Declaration,
    ) -> bool {
        declared.read(Component::Recall);
        let mut others = self.config.others();
        let waits = self.replica.recall.as_ref();
        if waits.is_some_and(|recall| others.any(|other| !recall.has_told(other))) {
            return false;
        }
        if self.cluster().fencing {
            declared.read(Component::Ballot);
            let known = self.known();
            if epoch < known.epoch {
                declared.send("stale epoch");
                return false;
            }
            if epoch > known.epoch || known.vote != Some(from) {
                declared.write(Component::Ballot);
            }
        } else {
            declared.read(Component::Role);
            if self.leads() && from < self.config.node && !announces {
                return false;
            }
        }
        if self.cluster().election == ElectionKind::Bully && announces && from < self.config.node {
            self.bully(declared);
            return false;
        }
        self.follow(declared);
        true
    }

    fn on_append(
        &self,
        from: NodeId,
        epoch: Epoch,
        previous: Position,
        is_empty: bool,
        announces: bool,
        declared: &mut Declaration,
    ) {
        if !self.accepts(from, epoch, announces, declared) {
            return;
        }
        declared.read(Component::Log);
        let Ok(holds) = log::holds(&Draft::of(self.store), previous);
        if !holds {
            declared.send("ask");
            return;
        }
        self.apply(declared);
        if !is_empty {
            declared.write(Component::Log).send("ask");
        }
        declared.write(Component::Arriving).send("appended");
        self.note_caught_up(declared);
    }

    fn on_page(&self, declared: &mut Declaration) {
        declared.write(Component::Log).write(Component::Arriving);
        self.apply(declared);
        declared.send("ask for a page").send("appended");
        self.note_caught_up(declared);
    }

    /// Entries are applied, or what was applied is discarded; and the log is compacted.
    fn apply(&self, declared: &mut Declaration) {
        declared.read(Component::Log).write(Component::Committed).write(Component::Undo);
        declared.write(Family::Row).write(Family::Remembered);
        if self.forgets_clients() {
            declared.write(Component::Sessions);
        }
        if self.compacts() {
            declared.write(Component::Log);
        }
    }

    fn on_appended(&self, from: NodeId, declared: &mut Declaration) {
        declared.read(Component::Role);
        if !self.leads() {
            return;
        }
        declared.read(Component::Log).write(Component::Matched(from));
        if self.cluster().replication == Replication::SemiSync {
            declared.write(Component::Synchronous);
        }
        self.advance(declared);
        self.answer_confirmed(declared);
        self.ship_to(Component::UnderWay(from), "append", declared);
    }

    fn on_request_vote(&self, epoch: Epoch, declared: &mut Declaration) {
        if self.cluster().election != ElectionKind::Raft {
            return;
        }
        declared.read(Component::CaughtUp);
        if !self.store.has_caught_up() {
            return;
        }
        declared.read(Component::Ballot);
        if epoch < self.known().epoch {
            declared.send("stale epoch");
            return;
        }
        if epoch > self.known().epoch {
            self.adopt(declared);
        }
        declared.read(Component::Log).write(Component::Ballot).send("vote");
    }

    fn on_vote(&self, from: NodeId, epoch: Epoch, declared: &mut Declaration) {
        declared.read(Component::Ballot);
        if epoch != self.known().epoch {
            return;
        }
        declared.read(Component::Role);
        let Role::Candidate { mut votes } = self.replica.role else { return };
        declared.write(Component::Role);
        votes.insert(from);
        if self.cluster().is_majority(votes) {
            self.lead("append", declared);
        }
    }

    fn on_election(&self, from: NodeId, declared: &mut Declaration) {
        if self.cluster().election != ElectionKind::Bully || from > self.config.node {
            return;
        }
        declared.read(Component::Role).send("answer");
        match self.replica.role {
            Role::Leader(_) => {
                declared.read(Component::Matched(from));
                self.ship_to(Component::UnderWay(from), "coordinator", declared);
            }
            Role::Bullying { .. } => {}
            Role::Follower { .. } | Role::Candidate { .. } => self.bully(declared),
        }
    }

    fn adopt(&self, declared: &mut Declaration) {
        declared.write(Component::Ballot).read(Component::Role);
        if self.replica.role != (Role::Follower { leader: None }) {
            self.follow(declared);
        }
    }

    /// What only a leader has goes, or begins anew.
    fn of_a_leader(declared: &mut Declaration) {
        declared.write(Family::Matched).write(Family::UnderWay).write(Component::Synchronous);
        declared.write(Component::Waiting).write(Component::Confirming);
    }

    fn follow(&self, declared: &mut Declaration) {
        declared.write(Component::Role).timer(Timer::Election);
        match self.replica.role {
            Role::Follower { .. } => {}
            Role::Candidate { .. } | Role::Bullying { .. } => {
                declared.timer(Timer::Candidacy);
            }
            Role::Leader(_) => {
                Self::of_a_leader(declared);
                self.heartbeats(declared);
                declared.timer(Timer::Synchronous).send("reply");
            }
        }
    }

    fn heartbeats(&self, declared: &mut Declaration) {
        for other in self.config.others() {
            declared.timer(Timer::Heartbeat(other));
        }
    }

    fn stand(&self, declared: &mut Declaration) {
        declared.read(Component::CaughtUp).timer(Timer::Election);
        if !self.store.has_caught_up() {
            return;
        }
        declared.write(Component::Ballot).write(Component::Role).timer(Timer::Candidacy);
        declared.read(Component::Log).send("request for a vote");
        if self.cluster().nodes == 1 {
            self.lead("append", declared);
        }
    }

    fn bully(&self, declared: &mut Declaration) {
        if self.config.others().all(|other| other < self.config.node) {
            self.claim(declared);
            return;
        }
        self.follow(declared);
        declared.timer(Timer::Candidacy).send("election");
    }

    fn claim(&self, declared: &mut Declaration) {
        if self.cluster().fencing {
            declared.read(Component::Life).write(Component::Ballot);
        }
        self.lead("coordinator", declared);
    }

    fn lead(&self, kind: &'static str, declared: &mut Declaration) {
        self.follow(declared);
        Self::of_a_leader(declared);
        declared.write(Component::Arriving);
        self.heartbeats(declared);
        declared.timer(Timer::Synchronous).tell();
        self.append_and_ship(kind, declared);
    }

    fn append_and_ship(&self, kind: &'static str, declared: &mut Declaration) {
        declared.read(Component::Ballot).write(Component::Log).tell();
        self.advance(declared);
        for other in self.config.others() {
            self.ship_to(Component::UnderWay(other), kind, declared);
        }
    }

    /// What is held by all who are waited for is applied and acknowledged.
    fn advance(&self, declared: &mut Declaration) {
        declared.read(Component::Ballot).read(Family::Matched).read(Component::Synchronous);
        self.apply(declared);
        declared.write(Component::Waiting).send("reply").tell();
        self.confirm_waiting(declared);
    }

    fn confirm_waiting(&self, declared: &mut Declaration) {
        declared.read(Component::Ballot).read(Component::Committed).read(Component::Log);
        declared.read(Family::Matched);
        for other in self.config.others() {
            self.ship_to(Component::UnderWay(other), "append", declared);
        }
        self.answer_confirmed(declared);
    }

    fn answer_confirmed(&self, declared: &mut Declaration) {
        declared.write(Component::Confirming);
        declared.read(Family::Row).read(Component::Committed).read(Component::Log).send("reply");
    }

    fn ship_to(&self, under_way: Component, kind: &'static str, declared: &mut Declaration) {
        declared.read(Component::Log).read(Component::Ballot).read(Component::Committed);
        declared.read(Component::Confirming).write(under_way).send(kind);
        // Only what is compacted goes as rows.
        if self.compacts() || self.store.base_position().index.0 > 0 {
            Self::send_page(declared);
        }
    }

    fn send_page(declared: &mut Declaration) {
        declared.read(Component::Ballot).read(Component::Committed).read(Component::Log);
        declared.read(Family::Row).read(Family::Remembered).read(Component::Sessions);
        declared.send("snapshot page");
    }

    fn note_caught_up(&self, declared: &mut Declaration) {
        declared.read(Component::Recall);
        if self.replica.recall.is_some() {
            declared.read(Component::Log).write(Component::Recall).write(Component::CaughtUp);
            declared.timer(Timer::CatchUp);
        }
    }
}
