//! Carrying out a script.

use std::collections::BTreeMap;

use quorate_checker::world::{
    Action, Expiry, Obstacle, ScriptDifference, ScriptRun, ScriptedStep, Stage, Words, World,
};
use quorate_ids::{ClientId, NodeId, NodeSet, Peer};
use quorate_leader::effect::Timer;
use quorate_leader::message::Outcome;
use quorate_leader::replica::Role;
use quorate_leader::shards::ShardId;

use super::raw::RawTimer;
use super::verb::{Answer, Held, Verb};
use super::words::{self, answer_in_words};
use super::{Script, read};
use crate::expiry::expiry;
use crate::facts::Fact;
use crate::kinds::Alarm;
use crate::leader_based::LeaderBased;
use crate::view;

/// Carries out the script of a scenario, step by step, until one does not come out as it says.
///
/// # Panics
/// If the scenario's steps mean nothing, which reading it would have refused.
#[must_use]
pub fn play(protocol: &LeaderBased) -> ScriptRun<LeaderBased> {
    let script = read(protocol.scenario()).expect("the steps were read with the file");
    let world = World::new(protocol.clone());
    let mut player =
        Player { protocol, stage: Stage::new(&world, protocol), answers: BTreeMap::new() };
    let Script { steps } = &script;
    let mut difference = None;
    for (step, (_, verb)) in steps.iter().enumerate() {
        player.stage.begin_step(step);
        if let Err(problem) = player.carry_out(verb) {
            difference = Some(ScriptDifference { step, problem });
            break;
        }
    }
    let told = |(line, verb): &(usize, Verb)| ScriptedStep {
        line: *line,
        words: words::step(protocol, verb),
    };
    ScriptRun {
        file: protocol.scenario().file.clone(),
        steps: steps.iter().map(told).collect(),
        transitions: player.stage.into_transitions(),
        difference,
    }
}

/// The state that a script has brought about so far, with how operations stand.
struct Player<'a> {
    protocol: &'a LeaderBased,
    stage: Stage<'a, LeaderBased, LeaderBased>,
    /// How the last operation of each client ended, if it did: `None` if nobody knows.
    answers: BTreeMap<ClientId, Option<Outcome>>,
}

/// What was seen, or why nothing happened.
type Seen = Result<Vec<Fact>, Obstacle>;

impl<'a> Player<'a> {
    fn carry_out(&mut self, verb: &Verb) -> Result<(), String> {
        match verb {
            Verb::Ask { client, via, expect, .. } => {
                self.ask(*client, *via)?;
                expect.as_ref().map_or(Ok(()), |answer| self.expect_answer(*client, answer))
            }
            Verb::ExpectAnswer { client, answer } => self.expect_answer(*client, answer),
            Verb::DeliverAll => {
                let answers = &mut self.answers;
                let result = self.stage.deliver_all(|facts| note(answers, &facts));
                result.map_err(|obstacle| obstacle.to_string())
            }
            Verb::Settle => {
                let answers = &mut self.answers;
                let result = self.stage.settle(|facts| note(answers, &facts));
                result.map_err(|obstacle| obstacle.to_string())
            }
            Verb::Deliver(selector) => self.seeing(|stage| {
                let sent = stage.select(selector)?;
                stage.strike(Action::Deliver(sent))
            }),
            Verb::Drop(selector) => self.seeing(|stage| {
                let sent = stage.select(selector)?;
                stage.strike(Action::Drop(sent))
            }),
            Verb::Duplicate(selector) => self.seeing(|stage| {
                let sent = stage.select(selector)?;
                stage.strike(Action::Duplicate(sent))
            }),
            Verb::LoseFrom(node) => {
                let lost = self.stage.under_way(|sent| sent.from == Peer::Node(*node));
                lost.into_iter().try_for_each(|sent| {
                    self.seeing(|stage| stage.strike(Action::Drop(sent.clone())))
                })
            }
            Verb::Fire { node, timer, to, shard } => self.fire(*node, *timer, *to, *shard),
            Verb::Timeout(client) => {
                let client = *client;
                if !self.stage.has_timer(client.into(), Alarm::Request) {
                    return Err(format!("{} waits for nothing", self.protocol.client(client)));
                }
                let timer = Alarm::Request;
                self.seeing(|stage| stage.take(Action::Expire { peer: client.into(), timer }))
            }
            Verb::Crash(node) => self.strike(Action::Crash { node: *node }),
            Verb::Recover(node) => self.strike(Action::Recover { node: *node }),
            Verb::Wipe(node) => self.strike(Action::Wipe { node: *node }),
            Verb::Partition(groups) => self.strike(Action::Partition { groups: groups.clone() }),
            Verb::Heal => self.strike(Action::Heal),
            Verb::Isolate(node) => self.seeing(|stage| stage.isolate(*node)),
            Verb::ExpectLeaders(expected) => self.expect_leaders(*expected),
            Verb::ExpectHeld(held) => held.iter().try_for_each(|held| self.expect_held(held)),
        }
    }

    fn strike(&mut self, action: Action<LeaderBased>) -> Result<(), String> {
        self.seeing(|stage| stage.strike(action))
    }

    /// Lets something happen, and notes which operations ended with it.
    fn seeing(
        &mut self,
        act: impl FnOnce(&mut Stage<'a, LeaderBased, LeaderBased>) -> Seen,
    ) -> Result<(), String> {
        let facts = act(&mut self.stage).map_err(|obstacle| obstacle.to_string())?;
        note(&mut self.answers, &facts);
        Ok(())
    }

    fn ask(&mut self, client: ClientId, via: Option<NodeId>) -> Result<(), String> {
        let state = self.stage.state().client(client).expect("the client has steps");
        let may_ask = state.coordinators(self.protocol, client);
        let Some(first) = may_ask.first().copied() else {
            let name = self.protocol.client(client);
            return Err(format!(
                "{name} has no answer yet; deliver messages, or say timeout = \"{name}\", first"
            ));
        };
        let coordinator = via.unwrap_or(first);
        if !may_ask.contains(&coordinator) {
            let names: Vec<String> = may_ask.iter().map(|node| self.protocol.node(*node)).collect();
            let (name, node) = (self.protocol.client(client), self.protocol.node(coordinator));
            return Err(format!("{name} would ask {}, and not {node}", names.join(" or ")));
        }
        self.answers.remove(&client);
        self.strike(Action::Invoke { client, coordinator })
    }

    /// Lets a timer expire: the one that is right if what it concludes is so, and else the one that is wrong.
    fn fire(
        &mut self,
        node: NodeId,
        timer: RawTimer,
        to: Option<NodeId>,
        shard: ShardId,
    ) -> Result<(), String> {
        let candidates = match (timer, to) {
            (RawTimer::Election, _) => vec![Timer::Candidacy, Timer::Election],
            (RawTimer::Heartbeat, Some(to)) => vec![Timer::Heartbeat(to)],
            (RawTimer::Heartbeat, None) => Vec::new(),
            (RawTimer::Synchronous, _) => vec![Timer::Synchronous],
            (RawTimer::CatchUp, _) => vec![Timer::CatchUp],
        };
        let alarms = candidates.iter().flat_map(|timer| {
            [false, true].map(|is_wrong| Alarm::Node { shard, timer: *timer, is_wrong })
        });
        let may = |alarm: &Alarm| {
            self.stage.has_timer(node.into(), *alarm)
                && expiry(self.protocol, self.stage.state(), node.into(), *alarm) != Expiry::Never
        };
        let Some(timer) = alarms.into_iter().find(may) else {
            let told = words::fired(self.protocol, node, timer, to);
            return Err(format!(
                "not possible here: {told}; the timer is not set, or nothing would come of it"
            ));
        };
        self.seeing(|stage| stage.take(Action::Expire { peer: node.into(), timer }))
    }

    fn expect_answer(&self, client: ClientId, expected: &Answer) -> Result<(), String> {
        let is_pending =
            self.stage.state().client(client).is_some_and(|state| state.client.asks().is_some());
        let got = match self.answers.get(&client) {
            _ if is_pending => Answer::Pending,
            Some(Some(Outcome::Found { value, .. })) => {
                Answer::Found(value.as_ref().map(ToString::to_string))
            }
            Some(Some(Outcome::Refused(_)) | None) => Answer::Unknown,
            Some(Some(_)) => Answer::Ok,
            // It has asked for nothing yet.
            None => Answer::Pending,
        };
        let is_met = match (expected, &got) {
            (Answer::Ok, Answer::Found(_)) => true,
            (expected, got) => expected == got,
        };
        if is_met {
            return Ok(());
        }
        Err(format!("expected {}, got {}", answer_in_words(expected), answer_in_words(&got)))
    }

    fn expect_leaders(&self, expected: NodeSet) -> Result<(), String> {
        let leads = |node: &NodeId| {
            let mut replicas = self.stage.node(*node).replica.iter();
            !self.stage.state().down.contains(*node)
                && replicas.any(|replica| matches!(replica.role(), Role::Leader(_)))
        };
        let leaders: NodeSet = self.protocol.surroundings().node_ids().filter(leads).collect();
        if leaders == expected {
            return Ok(());
        }
        let told = |nodes: NodeSet| match nodes.is_empty() {
            true => "nobody".to_owned(),
            false => self.protocol.node_set(nodes),
        };
        Err(format!("expected {} to lead, found {}", told(expected), told(leaders)))
    }

    fn expect_held(&self, expected: &Held) -> Result<(), String> {
        let Held { node, key, value } = expected;
        let shard = self.protocol.client_config().shards.of(key);
        let store = view::store(self.stage.node(*node), shard);
        let held = store.and_then(|store| store.all_rows().get(key));
        let held = held.map(ToString::to_string);
        if held == *value {
            return Ok(());
        }
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let node = self.protocol.node(*node);
        Err(format!("expected {node} to hold {} of {key}, it holds {}", told(value), told(&held)))
    }
}

/// Notes how operations ended.
fn note(answers: &mut BTreeMap<ClientId, Option<Outcome>>, facts: &[Fact]) {
    answers.extend(facts.iter().filter_map(|fact| match fact {
        Fact::Ended(ended) => Some((ended.request.client, ended.outcome.clone())),
        _ => None,
    }));
}
