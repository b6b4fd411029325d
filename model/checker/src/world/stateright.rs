//! The world as our own traversal explores it, and as Stateright checks and browses it.

use std::collections::BTreeSet;

use ::stateright::{Model, Property};
use quorate_ids::{Peer, Timestamp};

use super::World;
use super::action::Action;
use super::protocol::{NodeInput, Outbox, Protocol};
use super::state::{ActorState, Network, NodeState, Seat, State};
use crate::shared::Shared;
use crate::system::System;

impl<P: Protocol> World<P> {
    /// The state before anything happened. What nodes send when they are founded is under way.
    #[must_use]
    pub fn initial_state(&self) -> State<P> {
        let environment = &*self.environment;
        let is_split = environment.faults.partitions == 0;
        let groups = if is_split { environment.partition.clone() } else { Vec::new() };
        let mut state = State {
            seats: Vec::new(),
            network: Network::<P>::default(),
            down: environment.down,
            groups,
            faults: environment.faults,
            history: Shared::new(self.protocol.history()),
        };
        let mut sent = Vec::new();
        for index in 0..environment.nodes + environment.clients {
            let mut timers = BTreeSet::new();
            let actor = match self.peer(index) {
                Peer::Node(id) => {
                    let mut node = NodeState::<P>::default();
                    let mut out = Outbox::new();
                    self.protocol.node_step(id, &mut node, NodeInput::Start { life: 0 }, &mut out);
                    let ahead = environment.clocks_ahead.get(index).copied().unwrap_or_default();
                    node.clock = Timestamp(ahead);
                    sent.extend(out.perform(id.into(), &mut timers));
                    if environment.down.contains(id) {
                        timers.clear();
                    }
                    ActorState::Node(node)
                }
                Peer::Client(id) => ActorState::Client(self.protocol.client(id)),
            };
            state.seats.push(Shared::new(Seat { state: actor, timers }));
        }
        for envelope in sent {
            if !state.is_down(envelope.from) && state.connected(envelope.from, envelope.to) {
                state.network.send(envelope);
            }
        }
        state
    }
}

impl<P: Protocol> System for World<P> {
    type State = State<P>;
    type Action = Action<P>;

    fn initial(&self) -> Vec<State<P>> {
        Vec::from([self.initial_state()])
    }

    fn actions(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        self.offer(state, actions);
    }

    fn apply(&self, state: &State<P>, action: Action<P>) -> Option<State<P>> {
        World::apply(self, state, action)
    }

    fn fingerprint(&self, state: &State<P>) -> u64 {
        World::fingerprint(self, state)
    }

    fn own_fingerprint(&self, state: &State<P>) -> u64 {
        state.fingerprint()
    }

    fn is_settling(&self, action: &Action<P>) -> bool {
        action.is_settling(&self.protocol)
    }
}

/// Properties are judged by [`crate::explore`]; here is nothing but states and steps, to be browsed.
impl<P: Protocol> Model for World<P> {
    type State = State<P>;
    type Action = Action<P>;

    fn init_states(&self) -> Vec<State<P>> {
        Vec::from([self.initial_state()])
    }

    fn actions(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        self.offer(state, actions);
    }

    fn next_state(&self, last: &State<P>, action: Action<P>) -> Option<State<P>> {
        World::apply(self, last, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Vec::new()
    }
}
