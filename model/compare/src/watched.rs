//! A protocol's world with what its clients observe beside it: as it is explored.
//!
//! The history of clients is no part of either protocol's own state, so neither had to change. It is a history
//! variable nevertheless: part of what tells states apart, and looked at by no step.
//!
//! Two things are made alike here that the protocols' worlds have different:
//!
//! - *Timeouts.* The budget is of timeouts that are *wrong*. A timer of somebody who would wait for ever expires for nothing. The
//!   leader-based protocol's world has it so; that of the leaderless protocol counts every timeout. So the world is given
//!   timeouts without end, and here it is judged which of them are wrong, and how many there may be.
//! - *Nodes that stop for good.* Where faults say so, none of them returns, and what it holds counts as gone. What is under
//!   way may still arrive: so whether a write is lost is asked of how runs end, and not of single states.

use std::hash::BuildHasher;
use std::sync::Arc;

use derive_where::derive_where;
use foldhash::quality::FixedState;
use quorate_checker::world::{Action, Envelope, Faults, NodeState, State, World};
use quorate_checker::{Shared, System};
use quorate_ids::{NodeId, Peer};

use crate::calls::{Calls, Plan};
use crate::comparable::{Comparable, OnValue};
use crate::program::Writes;
use crate::property::Property;

/// How many timeouts the world is told are left, at every moment: more than any run has that is told.
pub(crate) const TIMEOUTS: u8 = 100;

/// A world, and what is watched in it.
#[derive_where(Clone)]
pub(crate) struct Watched<P: Comparable> {
    pub(crate) world: World<P>,
    pub(crate) plan: Arc<Plan>,
    /// How many timeouts may be wrong.
    pub(crate) wrong: u8,
    /// Whether nodes that stop never return.
    pub(crate) stay_down: bool,
    /// Whether somebody may have waited in vain: a client, a coordinator, a follower without a leader.
    pub(crate) waits: bool,
    /// Nodes that stop before anything else happens.
    pub(crate) down: Vec<NodeId>,
}

/// Everything at one moment.
#[derive_where(Clone)]
pub(crate) struct Moment<P: Comparable> {
    pub(crate) state: State<P>,
    pub(crate) calls: Shared<Calls>,
    /// How many timeouts may still be wrong.
    pub(crate) wrong_left: u8,
}

/// What a condition looks for: whether a property is violated or reached, or whether it was put to the test.
const TESTED: usize = Property::ALL.len();

/// The number of the condition that shows a property.
pub(crate) fn shown_by(property: Property) -> usize {
    property as usize
}

/// The number of the condition that shows that it was put to the test.
pub(crate) fn tested_by(property: Property) -> usize {
    TESTED + property as usize
}

/// A write is acknowledged; a read is answered.
pub(crate) const ACKNOWLEDGED: usize = 2 * TESTED;
pub(crate) const ANSWERED: usize = ACKNOWLEDGED + 1;

/// The goals, in order: of properties about how runs end.
pub(crate) const GOALS: [Property; 3] =
    [Property::LostWrite, Property::Overwritten, Property::Divergence];

impl<P: Comparable> Watched<P> {
    /// The nodes that are not gone for good.
    fn remaining<'a>(
        &'a self,
        state: &'a State<P>,
    ) -> impl Iterator<Item = (NodeId, &'a NodeState<P>)> {
        let nodes = self.world.environment().node_ids().zip(state.nodes());
        nodes.filter(|(node, _)| !(self.stay_down && state.down.contains(*node)))
    }

    /// What some node holds that is not gone for good.
    fn held(&self, state: &State<P>) -> Writes {
        let mut held = Writes::default();
        for (_, node) in self.remaining(state) {
            let on_value: OnValue<'_> =
                &mut |key, value| held = held.and(Writes::only(self.plan.write_of(key, value)));
            self.world.protocol().held(node, on_value);
        }
        held
    }

    /// What clients would find at each replica that is not gone for good.
    fn readable(&self, state: &State<P>) -> Vec<Writes> {
        let protocol = self.world.protocol();
        let replicas = protocol.replicas();
        let of_node = |node: &NodeState<P>| {
            let mut found = Writes::default();
            let on_value: OnValue<'_> =
                &mut |key, value| found = found.and(Writes::only(self.plan.write_of(key, value)));
            protocol.readable(node, on_value);
            found
        };
        let kept = self.remaining(state).filter(|(node, _)| replicas.contains(*node));
        kept.map(|(_, node)| of_node(node)).collect()
    }

    /// Whether something has gone wrong so far.
    fn is_disturbed(&self, moment: &Moment<P>) -> bool {
        let timeouts = moment.state.faults.timeouts;
        let all = Faults { timeouts, ..self.world.environment().faults };
        moment.wrong_left < self.wrong || moment.state.faults != all
    }

    /// Lets one action happen; `on_hop` is shown what reaches its receiver in the same step.
    pub(crate) fn apply_telling(
        &self,
        moment: &Moment<P>,
        action: Action<P>,
        on_hop: impl FnMut(&Envelope<P>),
    ) -> Option<Moment<P>> {
        let mut events = Vec::new();
        let protocol = self.world.protocol();
        let on_facts = |facts: &[P::Fact]| {
            events.extend(facts.iter().filter_map(|fact| protocol.client_event(fact)));
        };
        let mut state =
            self.world.apply_telling(&moment.state, action.clone(), on_hop, on_facts)?;
        let mut wrong_left = moment.wrong_left;
        if state.faults.timeouts < moment.state.faults.timeouts {
            if !protocol.is_right(&moment.state, &action) {
                wrong_left = wrong_left.checked_sub(1)?;
            }
            state.faults.timeouts = moment.state.faults.timeouts;
        }
        self.say_if_none_is_left(&mut state, wrong_left);
        if self.stay_down && !state.down.is_empty() {
            // What never arrives must not be waited for: the leaderless protocol exchanges states with one node at a time.
            let down = state.down;
            state
                .network
                .retain(|sent| !matches!(sent.to, Peer::Node(node) if down.contains(node)));
        }
        let calls = if events.is_empty() {
            moment.calls.clone()
        } else {
            let mut calls = (*moment.calls).clone();
            events.iter().for_each(|event| calls.note(&self.plan, event));
            Shared::new(calls)
        };
        Some(Moment { state, calls, wrong_left })
    }

    /// A world that counts wrong timeouts alone is told once none is left.
    fn say_if_none_is_left(&self, state: &mut State<P>, wrong_left: u8) {
        if wrong_left == 0 && self.world.protocol().counts_wrong_ones_alone() {
            state.faults.timeouts = 0;
        }
    }

    fn is_tested(&self, property: Property, moment: &Moment<P>) -> bool {
        match property {
            Property::LostWrite => moment.calls.has_acknowledged() && self.is_disturbed(moment),
            Property::Overwritten => moment.calls.has_unseen_writes(&self.plan),
            Property::Divergence => {
                let found = self.readable(&moment.state);
                found.windows(2).any(|two| two[0] != two[1])
            }
            _ => moment.calls.tested.has(property),
        }
    }
}

impl<P: Comparable> System for Watched<P> {
    type State = Moment<P>;
    type Action = Action<P>;

    fn initial(&self) -> Vec<Moment<P>> {
        let mut state = self.world.initial_state();
        for node in &self.down {
            state = self.world.apply(&state, Action::Crash { node: *node }).unwrap_or(state);
        }
        self.say_if_none_is_left(&mut state, self.wrong);
        Vec::from([Moment { state, calls: Shared::new(Calls::default()), wrong_left: self.wrong }])
    }

    fn actions(&self, moment: &Moment<P>, actions: &mut Vec<Action<P>>) {
        self.world.offer(&moment.state, actions);
        if self.stay_down {
            actions.retain(|action| !matches!(action, Action::Recover { .. }));
        }
        if !self.waits {
            actions.retain(|action| !self.world.protocol().is_wait(action));
        }
    }

    fn apply(&self, moment: &Moment<P>, action: Action<P>) -> Option<Moment<P>> {
        self.apply_telling(moment, action, |_| {})
    }

    fn fingerprint(&self, moment: &Moment<P>) -> u64 {
        let world = self.world.fingerprint(&moment.state);
        FixedState::default().hash_one((world, moment.calls.fingerprint(), moment.wrong_left))
    }

    fn is_settling(&self, action: &Action<P>) -> bool {
        action.is_settling(self.world.protocol())
    }

    fn conditions(&self) -> usize {
        ANSWERED + 1
    }

    fn shows(&self, condition: usize, moment: &Moment<P>) -> bool {
        match condition {
            ACKNOWLEDGED => moment.calls.has_acknowledged(),
            ANSWERED => moment.calls.has_read(),
            shown if shown < TESTED => moment.calls.shown.has(Property::ALL[shown]),
            tested => self.is_tested(Property::ALL[tested - TESTED], moment),
        }
    }

    fn goals(&self) -> usize {
        GOALS.len()
    }

    fn meets(&self, goal: usize, moment: &Moment<P>) -> bool {
        let found = self.readable(&moment.state);
        let somewhere = found.iter().fold(Writes::default(), |all, found| all.and(*found));
        match GOALS[goal] {
            Property::LostWrite => moment.calls.are_kept(&self.plan, self.held(&moment.state)),
            Property::Overwritten => {
                moment.calls.are_replaced_by_who_saw_them(&self.plan, somewhere)
            }
            _ => found.windows(2).all(|two| two[0] == two[1]),
        }
    }
}
