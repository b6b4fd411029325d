//! Letting one thing after the other happen, as a script says.
//!
//! A script has one run. Where the world leaves a choice that the script does not make, as in the
//! order in which messages arrive, it is made the same way every time: in
//! rounds, each of everything that is under way when it begins, in the order in which states list
//! messages.

mod obstacle;

use derive_where::derive_where;
use quorate_ids::{KindOf, NodeId, NodeSet, Peer};

use super::World;
use super::action::{Action, Envelope};
use super::protocol::Protocol;
use super::state::{NodeState, State};
use super::words::Words;
use crate::shared::Shared;

pub use obstacle::Obstacle;

/// How many transitions one step may take: a cluster that is not quiet by then will never be.
const TRANSITIONS_MAX: usize = 10_000;

/// One transition of a script's run.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub struct Transition<P: Protocol> {
    /// The step it belongs to, from zero.
    pub step: usize,
    /// What happened.
    pub action: Action<P>,
}

/// Which of the messages under way is meant.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub struct Selector<P: Protocol> {
    /// Its kind.
    pub kind: P::MessageKind,
    /// Who sent it; anybody if `None`.
    pub from: Option<Peer>,
    /// Whom it is for; anybody if `None`.
    pub to: Option<Peer>,
    /// Which of those that match, from one, in the order in which a refusal lists them.
    pub which: Option<usize>,
}

/// The state that a script has brought about so far, through nothing but what the world allows.
pub struct Stage<'a, P: Protocol, W> {
    world: &'a World<P>,
    words: &'a W,
    state: State<P>,
    transitions: Vec<Transition<P>>,
    /// The step that is being carried out.
    step: usize,
    /// How many transitions it took so far.
    spent: usize,
}

impl<'a, P: Protocol, W: Words<P>> Stage<'a, P, W> {
    /// The stage before anything happened.
    #[must_use]
    pub fn new(world: &'a World<P>, words: &'a W) -> Self {
        let state = world.initial_state();
        Stage { world, words, state, transitions: Vec::new(), step: 0, spent: 0 }
    }

    /// The state that was brought about.
    #[must_use]
    pub fn state(&self) -> &State<P> {
        &self.state
    }

    /// The state of a node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &NodeState<P> {
        self.state.node(node)
    }

    /// Everything that happened, in order.
    #[must_use]
    pub fn into_transitions(self) -> Vec<Transition<P>> {
        self.transitions
    }

    /// What happens from now on belongs to this step.
    pub fn begin_step(&mut self, step: usize) {
        (self.step, self.spent) = (step, 0);
    }

    /// Lets one action happen, if the world allows it; gives what an observer saw.
    ///
    /// # Errors
    /// When it is not possible, or the step has taken too many transitions. Nothing has happened then.
    pub fn take(&mut self, action: Action<P>) -> Result<Vec<P::Fact>, Obstacle> {
        self.spent += 1;
        if self.spent > TRANSITIONS_MAX {
            return Err(Obstacle::Endless { transitions: TRANSITIONS_MAX });
        }
        let mut seen = Vec::new();
        let see = |facts: &[P::Fact]| seen.extend_from_slice(facts);
        let Some(next) = self.world.apply_telling(&self.state, action.clone(), |_| {}, see) else {
            return Err(Obstacle::NotPossible { words: self.words.tell(&self.state, &action) });
        };
        self.state = next;
        self.transitions.push(Transition { step: self.step, action });
        Ok(seen)
    }

    /// Does what happens to one node, or to the network.
    ///
    /// # Errors
    /// When it cannot happen now: why.
    pub fn strike(&mut self, action: Action<P>) -> Result<Vec<P::Fact>, Obstacle> {
        match &action {
            Action::Crash { node } | Action::Command { node, .. } => self.must_be_up(*node)?,
            Action::Recover { node } | Action::Wipe { node } => self.must_be_down(*node)?,
            Action::Restore { node, copy } => {
                self.must_be_down(*node)?;
                if *copy >= self.node(*node).copies.len() {
                    return Err(Obstacle::NoCopy { node: self.words.node(*node) });
                }
            }
            Action::Heal if self.state.groups.is_empty() => return Err(Obstacle::IsWhole),
            Action::Deliver(envelope) => {
                if let Peer::Node(node) = envelope.to {
                    self.must_be_up(node)?;
                }
            }
            Action::Heal
            | Action::Invoke { .. }
            | Action::InvokeLate { .. }
            | Action::Drop(_)
            | Action::Duplicate(_)
            | Action::Lie(_)
            | Action::Expire { .. }
            | Action::Snapshot { .. }
            | Action::Partition { .. }
            | Action::SetClock { .. } => {}
        }
        self.take(action)
    }

    /// Puts the last copy that was made of a node's disk in its place: the one that a script means.
    ///
    /// # Errors
    /// When the node is up, or there is no copy.
    pub fn restore(&mut self, node: NodeId) -> Result<Vec<P::Fact>, Obstacle> {
        let copy = self.node(node).copies.len().saturating_sub(1);
        self.strike(Action::Restore { node, copy })
    }

    /// Cuts one node off from all others; what else is split stays so.
    ///
    /// # Errors
    /// When the budget of partitions is spent.
    pub fn isolate(&mut self, node: NodeId) -> Result<Vec<P::Fact>, Obstacle> {
        let all = Vec::from([self.world.environment().node_ids().collect()]);
        let groups = if self.state.groups.is_empty() { &all } else { &self.state.groups };
        let without = groups.iter().map(|group: &NodeSet| group.without(node));
        let groups = without.filter(|group| !group.is_empty());
        let groups = groups.chain([[node].into_iter().collect()]).collect();
        self.take(Action::Partition { groups })
    }

    fn must_be_up(&self, node: NodeId) -> Result<(), Obstacle> {
        if self.state.down.contains(node) {
            return Err(Obstacle::IsDown { node: self.words.node(node) });
        }
        Ok(())
    }

    fn must_be_down(&self, node: NodeId) -> Result<(), Obstacle> {
        if !self.state.down.contains(node) {
            return Err(Obstacle::IsUp { node: self.words.node(node) });
        }
        Ok(())
    }

    /// Whether a message can arrive now.
    #[must_use]
    pub fn may_arrive(&self, envelope: &Envelope<P>) -> bool {
        !self.state.is_down(envelope.to)
    }

    /// The messages under way that are wanted, each as often as it is there, in
    /// the order in which states list them.
    #[must_use]
    pub fn under_way(&self, wanted: impl Fn(&Envelope<P>) -> bool) -> Vec<Shared<Envelope<P>>> {
        let wanted = self.state.network.iter().filter(|envelope| wanted(envelope));
        self.words.in_reading_order(wanted).into_iter().cloned().collect()
    }

    /// The message under way that is meant.
    ///
    /// # Errors
    /// When there is none such, or several and the selector does not say which.
    pub fn select(&self, selector: &Selector<P>) -> Result<Shared<Envelope<P>>, Obstacle> {
        let is_meant =
            |wanted: Option<Peer>, peer: Peer| wanted.is_none_or(|wanted| wanted == peer);
        let mut matching = self.under_way(|envelope| {
            P::MessageKind::of(&envelope.message) == selector.kind
                && is_meant(selector.from, envelope.from)
                && is_meant(selector.to, envelope.to)
        });
        matching.dedup();
        let tell = |messages: &[Shared<Envelope<P>>]| -> Vec<String> {
            messages.iter().map(|envelope| self.words.envelope(envelope)).collect()
        };
        match (selector.which, &matching[..]) {
            (_, []) => {
                let mut all = self.under_way(|_| true);
                all.dedup();
                Err(Obstacle::NotUnderWay { under_way: tell(&all) })
            }
            (None, [one]) => Ok(one.clone()),
            (None, several) => Err(Obstacle::SeveralMatch { matching: tell(several) }),
            (Some(which), matching) => which
                .checked_sub(1)
                .and_then(|at| matching.get(at))
                .cloned()
                .ok_or_else(|| Obstacle::FewerMatch { which, matching: tell(matching) }),
        }
    }

    /// Delivers everything that can arrive, and what follows from it, until nothing is left; `on_facts` is told
    /// what an observer sees.
    ///
    /// # Errors
    /// When there is no end of it.
    pub fn deliver_all(&mut self, mut on_facts: impl FnMut(Vec<P::Fact>)) -> Result<(), Obstacle> {
        loop {
            let round = self.under_way(|envelope| self.may_arrive(envelope));
            if round.is_empty() {
                return Ok(());
            }
            for envelope in round {
                // What arrived before may have made it pointless to its sender, but it is there.
                on_facts(self.take(Action::Deliver(envelope))?);
            }
        }
    }

    /// Whether somebody has this timer running.
    #[must_use]
    pub fn has_timer(&self, peer: Peer, timer: P::Timer) -> bool {
        let seat = self.state.seats.get(self.world.index(peer));
        seat.is_some_and(|seat| seat.timers.contains(&timer))
    }

    /// Lets a node do what a timer of it is for, now.
    ///
    /// # Errors
    /// When the timer is not set, or has nothing to do now.
    pub fn fire(&mut self, node: NodeId, timer: P::Timer) -> Result<Vec<P::Fact>, Obstacle> {
        let told = || (self.words.node(node), self.words.timer(timer));
        if !self.has_timer(node.into(), timer) {
            let (node, timer) = told();
            return Err(Obstacle::NoTimer { node, timer });
        }
        let (told_node, told_timer) = told();
        self.take(Action::Expire { peer: node.into(), timer }).map_err(|obstacle| match obstacle {
            Obstacle::NotPossible { .. } => {
                Obstacle::TimerWaits { node: told_node, timer: told_timer }
            }
            other => other,
        })
    }

    /// Leaves the cluster to itself: everything arrives, and every node does what it does of its
    /// own accord, until a whole round of that leads back to where it began.
    ///
    /// # Errors
    /// When there is no end of it.
    pub fn settle(&mut self, mut on_facts: impl FnMut(Vec<P::Fact>)) -> Result<(), Obstacle> {
        self.deliver_all(&mut on_facts)?;
        loop {
            let mut has_moved = false;
            for node in self.world.environment().node_ids() {
                let seat = self.state.seats[node.index()].clone();
                for timer in &seat.timers {
                    if self.world.protocol().is_background(*timer) {
                        has_moved |= self.let_fire(node, *timer, &mut on_facts)?;
                    }
                }
            }
            if !has_moved {
                return Ok(());
            }
        }
    }

    /// Lets a node do what this timer is for and all that follows; says whether anything came of
    /// it. What leads back to the same state is not told: a run is as good without it.
    fn let_fire(
        &mut self,
        node: NodeId,
        timer: P::Timer,
        mut on_facts: impl FnMut(Vec<P::Fact>),
    ) -> Result<bool, Obstacle> {
        let (before, told) = (self.state.clone(), self.transitions.len());
        match self.take(Action::Expire { peer: node.into(), timer }) {
            Err(Obstacle::NotPossible { .. }) => return Ok(false),
            other => on_facts(other?),
        }
        self.deliver_all(on_facts)?;
        let has_moved = self.state != before;
        if !has_moved {
            self.transitions.truncate(told);
        }
        Ok(has_moved)
    }
}
