//! What a protocol is to the world around it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

use derive_where::derive_where;
use quorate_ids::{ClientId, NodeId, Peer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::action::{Action, Envelope};
use super::counters::{Counters, Enumerated, KindOf};
use super::environment::Environment;
use super::local::Taken;
use super::state::{NodeState, State};
use crate::shared::Shared;

/// Plain data: what states consist of.
pub trait Value: Clone + Eq + Hash + Debug + Send + Sync + 'static {}

impl<T: Clone + Eq + Hash + Debug + Send + Sync + 'static> Value for T {}

/// A protocol in one scenario: what nodes and clients do, what may happen when, what an observer sees of it,
/// and which states pass for the same.
///
/// The first part is the protocol itself, and what every protocol has to say. The second and the third
/// have defaults that suit a protocol without background rounds, without history variables and without
/// reductions of its own.
///
/// Everything is a function of its arguments: asked twice, a protocol gives the same answers. What one actor
/// does depends on its own state and input alone; the world remembers it.
pub trait Protocol: Send + Sync + Sized + 'static {
    /// What is sent.
    type Message: Value + Serialize + DeserializeOwned;
    /// What can expire.
    type Timer: Value + Copy + Ord + Serialize + DeserializeOwned;
    /// What a node forgets when it stops.
    type Replica: Value + Default;
    /// What it does not: its disk.
    type Store: Value + Default;
    /// A client, with how far it is in its program.
    type Client: Value;
    /// What an operator can tell a node; [`std::convert::Infallible`]-like enums for nothing.
    type Command: Value + Serialize + DeserializeOwned;
    /// What an observer remembers of a run: history variables, in the sense of Abadi and Lamport (*The
    /// Existence of Refinement Mappings*, 1991). They are part of the state, and no step looks at them.
    type History: Value;
    /// What an observer sees of one actor's step.
    type Fact: Value;
    /// Kinds of message, as they are counted.
    type MessageKind: KindOf<Self::Message>;
    /// Kinds of expiry at nodes, as they are counted.
    type TimerKind: KindOf<Self::Timer>;
    /// Kinds of operation that clients start, as they are counted.
    type OperationKind: Enumerated;
    /// Reductions of the state space, as it is counted what they leave out.
    type Rule: Enumerated;

    // What nodes and clients do.

    /// How many there are, and what may happen to them.
    fn environment(&self) -> Environment;

    /// Something reaches a node.
    fn node_step(
        &self,
        node: NodeId,
        state: &mut NodeState<Self>,
        input: NodeInput<'_, Self>,
        out: &mut Outbox<Self>,
    );

    /// A client before its first operation.
    fn client(&self, client: ClientId) -> Self::Client;

    /// The nodes through which a client may start its next operation now: none while it waits for an answer, or
    /// once its program is over.
    fn coordinators(&self, client: ClientId, state: &Self::Client) -> impl Iterator<Item = NodeId>;

    /// Something reaches a client, or it starts its next operation.
    fn client_step(
        &self,
        client: ClientId,
        state: &mut Self::Client,
        input: ClientInput<'_, Self>,
        out: &mut Outbox<Self>,
    );

    /// Of which kind the operation is that a client starts next. The first, where there is one kind.
    fn operation_kind(&self, client: ClientId, state: &Self::Client) -> Self::OperationKind {
        let _ = (client, state);
        Self::OperationKind::ALL[0]
    }

    /// What a client that is not honest sends in the place of this message; nothing, where it has nothing to gain.
    fn lie(&self, message: &Self::Message) -> Option<Self::Message> {
        let _ = message;
        None
    }

    // What may happen when.

    /// Whether a client may start its next operation in this state: whether it is its turn.
    fn may_begin(&self, state: &State<Self>, client: ClientId) -> bool {
        let _ = (state, client);
        true
    }

    /// What it takes for a timer that is set to expire now.
    fn expiry(&self, state: &State<Self>, peer: Peer, timer: Self::Timer) -> Expiry {
        let _ = (peer, timer);
        if state.faults.timeouts > 0 { Expiry::AFault } else { Expiry::Never }
    }

    /// Whether a timer belongs to what a node does of its own accord, and not to a request: it expires still
    /// once faults and clients have ended.
    fn is_background(&self, timer: Self::Timer) -> bool {
        let _ = timer;
        false
    }

    /// Whether a timer runs for one lifetime of a datagram: when it expires, nothing is under way any more that
    /// was sent before it was set. A node has at most one such timer.
    fn outlasts_messages(&self, timer: Self::Timer) -> bool {
        let _ = timer;
        false
    }

    /// Takes out of the network what never comes, now that this timer expires.
    fn before_expiry(&self, state: &mut State<Self>, peer: Peer, timer: Self::Timer) {
        let _ = (state, peer, timer);
    }

    // What an observer sees.

    /// The history before anything happened.
    fn history(&self) -> Self::History;

    /// What an observer sees of one step of one actor: a function of what it was before, what reached it, what it
    /// is now and what it sent.
    fn facts(&self, taken: &mut Taken<'_, Self>) -> Vec<Self::Fact> {
        let _ = taken;
        Vec::new()
    }

    /// Takes note of facts in the history of a state.
    fn note(
        &self,
        state: &mut State<Self>,
        facts: &Shared<Vec<Self::Fact>>,
        counters: &Counters<Self>,
    ) {
        let _ = (state, facts, counters);
    }

    /// A client is about to start its next operation: takes note of it, and lets pass what time that takes.
    fn on_invoke(&self, state: &mut State<Self>, client: ClientId) {
        let _ = (state, client);
    }

    /// Takes note that what a node's disk held is gone: the disk was lost, or is an older one.
    fn on_disk_replaced(&self, state: &mut State<Self>, node: NodeId) {
        let _ = (state, node);
    }

    // Which states pass for the same: reductions.

    /// The rule by which a message that is sent in this state reaches its receiver in the same step, if one
    /// does.
    fn takes_no_time(&self, state: &State<Self>, envelope: &Envelope<Self>) -> Option<Self::Rule> {
        let _ = (state, envelope);
        None
    }

    /// Takes messages out of the network that take no time from this step on.
    fn overdue(
        &self,
        before: &State<Self>,
        state: &mut State<Self>,
        counters: &Counters<Self>,
    ) -> Vec<Shared<Envelope<Self>>> {
        let _ = (before, state, counters);
        Vec::new()
    }

    /// Whether clients may start an operation and give it up before its request arrives. An action of its own where
    /// requests of clients take no time, and elsewhere a start followed by the expiry of the client's timer.
    fn may_be_late(&self, state: &State<Self>) -> bool {
        let _ = state;
        false
    }

    /// Whether the loss of a message at a node that is down need not be looked at, since nobody can tell it from a
    /// delay that never ends; by which rule.
    fn is_loss_like_delay(&self, envelope: &Envelope<Self>) -> Option<Self::Rule> {
        let _ = envelope;
        None
    }

    /// Takes out of what may happen what a reduction leaves out.
    fn restrict(
        &self,
        state: &State<Self>,
        actions: &mut Vec<Action<Self>>,
        counters: &Counters<Self>,
    ) {
        let _ = (state, actions, counters);
    }

    /// The name by which searches tell states apart. States of one name pass for the same, so what happens in one
    /// must happen in each of them, up to what tells them apart and nobody asks about.
    fn fingerprint(&self, state: &State<Self>, counters: &Counters<Self>) -> u64 {
        let _ = counters;
        state.fingerprint()
    }

    /// Brings a state into the form in which it is visited: leaves out what nothing can read again.
    fn canonicalise(&self, state: &mut State<Self>, counters: &Counters<Self>) {
        let _ = (state, counters);
    }
}

/// What can reach a node.
#[derive(Debug)]
pub enum NodeInput<'a, P: Protocol> {
    /// It starts, on whatever its disk holds. What is volatile is empty.
    Start {
        /// How often it had started before: 0 when the cluster is founded.
        life: u64,
    },
    /// A message arrives.
    Receive {
        /// From whom.
        from: Peer,
        /// What.
        message: &'a P::Message,
    },
    /// A timer that was set, and not cancelled since, expires.
    Expire(P::Timer),
    /// An operator tells it something.
    Command(&'a P::Command),
}

/// What can reach a client.
#[derive(Debug)]
pub enum ClientInput<'a, P: Protocol> {
    /// It starts its next operation through this node.
    Invoke {
        /// Which node it asks.
        coordinator: NodeId,
    },
    /// A message arrives.
    Receive {
        /// From which node.
        from: NodeId,
        /// What.
        message: &'a P::Message,
    },
    /// Its timer expires.
    Expire(P::Timer),
}

/// What an actor's step asks of the world, in this order, after what it changed is durable.
#[derive_where(Debug)]
pub struct Outbox<P: Protocol> {
    pub(super) effects: Vec<Effect<P>>,
}

/// One thing that a step asks for.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "kebab-case")]
pub enum Effect<P: Protocol> {
    /// That a message is sent.
    Send(Peer, P::Message),
    /// That a timer is started, or started anew if it runs.
    SetTimer(P::Timer),
    /// That a timer is stopped, if it runs.
    CancelTimer(P::Timer),
}

impl<P: Protocol> Default for Outbox<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Protocol> Outbox<P> {
    pub(super) fn new() -> Self {
        Outbox { effects: Vec::new() }
    }

    /// What was asked for, in order: for whoever takes steps outside the world.
    #[must_use]
    pub fn into_effects(self) -> Vec<Effect<P>> {
        self.effects
    }

    /// Sets and stops timers; gives what was sent by this peer, in order.
    pub(super) fn perform(
        self,
        from: Peer,
        timers: &mut BTreeSet<P::Timer>,
    ) -> Vec<Shared<Envelope<P>>> {
        let mut sent = Vec::new();
        for effect in self.effects {
            match effect {
                Effect::Send(to, message) => {
                    sent.push(Shared::new(Envelope { from, to, message }));
                }
                Effect::SetTimer(timer) => {
                    timers.insert(timer);
                }
                Effect::CancelTimer(timer) => {
                    timers.remove(&timer);
                }
            }
        }
        sent
    }

    /// Whether it starts a timer of this kind.
    pub(super) fn sets(&self, is_meant: impl Fn(&P::Timer) -> bool) -> bool {
        let sets =
            |effect: &Effect<P>| matches!(effect, Effect::SetTimer(timer) if is_meant(timer));
        self.effects.iter().any(sets)
    }

    /// Sends a message.
    pub fn send(&mut self, to: impl Into<Peer>, message: P::Message) {
        self.effects.push(Effect::Send(to.into(), message));
    }

    /// Starts a timer, or starts it anew if it runs.
    pub fn set_timer(&mut self, timer: P::Timer) {
        self.effects.push(Effect::SetTimer(timer));
    }

    /// Stops a timer. Stopping one that does not run does nothing.
    pub fn cancel_timer(&mut self, timer: P::Timer) {
        self.effects.push(Effect::CancelTimer(timer));
    }
}

/// What it takes for a timer to expire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// It may not.
    Never,
    /// It spends the budget of timeouts: it may be wrong.
    AFault,
    /// Nothing.
    Free,
}
