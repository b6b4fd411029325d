//! What each step of a node declares to touch.

use alloc::vec::Vec;

use crate::cluster::Reaping;
use crate::ids::{Key, NodeId, Peer, RequestId};
use crate::protocol::effect::{Input, Timer};
use crate::protocol::footprint::{Component, Declaration, Family, Scope, WAIT};
use crate::protocol::message::{FanOut, GetRequest, Message, PutRequest};
use crate::protocol::read_round::ReadRepair;
use crate::protocol::store::{MemoryStore, Store};
use crate::versions::{ActorId, Record};

use super::{NodeConfig, Replica};

/// What a declaration may look at: the node, and how much a run asks for at most.
struct Guards<'a> {
    config: &'a NodeConfig,
    scope: Scope,
    store: &'a MemoryStore,
    replica: &'a Replica,
}

impl Replica {
    /// What the step that takes this input in this state declares to touch.
    #[must_use]
    pub fn footprint(
        &self,
        config: &NodeConfig,
        scope: Scope,
        store: &MemoryStore,
        input: &Input,
    ) -> Declaration {
        let guards = Guards { config, scope, store, replica: self };
        let mut declared = Declaration::default();
        match input {
            Input::Start { .. } => guards.start(&mut declared),
            Input::Receive { from, message } => guards.receive(*from, message, &mut declared),
            Input::Expire(timer) => {
                declared.timer(*timer);
                guards.expire(*timer, &mut declared);
            }
            Input::AcceptLoss { .. } => {
                declared.read(Component::CatchUp);
                if !self.serves() {
                    declared.write(Component::CatchUp);
                    guards.end_catching_up(&mut declared);
                }
            }
        }
        declared
    }
}

impl Guards<'_> {
    /// Everything volatile goes, and every timer that a node may have.
    fn start(&self, declared: &mut Declaration) {
        for family in [
            Family::Put,
            Family::Get,
            Family::Forward,
            Family::Probe,
            Family::Finished,
            Family::ReapRound,
            Family::Timer,
        ] {
            declared.write(family);
        }
        for component in [
            Component::FinishedOrder,
            Component::Standing,
            Component::Waiting,
            Component::HandoffCursor,
            Component::CatchUp,
            Component::ReapCursors,
            Component::ReapNumber,
            Component::ReapWaits,
            Component::Comparing,
            Component::Incarnation,
            Component::Counters,
            Component::CaughtUp,
        ] {
            declared.write(component);
        }
        declared.send(&["CatchUp", WAIT]);
    }

    fn receive(&self, from: Peer, message: &Message, declared: &mut Declaration) {
        let (config, replica) = (self.config, self.replica);
        let is_from_client = matches!(from, Peer::Client(_));
        let mut carried: Vec<&Record> = message.carried().map(|(_, state)| &**state).collect();
        if let Message::FetchReply { state: Some(state), .. } = message {
            carried.push(state);
        }
        self.turn_away(&carried, declared);
        match message {
            Message::Put(put) => self.put(put, declared),
            Message::Get(get) => self.get(get, declared),
            Message::Store { .. } | Message::Repair { .. } | Message::Fetch { .. }
                if is_from_client && !config.cluster.takes_client_driven() => {}
            Message::Store { key, state, .. } => {
                if config.stores(key, state) {
                    self.take_in(key, declared);
                    declared.send(&["StoreAck"]);
                }
            }
            Message::Repair { key, state } => {
                if config.stores(key, state) {
                    self.take_in(key, declared);
                }
            }
            Message::Fetch { key, .. } => {
                if config.is_home(key) {
                    declared.read(Component::CatchUp);
                    if replica.serves() {
                        declared.read(Component::Record(key.clone())).send(&["FetchReply"]);
                    }
                }
            }
            Message::StoreAck { request, .. } => {
                if let Peer::Node(node) = from {
                    self.store_ack(*request, node, declared);
                }
            }
            Message::FetchReply { request, .. } => {
                if let Peer::Node(_) = from {
                    self.fetch_reply(*request, declared);
                }
            }
            Message::PutReply { request, .. } => {
                declared.read(Component::Forward(*request));
                let forward = replica.forwards.get(*request);
                if forward.is_some_and(|forward| Peer::Node(forward.home) == from) {
                    declared.write(Component::Forward(*request)).timer(Timer::Request(*request));
                    self.finish(*request, declared);
                }
            }
            Message::StoreHint { home, key, state, .. } => {
                let homes = config.cluster.homes(key);
                let is_meant = homes.contains(*home) && !homes.contains(config.node);
                if !is_from_client && is_meant && config.may_merge(state) {
                    self.keep_hint(*home, key, declared);
                    declared.send(&["StoreAck"]);
                }
            }
            Message::Probe { .. } => {
                declared.read(Component::CatchUp);
                if replica.serves() {
                    declared.send(&["ProbeReply"]);
                }
            }
            Message::GetReply { .. } => {}
            // What only nodes say to each other.
            Message::ProbeReply { request } => {
                declared.read(Component::Probe(*request));
                if !is_from_client && replica.probes(*request) {
                    declared.write(Component::Probe(*request));
                    self.forward(*request, declared);
                }
            }
            Message::Register { incarnation, life, token, .. } => {
                if let Peer::Node(from) = from {
                    declared.read(Component::CatchUp);
                    if replica.serves() {
                        declared.write(Component::Registration(from)).send(&["Registered"]);
                        let Ok(before) = self.store.registration(from, *incarnation);
                        let is_repeated = before
                            .is_some_and(|before| before.life == *life && before.token == *token);
                        if !is_repeated {
                            declared.read(Family::Record).read(Family::Hint);
                        }
                    }
                }
            }
            Message::Registered { token, .. } => {
                declared.read(Component::Standing);
                if !is_from_client && replica.naming.asks_under() == Some(*token) {
                    declared.write(Component::Standing).timer(Timer::Register);
                    self.settle_identity(declared);
                    self.release(declared);
                }
            }
            Message::Handoff { key, state } => {
                if !is_from_client && config.stores(key, state) {
                    self.take_in(key, declared);
                    declared.send(&["HandoffAck"]);
                }
            }
            Message::HandoffAck { key, held } => {
                if let Peer::Node(home) = from {
                    let hint = Component::Hint(home, key.clone());
                    let Ok(kept) = self.store.hint(home, key);
                    if kept.is_some_and(|kept| kept.state.digest() == *held) {
                        declared.write(hint).tell();
                    } else {
                        declared.read(hint);
                    }
                }
            }
            Message::CatchUp { .. } => {
                if !is_from_client {
                    declared.read(Component::CatchUp);
                    if replica.serves() {
                        declared.read(Family::Record).send(&["CatchUpPage"]);
                    } else if config.waits_for_more_than_it_takes() {
                        declared.send(&["CatchUpPage"]);
                    }
                }
            }
            Message::CatchUpPage { token, entries, .. } => {
                declared.read(Component::CatchUp);
                if !is_from_client && replica.asks_to_catch_up_under(config, *token) {
                    declared.write(Component::CatchUp).send(&["CatchUp"]);
                    for (key, state) in entries {
                        if config.stores(key, state) {
                            self.take_in(key, declared);
                        }
                    }
                    self.end_catching_up(declared);
                }
            }
            Message::ReapAsk { key, state, .. } => {
                if !is_from_client && config.may_merge(state) {
                    declared.read(Component::CatchUp).send(&["ReapAgree"]);
                    self.be_busy_with(declared);
                    declared.read(Family::Hint);
                    if config.is_home(key) {
                        declared.read(Component::Incarnation).tell();
                        declared.write(Component::Record(key.clone()));
                    }
                }
            }
            Message::ReapAgree { key, .. } => {
                declared.read(Component::ReapRound(key.clone()));
                if !is_from_client && replica.reaper.keys().any(|known| known == key) {
                    declared.write(Component::ReapRound(key.clone()));
                    declared.timer(Timer::Settled).send(&[WAIT]);
                }
            }
            Message::Reap { key, held } => {
                if config.is_home(key) {
                    let record = Component::Record(key.clone());
                    let is_held = |record: &Record| record.digest() == *held;
                    if self.store.get(key).is_some_and(|entry| is_held(&entry.state)) {
                        declared.write(record).tell();
                    } else {
                        declared.read(record);
                    }
                }
            }
            Message::SyncHashes { .. } => {
                self.compare(declared);
                declared.send(&["SyncHashes", "SyncKeys"]);
            }
            Message::SyncKeys { .. } => {
                self.compare(declared);
                declared.send(&["SyncStates"]);
            }
            Message::SyncStates { states, wanted } => {
                if !is_from_client {
                    for (key, state) in states {
                        if config.stores(key, state) {
                            self.take_in(key, declared);
                        }
                    }
                    for key in wanted {
                        declared.read(Component::Record(key.clone())).send(&["SyncStates"]);
                    }
                }
            }
        }
    }

    fn expire(&self, timer: Timer, declared: &mut Declaration) {
        let replica = self.replica;
        match timer {
            Timer::Request(request) => self.expire_request(request, declared),
            Timer::Speculate(request) => {
                declared.read(Component::Get(request));
                let pending = replica.gets.get(request);
                if pending.is_some_and(|get| get.round.is_waiting()) {
                    declared.write(Component::Get(request)).send(&["Fetch"]);
                }
            }
            Timer::Handoff => {
                declared.read(Family::Hint).send(&["Handoff"]);
                declared.write(Component::HandoffCursor);
                let homes = |key: &Key| self.config.cluster.homes(key);
                if self.store.hints().any(|(home, key, _)| !homes(key).contains(home)) {
                    // A home has left: its hints become hints for others, or are taken in.
                    declared.write(Family::Hint).write(Family::Record).tell();
                    declared.read(Component::Incarnation);
                }
            }
            Timer::Sync(_) => {
                self.compare(declared);
                declared.send(&["SyncHashes"]);
            }
            Timer::CatchUp => {
                declared.read(Component::CatchUp).send(&["CatchUp"]);
            }
            Timer::Register => {
                declared.write(Component::Standing);
                self.settle_identity(declared);
                self.release(declared);
            }
            Timer::Waiting => {
                declared.read(Component::Standing);
                self.release(declared);
            }
            Timer::Reap => {
                declared.read(Component::CatchUp).read(Component::ReapWaits);
                declared.read(Family::Record).send(&["ReapAsk", WAIT]);
                declared.write(Family::ReapRound).write(Component::ReapCursors);
                declared.write(Component::ReapNumber).timer(Timer::Settled);
                self.be_busy_with(declared);
                if self.config.cluster.background().reaping == Reaping::ByAge {
                    declared.write(Family::Record).tell();
                }
            }
            Timer::Settled => {
                declared.write(Component::ReapWaits).send(&[WAIT]);
                if replica.reaper.are_waits_over() {
                    declared.write(Family::ReapRound).write(Component::ReapNumber);
                    declared.write(Family::Record).send(&["ReapAsk", "Reap"]).tell();
                    self.be_busy_with(declared);
                }
            }
        }
    }

    /// Versions under numbers that are void are turned away.
    fn turn_away(&self, carried: &[&Record], declared: &mut Declaration) {
        for (dot, _) in carried.iter().flat_map(|state| state.versions()) {
            if let ActorId::Node { node, .. } = dot.actor {
                declared.read(Component::Registration(node));
            }
        }
    }

    /// A state is merged into what the node holds of a key. Whether the node may go on with its run is
    /// decided with it.
    fn take_in(&self, key: &Key, declared: &mut Declaration) {
        declared.read(Component::Incarnation);
        self.merge(Component::Record(key.clone()), declared);
    }

    fn merge(&self, component: Component, declared: &mut Declaration) {
        if self.scope.names_writes_once {
            declared.join(component);
        } else {
            declared.write(component).tell();
        }
    }

    /// A state is merged into a hint, unless there is a limit that may be met.
    fn keep_hint(&self, home: NodeId, key: &Key, declared: &mut Declaration) {
        let hint = Component::Hint(home, key.clone());
        if self.may_refuse_hints() {
            declared.read(Family::Hint).write(hint).tell();
        } else {
            self.merge(hint, declared);
        }
    }

    fn may_refuse_hints(&self) -> bool {
        let limits = self.config.cluster.limits();
        // A hint for each home, of each request.
        let hints = self.scope.requests * self.config.cluster.quorum().n();
        let bytes = self.scope.bytes() * self.config.cluster.quorum().n();
        limits.hints_max <= hints || limits.hints_bytes_max <= bytes as u64
    }

    /// A new request is refused where the node carries too much.
    fn admit(&self, declared: &mut Declaration) {
        let limits = self.config.cluster.limits();
        if limits.pending_max <= self.scope.requests
            || limits.pending_bytes_max <= self.scope.bytes()
        {
            declared.read(Family::Put).read(Family::Get).read(Family::Forward);
            declared.read(Family::Probe).read(Component::Waiting);
        }
    }

    /// A put that was answered is remembered, and may displace others.
    fn finish(&self, request: RequestId, declared: &mut Declaration) {
        let limits = self.config.cluster.limits();
        declared.write(Component::Finished(request)).write(Component::FinishedOrder);
        declared.send(&["PutReply"]);
        if limits.finished_max <= self.scope.requests
            || limits.finished_bytes_max <= self.scope.bytes()
        {
            declared.write(Family::Finished);
        }
    }

    fn forward(&self, request: RequestId, declared: &mut Declaration) {
        declared.write(Component::Forward(request)).timer(Timer::Request(request));
        declared.send(&["Put"]);
    }

    fn put(&self, put: &PutRequest, declared: &mut Declaration) {
        let (config, replica, request) = (self.config, self.replica, put.request);
        declared.read(Component::Put(request)).read(Component::Waiting);
        declared.read(Component::Forward(request)).read(Component::Probe(request));
        // What the node holds of the key: as a home, or as a fallback in the hint for the first home.
        let held = || match config.other_homes(&put.key).next() {
            Some(home) if !config.is_home(&put.key) => Component::Hint(home, put.key.clone()),
            _ => Component::Record(put.key.clone()),
        };
        if let Some(pending) = replica.puts.get(request) {
            declared.write(Component::Put(request)).send(&["Store", "StoreHint"]);
            declared.read(pending.write.held_in(config));
        } else if replica.waits_to_mint(request) {
            declared.write(Component::Waiting);
        } else if replica.forwards.contains(request) {
            self.forward(request, declared);
        } else if replica.probes(request) {
            declared.write(Component::Probe(request)).send(&["Probe"]);
        } else if replica.finished.get(request).is_some() {
            self.finish(request, declared);
            declared.read(Family::Record).read(Family::Hint);
            declared.write(Component::Put(request)).write(Component::Forward(request));
            declared.timer(Timer::Request(request)).send(&["Put", "Store", "StoreHint"]);
        } else {
            self.admit(declared);
            declared.read(Component::CatchUp).read(held());
            declared.write(Component::Put(request)).timer(Timer::Request(request));
            declared.send(&["Store", "StoreHint"]);
            self.finish(request, declared);
            if config.is_home(&put.key) && replica.serves() {
                self.mint(put, declared);
            } else {
                declared.write(Component::Probe(request)).send(&["Probe"]);
            }
        }
    }

    /// A put at a home that serves.
    fn mint(&self, put: &PutRequest, declared: &mut Declaration) {
        declared.read(Component::Standing).read(Component::Clock).tell();
        declared.read(Component::Incarnation);
        declared.write(Component::Counters).write(Component::Record(put.key.clone()));
        if !self.replica.naming.is_certain() {
            // The others are asked, or the node can tell itself.
            declared.write(Component::Standing).write(Component::Waiting);
            declared.timer(Timer::Register).send(&["Register"]);
            declared.read(Family::Record).read(Family::Hint);
            self.settle_identity(declared);
        }
    }

    /// The incarnation is kept, or a fresh one is taken.
    fn settle_identity(&self, declared: &mut Declaration) {
        declared.write(Component::Incarnation).write(Component::Counters);
        declared.write(Component::Registration(self.config.mints_as)).tell();
        declared.timer(Timer::Register);
    }

    /// The oldest put that waited is taken, once it is certain under which identity to mint.
    fn release(&self, declared: &mut Declaration) {
        declared.write(Component::Waiting).timer(Timer::Waiting);
        let oldest = self.replica.waiting_to_mint().next();
        if let Some(put) = oldest {
            self.put_that_waited(put, declared);
        }
    }

    /// A put that waits is known as nothing else.
    fn put_that_waited(&self, put: &PutRequest, declared: &mut Declaration) {
        let request = put.request;
        self.admit(declared);
        for component in [
            Component::Put(request),
            Component::Forward(request),
            Component::Probe(request),
            Component::Record(put.key.clone()),
            Component::Counters,
        ] {
            declared.write(component);
        }
        self.finish(request, declared);
        declared.read(Component::CatchUp).read(Component::Clock).read(Component::Incarnation);
        declared.read(Family::Record).read(Family::Hint);
        declared.timer(Timer::Request(request)).tell();
        declared.send(&["Store", "StoreHint", "Put", "Probe"]);
    }

    fn get(&self, get: &GetRequest, declared: &mut Declaration) {
        let request = get.request;
        declared.write(Component::Get(request)).send(&["Fetch", "GetReply"]);
        let retried = self.replica.gets.get(request).filter(|get| get.round.is_waiting());
        self.speculate(request, declared);
        if retried.is_some() {
            declared.send(&["Store", "Repair"]);
        } else {
            self.admit(declared);
            declared.timer(Timer::Request(request));
            if self.config.is_home(&get.key) {
                declared.read(Component::CatchUp);
                if self.replica.serves() {
                    declared.read(Component::Record(get.key.clone()));
                }
            }
        }
    }

    fn store_ack(&self, request: RequestId, node: NodeId, declared: &mut Declaration) {
        declared.read(Component::Put(request)).read(Component::Get(request));
        if let Some(pending) = self.replica.puts.get(request) {
            declared.write(Component::Put(request));
            let mut round = pending.write.round;
            round.acknowledge(node);
            if round.is_complete() {
                declared.timer(Timer::Request(request));
                self.finish(request, declared);
            }
        }
        if self.replica.gets.contains(request) {
            declared.write(Component::Get(request)).timer(Timer::Request(request));
            declared.send(&["GetReply"]);
            self.speculate(request, declared);
        }
    }

    /// The timer after which a read asks all homes is set, or stopped with the answer.
    fn speculate(&self, request: RequestId, declared: &mut Declaration) {
        if self.config.cluster.speculative_retry() {
            declared.timer(Timer::Speculate(request));
        }
    }

    fn fetch_reply(&self, request: RequestId, declared: &mut Declaration) {
        declared.read(Component::Get(request));
        if let Some(pending) = self.replica.gets.get(request) {
            declared.write(Component::Get(request)).timer(Timer::Request(request));
            declared.send(&["GetReply"]);
            self.speculate(request, declared);
            if self.config.cluster.read_repair() != ReadRepair::Off {
                declared.send(&["Store", "Repair"]);
                if self.config.is_home(&pending.key) {
                    // It repairs itself.
                    self.take_in(&pending.key, declared);
                }
            }
        }
    }

    fn expire_request(&self, request: RequestId, declared: &mut Declaration) {
        let (config, replica) = (self.config, self.replica);
        for component in [
            Component::Put(request),
            Component::Get(request),
            Component::Forward(request),
            Component::Probe(request),
        ] {
            declared.read(component);
        }
        if let Some(pending) = replica.puts.get(request) {
            declared.write(Component::Put(request)).send(&["StoreHint"]);
            declared.read(pending.write.held_in(config));
            self.finish(request, declared);
        }
        if replica.gets.contains(request) {
            declared.write(Component::Get(request)).send(&["GetReply"]);
            self.speculate(request, declared);
        }
        if replica.forwards.contains(request) {
            declared.write(Component::Forward(request));
            self.finish(request, declared);
        }
        let probe = replica.probing().find(|put| put.request == request);
        if let Some(put) = probe {
            declared.write(Component::Probe(request)).send(&["PutReply"]);
            declared.read(Component::CatchUp);
            if config.is_home(&put.key) {
                if replica.serves() {
                    self.put_that_waited(put, declared);
                    declared.read(Component::Standing).read(Component::Waiting);
                    self.mint(put, declared);
                }
            } else if put.fan_out == FanOut::NodeDriven {
                self.stand_in(put, declared);
            }
        }
    }

    /// A fallback coordinates a put itself: in a hint for the first home.
    fn stand_in(&self, put: &PutRequest, declared: &mut Declaration) {
        let config = self.config;
        if !put.sloppy.unwrap_or(config.cluster.sloppy()) {
            return;
        }
        declared.read(Component::Standing).read(Component::Clock).tell();
        declared.read(Component::Incarnation);
        declared.write(Component::Counters).write(Component::Put(put.request));
        declared.send(&["Store", "StoreHint"]);
        self.finish(put.request, declared);
        if let Some(home) = config.other_homes(&put.key).next() {
            declared.write(Component::Hint(home, put.key.clone()));
        }
        if self.may_refuse_hints() {
            declared.read(Family::Hint);
        }
        if !self.replica.naming.is_certain() {
            declared.write(Component::Standing).read(Component::Waiting);
            declared.timer(Timer::Waiting);
            self.settle_identity(declared);
        }
    }

    /// Whether a request about a key is carried depends on all requests.
    fn be_busy_with(&self, declared: &mut Declaration) {
        declared.read(Family::Put).read(Family::Get).read(Family::Probe);
        declared.read(Component::Waiting);
    }

    /// The trees follow all records.
    fn compare(&self, declared: &mut Declaration) {
        declared.read(Component::Comparing).read(Family::Record);
    }

    /// Enough homes may have told what they hold.
    fn end_catching_up(&self, declared: &mut Declaration) {
        declared.read(Component::Incarnation).write(Component::CaughtUp);
        declared.timer(Timer::CatchUp);
    }
}
