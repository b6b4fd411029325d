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
use alloc::string::ToString;
use alloc::vec::Vec;

use quorate_checker::world::{self, Obstacle, ScriptDifference, ScriptRun, ScriptedStep};

use super::action::{Action, Envelope};
use super::background;
use super::convergence::homes_agree;
use super::facts::Fact;
use super::leaderless::{Command, Leaderless};
use super::model::ClusterModel;
use super::state::{ClusterState, NodeState};
use super::words::Names;
use crate::ids::{ClientId, Key, NodeId, Peer, RequestId, Value};
use crate::protocol::{Outcome, Part, Timer};
use crate::scenario::script::{Answer, Held, HintKept, Reach, Script, ScriptStep, Verb};
use crate::versions::Record;

pub use judge::{Finding, judge};
pub use problem::{Difference, Problem};
pub use words::step;

/// One transition of a script's run.
pub type Transition = world::Transition<Leaderless>;

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

    /// The run as people are told of it, whatever the protocol.
    #[must_use]
    pub fn in_words(&self, model: &ClusterModel) -> ScriptRun<Leaderless> {
        let empty = Script::default();
        let script = model.scenario().script.as_ref().unwrap_or(&empty);
        let step = |step: &ScriptStep| ScriptedStep {
            line: step.line,
            words: words::step(model, &step.verb),
        };
        let difference = |difference: &Difference| ScriptDifference {
            step: difference.step,
            problem: difference.problem.to_string(),
        };
        ScriptRun {
            file: script.file.clone(),
            steps: script.steps.iter().map(step).collect(),
            transitions: self.transitions.clone(),
            difference: self.difference.as_ref().map(difference),
        }
    }
}

/// Carries out the script of the model's scenario. A scenario without one has an empty run.
#[must_use]
pub fn run(model: &ClusterModel) -> Run {
    let stage = world::Stage::new(model, model.names());
    let mut stage = Stage { model, stage, answers: BTreeMap::new() };
    let empty = Script::default();
    let script = model.scenario().script.as_ref().unwrap_or(&empty);
    let mut difference = None;
    for (position, step) in script.steps.iter().enumerate() {
        stage.stage.begin_step(position);
        if let Err(problem) = stage.carry_out(&step.verb) {
            let words = words::step(model, &step.verb);
            difference = Some(Difference { step: position, line: step.line, words, problem });
            break;
        }
    }
    let steps = difference.as_ref().map_or(script.steps.len(), |difference| difference.step);
    Run { transitions: stage.stage.into_transitions(), steps, difference }
}

/// The state that a script has brought about so far, with how requests stand.
struct Stage<'a> {
    model: &'a ClusterModel,
    stage: world::Stage<'a, Leaderless, Names>,
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
            Verb::Isolate(node) => self.answered_by(|stage| stage.isolate(*node)),
            Verb::Heal => self.take(Action::Heal),
            Verb::Crash(node) => self.take(Action::Crash { node: *node }),
            Verb::Recover(node) => self.take(Action::Recover { node: *node }),
            Verb::Wipe(node) => self.take(Action::Wipe { node: *node }),
            Verb::Snapshot(node) => self.take(Action::Snapshot { node: *node }),
            Verb::Restore(node) => self.answered_by(|stage| stage.restore(*node)),
            Verb::AcceptLoss { node, lost } => {
                let command = Command::AcceptLoss { lost: *lost };
                self.take(Action::Command { node: *node, command })
            }
            Verb::SetClock { node, to } => self.take(Action::SetClock { node: *node, to: *to }),
            Verb::DeliverAll => self.deliver_all(),
            Verb::Deliver(selector) => self.take(Action::Deliver(self.stage.select(selector)?)),
            Verb::Drop(selector) => self.take(Action::Drop(self.stage.select(selector)?)),
            Verb::Duplicate(selector) => self.take(Action::Duplicate(self.stage.select(selector)?)),
            Verb::Fire { node, timer } => self.answered_by(|stage| stage.fire(*node, *timer)),
            Verb::Settle => {
                let answers = &mut self.answers;
                self.stage.settle(|facts| note_answers(answers, &facts))?;
                Ok(())
            }
            Verb::ExpectHeld(held) => held.iter().try_for_each(|held| self.expect_held(held)),
            Verb::ExpectHint(hints) => hints.iter().try_for_each(|hint| self.expect_hint(hint)),
            Verb::ExpectAgree { key, agree } => self.expect_agree(key, *agree),
        }
    }

    /// Lets one action happen, if the model allows it.
    fn take(&mut self, action: Action) -> Result<(), Problem> {
        self.answered_by(|stage| stage.strike(action))
    }

    /// Lets something happen, and notes which requests ended with it.
    fn answered_by(
        &mut self,
        act: impl FnOnce(&mut world::Stage<'_, Leaderless, Names>) -> Result<Vec<Fact>, Obstacle>,
    ) -> Result<(), Problem> {
        let facts = act(&mut self.stage)?;
        note_answers(&mut self.answers, &facts);
        Ok(())
    }

    fn deliver_all(&mut self) -> Result<(), Problem> {
        let answers = &mut self.answers;
        self.stage.deliver_all(|facts| note_answers(answers, &facts))?;
        Ok(())
    }

    fn state(&self) -> &ClusterState {
        self.stage.state()
    }

    fn node(&self, node: NodeId) -> &NodeState {
        self.stage.node(node)
    }

    /// The request that a client waits for.
    fn pending(&self, client: ClientId) -> Option<RequestId> {
        self.state().client(client)?.client.pending()
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
            let round = self.stage.under_way(|envelope| {
                (envelope.message.request() == Some(request) || self.decides(request, envelope))
                    && reached(envelope.to)
                    && self.stage.may_arrive(envelope)
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
        let Part::Registration { is_answer } = envelope.message.part() else { return false };
        let asker = if is_answer { envelope.to } else { envelope.from };
        matches!(asker, Peer::Node(node) if self.node(node).replica.waits_to_mint(request))
    }

    /// Lets the node at which this put waits go on without answers that cannot come. Says whether it
    /// did.
    fn stop_waiting(&mut self, request: RequestId) -> Result<bool, Problem> {
        let nodes = self.model.scenario().cluster.nodes();
        let waits = |node: &&NodeId| self.node(**node).replica.waits_to_mint(request);
        let Some(node) = nodes.iter().find(waits).copied() else { return Ok(false) };
        for timer in [Timer::Register, Timer::Waiting] {
            let is_free = self.stage.has_timer(Peer::Node(node), timer)
                && background::may_expire(self.model.scenario(), self.state(), node, timer);
            if is_free {
                self.take(Action::Expire { peer: Peer::Node(node), timer })?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn time_out(&mut self, node: Option<NodeId>, client: ClientId) -> Result<(), Problem> {
        let names = self.model.names();
        let Some(request) = self.pending(client) else {
            return Err(Problem::NothingPending { client: names.client(client) });
        };
        let peer = node.map_or(Peer::Client(client), Peer::Node);
        let timer = Timer::Request(request);
        if !self.stage.has_timer(peer, timer) {
            let (peer, request) = (names.peer(peer), names.request(request));
            return Err(Problem::NoRequestTimer { peer, request });
        }
        self.take(Action::Expire { peer, timer })
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
        if homes_agree(self.state(), key, homes) == expected {
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

/// Notes how requests ended.
fn note_answers(answers: &mut BTreeMap<ClientId, Outcome>, facts: &[Fact]) {
    answers.extend(facts.iter().filter_map(|fact| match fact {
        Fact::Outcome { client, outcome, .. } => Some((ClientId(*client as u64), outcome.clone())),
        _ => None,
    }));
}

/// The values of a record that are not deleted.
fn live(record: Option<&Record>) -> BTreeSet<Value> {
    let versions = record.into_iter().flat_map(Record::versions);
    versions.filter_map(|(_, value)| value.cloned()).collect()
}
