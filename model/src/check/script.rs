//! Carrying out a script: every step through nothing but actions that the model allows.
//!
//! A script has one run. Where the model leaves a choice that the script does not make, as in the
//! order in which the messages of one request arrive, it is made the same way every time: in
//! rounds, each of everything that is under way when it begins, in the order in which states list
//! messages.

mod judge;
mod problem;
mod words;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use quorate_checker::Shared;
use quorate_checker::world::Words;
use stateright::Model;

use super::action::{Action, Envelope};
use super::background;
use super::convergence::homes_agree;
use super::leaderless::Command;
use super::model::ClusterModel;
use super::state::{ClusterState, NodeState};
use crate::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId, Value};
use crate::protocol::{Message, Outcome, Timer};
use crate::scenario::script::{Answer, Held, HintKept, Reach, Script, Selector, Verb};
use crate::versions::Record;

pub use judge::{Finding, judge};
pub use problem::{Difference, Problem};
pub use words::step;

/// How many transitions one step may take: a cluster that is not quiet by then will never be.
const TRANSITIONS_MAX: usize = 10_000;

/// One transition of a script's run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The step it belongs to, from zero.
    pub step: usize,
    /// What happened.
    pub action: Action,
}

/// What became of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Everything that happened, in order. Up to the step that differs, if one does.
    pub transitions: Vec<Transition>,
    /// How many steps were carried out and came out as the script says.
    pub steps: usize,
    /// The first step that did not, or could not be carried out.
    pub difference: Option<Difference>,
}

impl Run {
    /// What happened, without the steps.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        self.transitions.iter().map(|transition| transition.action.clone()).collect()
    }
}

/// Carries out the script of the model's scenario. A scenario without one has an empty run.
#[must_use]
pub fn run(model: &ClusterModel) -> Run {
    let mut stage = Stage {
        model,
        state: model.init_states().swap_remove(0),
        transitions: Vec::new(),
        step: 0,
        spent: 0,
        answers: BTreeMap::new(),
    };
    let empty = Script::default();
    let script = model.scenario().script.as_ref().unwrap_or(&empty);
    let mut difference = None;
    for (position, step) in script.steps.iter().enumerate() {
        (stage.step, stage.spent) = (position, 0);
        if let Err(problem) = stage.carry_out(&step.verb) {
            let words = words::step(model, &step.verb);
            difference = Some(Difference { step: position, line: step.line, words, problem });
            break;
        }
    }
    let steps = difference.as_ref().map_or(script.steps.len(), |difference| difference.step);
    Run { transitions: stage.transitions, steps, difference }
}

/// The state that a script has brought about so far.
struct Stage<'a> {
    model: &'a ClusterModel,
    state: ClusterState,
    transitions: Vec<Transition>,
    /// The step that is being carried out.
    step: usize,
    /// How many transitions it took so far.
    spent: usize,
    /// How the last request of each client ended, if it did.
    answers: BTreeMap<ClientId, Outcome>,
}

impl Stage<'_> {
    fn carry_out(&mut self, verb: &Verb) -> Result<(), Problem> {
        match verb {
            Verb::Ask { client, via, reach, expect, .. } => {
                if let Some(request) = self.pending(*client) {
                    return Err(Problem::StillWaits {
                        request: self.model.names().request(request),
                    });
                }
                self.answers.remove(client);
                self.take(Action::Invoke { client: *client, coordinator: *via })?;
                self.serve(*client, *reach)?;
                self.expect_answer(*client, expect.as_ref())
            }
            Verb::Timeout { node, client, reach, expect } => {
                self.time_out(*node, *client)?;
                self.serve(*client, *reach)?;
                self.expect_answer(*client, expect.as_ref())
            }
            Verb::ExpectAnswer { client, answer } => self.expect_answer(*client, Some(answer)),
            Verb::Partition(groups) => self.take(Action::Partition { groups: groups.clone() }),
            Verb::Isolate(node) => {
                let groups = self.isolating(*node);
                self.take(Action::Partition { groups })
            }
            Verb::Heal if self.state.groups.is_empty() => Err(Problem::IsWhole),
            Verb::Heal => self.take(Action::Heal),
            Verb::Crash(node) => {
                self.must_be_up(*node)?;
                self.take(Action::Crash { node: *node })
            }
            Verb::Recover(node) => {
                self.must_be_down(*node)?;
                self.take(Action::Recover { node: *node })
            }
            Verb::Wipe(node) => {
                self.must_be_down(*node)?;
                self.take(Action::Wipe { node: *node })
            }
            Verb::Snapshot(node) => self.take(Action::Snapshot { node: *node }),
            Verb::Restore(node) => {
                self.must_be_down(*node)?;
                // The last copy made is the one that a script means.
                let Some(copy) = self.node(*node).copies.len().checked_sub(1) else {
                    return Err(Problem::NoCopy { node: self.model.names().node(*node) });
                };
                self.take(Action::Restore { node: *node, copy })
            }
            Verb::AcceptLoss { node, lost } => {
                self.must_be_up(*node)?;
                let command = Command::AcceptLoss { lost: *lost };
                self.take(Action::Command { node: *node, command })
            }
            Verb::SetClock { node, to } => self.take(Action::SetClock { node: *node, to: *to }),
            Verb::DeliverAll => self.deliver_all(),
            Verb::Deliver(selector) => {
                let envelope = self.select(selector)?;
                if let Peer::Node(node) = envelope.to {
                    self.must_be_up(node)?;
                }
                self.take(Action::Deliver(envelope))
            }
            Verb::Drop(selector) => {
                let envelope = self.select(selector)?;
                self.take(Action::Drop(envelope))
            }
            Verb::Duplicate(selector) => {
                let envelope = self.select(selector)?;
                self.take(Action::Duplicate(envelope))
            }
            Verb::Fire { node, timer } => self.fire(*node, *timer),
            Verb::Settle => self.settle(),
            Verb::ExpectHeld(held) => held.iter().try_for_each(|held| self.expect_held(held)),
            Verb::ExpectHint(hints) => hints.iter().try_for_each(|hint| self.expect_hint(hint)),
            Verb::ExpectAgree { key, agree } => self.expect_agree(key, *agree),
        }
    }

    /// Lets one action happen, if the model allows it.
    fn take(&mut self, action: Action) -> Result<(), Problem> {
        self.spent += 1;
        if self.spent > TRANSITIONS_MAX {
            return Err(Problem::Endless { transitions: TRANSITIONS_MAX });
        }
        let Some((next, ended)) = self.model.apply_noting_ends(&self.state, action.clone()) else {
            return Err(Problem::NotPossible { words: self.model.tell(&self.state, &action) });
        };
        self.state = next;
        self.answers.extend(ended);
        self.transitions.push(Transition { step: self.step, action });
        Ok(())
    }

    fn node(&self, node: NodeId) -> &NodeState {
        self.state.node(node)
    }

    fn must_be_up(&self, node: NodeId) -> Result<(), Problem> {
        if self.state.down.contains(node) {
            return Err(Problem::IsDown { node: self.model.names().node(node) });
        }
        Ok(())
    }

    fn must_be_down(&self, node: NodeId) -> Result<(), Problem> {
        if !self.state.down.contains(node) {
            return Err(Problem::IsUp { node: self.model.names().node(node) });
        }
        Ok(())
    }

    /// The request that a client waits for.
    fn pending(&self, client: ClientId) -> Option<RequestId> {
        self.state.client(client)?.client.pending()
    }

    /// The groups of the network with one node cut out of them.
    fn isolating(&self, node: NodeId) -> Vec<NodeSet> {
        let all = Vec::from([self.model.scenario().cluster.nodes().iter().copied().collect()]);
        let groups = if self.state.groups.is_empty() { &all } else { &self.state.groups };
        let without = groups.iter().map(|group: &NodeSet| group.without(node));
        without.filter(|group| !group.is_empty()).chain([[node].into_iter().collect()]).collect()
    }

    /// Whether a message can arrive now.
    fn may_arrive(&self, envelope: &Envelope) -> bool {
        !matches!(envelope.to, Peer::Node(node) if self.state.down.contains(node))
    }

    /// The messages under way that are wanted and can arrive, each as often as it is there, in
    /// the order in which states list them.
    fn under_way(&self, wanted: impl Fn(&Envelope) -> bool) -> Vec<Shared<Envelope>> {
        let known = self.state.network.iter().filter(|envelope| wanted(envelope));
        self.model.names().in_reading_order(known).into_iter().cloned().collect()
    }

    /// Delivers the messages of the request that a client waits for, round after round, until it
    /// waits no longer or nothing of it can arrive.
    fn serve(&mut self, client: ClientId, reach: Reach) -> Result<(), Problem> {
        let Some(request) = self.pending(client) else { return Ok(()) };
        let reached = |peer: Peer| match (reach, peer) {
            (Reach::Nobody, _) => false,
            (Reach::Only(nodes), Peer::Node(node)) => nodes.contains(node),
            (Reach::Everybody, _) | (_, Peer::Client(_)) => true,
        };
        loop {
            let round = self.under_way(|envelope| {
                (envelope.message.request() == Some(request) || self.decides(request, envelope))
                    && reached(envelope.to)
                    && self.may_arrive(envelope)
            });
            if round.is_empty() && !self.stop_waiting(request)? {
                return Ok(());
            }
            for envelope in round {
                if self.pending(client) != Some(request) {
                    return Ok(());
                }
                self.take(Action::Deliver(envelope))?;
            }
        }
    }

    /// Whether a node lets this put wait until it knows whether to keep its incarnation, and this
    /// message is part of finding that out.
    fn decides(&self, request: RequestId, envelope: &Envelope) -> bool {
        let asker = match envelope.message {
            Message::Register { .. } => envelope.from,
            Message::Registered { .. } => envelope.to,
            _ => return false,
        };
        matches!(asker, Peer::Node(node) if self.node(node).replica.waits_to_mint(request))
    }

    /// Lets the node at which this put waits go on without answers that cannot come. Says whether it
    /// did.
    fn stop_waiting(&mut self, request: RequestId) -> Result<bool, Problem> {
        let nodes = self.model.scenario().cluster.nodes();
        let waits = |node: &&NodeId| self.node(**node).replica.waits_to_mint(request);
        let Some(node) = nodes.iter().find(waits).copied() else { return Ok(false) };
        for timer in [Timer::Register, Timer::Waiting] {
            let is_free = self.has_timer(Peer::Node(node), timer)
                && background::may_expire(self.model.scenario(), &self.state, node, timer);
            if is_free {
                self.take(Action::Expire { peer: Peer::Node(node), timer })?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Delivers everything that can arrive, and what follows from it, until nothing is left.
    fn deliver_all(&mut self) -> Result<(), Problem> {
        loop {
            let round = self.under_way(|envelope| self.may_arrive(envelope));
            if round.is_empty() {
                return Ok(());
            }
            for envelope in round {
                // What arrived before may have made it pointless to its sender, but it is there.
                self.take(Action::Deliver(envelope))?;
            }
        }
    }

    fn time_out(&mut self, node: Option<NodeId>, client: ClientId) -> Result<(), Problem> {
        let names = self.model.names();
        let Some(request) = self.pending(client) else {
            return Err(Problem::NothingPending { client: names.client(client) });
        };
        let peer = node.map_or(Peer::Client(client), Peer::Node);
        let timer = Timer::Request(request);
        if !self.has_timer(peer, timer) {
            let (peer, request) = (names.peer(peer), names.request(request));
            return Err(Problem::NoRequestTimer { peer, request });
        }
        self.take(Action::Expire { peer, timer })
    }

    fn has_timer(&self, peer: Peer, timer: Timer) -> bool {
        let nodes = self.model.scenario().cluster.nodes().len();
        let index = match peer {
            Peer::Node(node) => node.index(),
            Peer::Client(client) => nodes + client.0 as usize,
        };
        self.state.seats.get(index).is_some_and(|seat| seat.timers.contains(&timer))
    }

    fn fire(&mut self, node: NodeId, timer: Timer) -> Result<(), Problem> {
        let (names, peer) = (self.model.names(), Peer::Node(node));
        if !self.has_timer(peer, timer) {
            let (node, timer) = (names.node(node), names.timer(timer));
            return Err(Problem::NoTimer { node, timer });
        }
        self.take(Action::Expire { peer, timer }).map_err(|problem| match problem {
            Problem::NotPossible { .. } => {
                Problem::TimerWaits { node: names.node(node), timer: names.timer(timer) }
            }
            other => other,
        })
    }

    /// Leaves the cluster to itself: everything arrives, and every node does what it does of its
    /// own accord, until a whole round of that leads back to where it began.
    fn settle(&mut self) -> Result<(), Problem> {
        self.deliver_all()?;
        loop {
            let mut has_moved = false;
            for node in self.model.scenario().cluster.nodes() {
                let seat = self.state.seats[node.index()].clone();
                for timer in seat.timers.iter().filter(|timer| timer.is_background()) {
                    has_moved |= self.let_fire(*node, *timer)?;
                }
            }
            if !has_moved {
                return Ok(());
            }
        }
    }

    /// Lets a node do what this timer is for and all that follows; says whether anything came of
    /// it. What leads back to the same state is not told: a run is as good without it.
    fn let_fire(&mut self, node: NodeId, timer: Timer) -> Result<bool, Problem> {
        let (before, told) = (self.state.clone(), self.transitions.len());
        match self.take(Action::Expire { peer: Peer::Node(node), timer }) {
            Err(Problem::NotPossible { .. }) => return Ok(false),
            other => other?,
        }
        self.deliver_all()?;
        let has_moved = self.state != before;
        if !has_moved {
            self.transitions.truncate(told);
        }
        Ok(has_moved)
    }

    fn select(&self, selector: &Selector) -> Result<Shared<Envelope>, Problem> {
        let is_meant =
            |wanted: Option<Peer>, peer: Peer| wanted.is_none_or(|wanted| wanted == peer);
        let mut matching = self.under_way(|envelope| {
            envelope.message.kind() == selector.kind
                && is_meant(selector.from, envelope.from)
                && is_meant(selector.to, envelope.to)
        });
        matching.dedup();
        let tell = |messages: &[Shared<Envelope>]| -> Vec<String> {
            messages.iter().map(|envelope| self.model.names().envelope(envelope)).collect()
        };
        match (selector.which, &matching[..]) {
            (_, []) => {
                let mut all = self.under_way(|_| true);
                all.dedup();
                Err(Problem::NotUnderWay { under_way: tell(&all) })
            }
            (None, [one]) => Ok(one.clone()),
            (None, several) => Err(Problem::SeveralMatch { matching: tell(several) }),
            (Some(which), matching) => matching
                .get(which - 1)
                .cloned()
                .ok_or_else(|| Problem::FewerMatch { which, matching: tell(matching) }),
        }
    }

    /// How the last request of a client stands.
    fn answer(&self, client: ClientId) -> Answer {
        if self.pending(client).is_some() {
            return Answer::Pending;
        }
        match self.answers.get(&client) {
            Some(Outcome::PutOk { .. }) => Answer::Ok,
            Some(Outcome::GetOk { state, .. }) => Answer::Found(live(state.as_deref())),
            Some(Outcome::PutUnavailable { .. } | Outcome::GetUnavailable { .. }) => {
                Answer::Unavailable
            }
            Some(Outcome::Refused(_)) => Answer::Refused,
            Some(Outcome::NoAnswer) => Answer::NoAnswer,
            // It has asked for nothing yet.
            None => Answer::Pending,
        }
    }

    fn expect_answer(&self, client: ClientId, expected: Option<&Answer>) -> Result<(), Problem> {
        let Some(expected) = expected else { return Ok(()) };
        let got = self.answer(client);
        let is_met = match (expected, &got) {
            (Answer::Ok, Answer::Found(_)) => true,
            (expected, got) => expected == got,
        };
        if is_met {
            return Ok(());
        }
        Err(Problem::Answered { expected: words::answer(expected), got: words::answer(&got) })
    }

    fn expect_held(&self, expected: &Held) -> Result<(), Problem> {
        let held = self.node(expected.node).store.held(&expected.key);
        let values = live(held.map(|record| &**record));
        if values == expected.values {
            return Ok(());
        }
        Err(Problem::Holds {
            node: self.model.names().node(expected.node),
            key: expected.key.clone(),
            expected: words::values(&expected.values),
            got: words::values(&values),
        })
    }

    fn expect_hint(&self, expected: &HintKept) -> Result<(), Problem> {
        let mut hints = self.node(expected.node).store.hints();
        let hint = hints.find(|(home, key, _)| *home == expected.home && **key == expected.key);
        let values = hint.map(|(_, _, state)| live(Some(state)));
        if values == expected.values {
            return Ok(());
        }
        let names = self.model.names();
        let tell = |values: &Option<BTreeSet<Value>>| match values {
            Some(values) => words::values(values),
            None => "no hint".into(),
        };
        Err(Problem::Hints {
            node: names.node(expected.node),
            home: names.node(expected.home),
            key: expected.key.clone(),
            expected: tell(&expected.values),
            got: tell(&values),
        })
    }

    fn expect_agree(&self, key: &Key, expected: bool) -> Result<(), Problem> {
        let homes = self.model.scenario().cluster.homes(key);
        if homes_agree(&self.state, key, homes) == expected {
            return Ok(());
        }
        let names = self.model.names();
        let held = |node: NodeId| {
            let record = self.node(node).store.held(key);
            record.map_or_else(|| "nothing".into(), |record| names.record(record))
        };
        if expected {
            let tell = |home| alloc::format!("{} holds {}", names.node(home), held(home));
            return Err(Problem::HomesDiffer { held: homes.iter().map(tell).collect() });
        }
        let any = homes.iter().next().expect("a key has a home");
        Err(Problem::HomesAgree { held: held(any) })
    }
}

/// The values of a record that are not deleted.
fn live(record: Option<&Record>) -> BTreeSet<Value> {
    let versions = record.into_iter().flat_map(Record::versions);
    versions.filter_map(|(_, value)| value.cloned()).collect()
}
