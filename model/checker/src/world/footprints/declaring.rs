//! What a protocol says so that its steps can be compared with what they declare.

use std::collections::BTreeSet;
use std::fmt;

use derive_where::derive_where;
use quorate_ids::Peer;

use crate::footprint::{Actor, Component, Footprint, Stepped};
use crate::shared::Shared;
use crate::world::World;
use crate::world::action::Envelope;
use crate::world::local::Event;
use crate::world::protocol::Protocol;
use crate::world::state::Seat;

/// A protocol whose steps declare what they touch.
pub trait Footprints: Protocol {
    /// The parts of actors. Families are sorts of them; both are told to people.
    type Part: Component<Family: fmt::Display + Send + Sync> + fmt::Display + Send + Sync;

    /// How a declaration calls it that a node begins to wait for older messages, or ends that.
    const WAIT: &'static str;

    /// What the step that takes this input in this state declares to touch.
    fn footprint(
        &self,
        peer: Peer,
        seat: &Seat<Self>,
        event: &Event<Self>,
    ) -> Footprint<Self::Part, &'static str>;

    /// Whether an input can come in this state at all. The same answer where what is not declared differs.
    fn is_possible(&self, peer: Peer, seat: &Seat<Self>, event: &Event<Self>) -> bool {
        let _ = (peer, seat, event);
        true
    }

    /// Whether parts fit together that were taken from two states: a step may rely on what is so in every state of the
    /// actor. Where they do not, nothing is compared.
    fn is_coherent(&self, seat: &Seat<Self>) -> bool {
        let _ = seat;
        true
    }

    /// The parts that a state has. What it does not have is blank.
    fn parts(&self, seat: &Seat<Self>) -> BTreeSet<Self::Part>;

    /// Whether a part is the same in both states.
    fn is_same(&self, part: &Self::Part, one: &Seat<Self>, other: &Seat<Self>) -> bool;

    /// Takes a part over from another state, and leaves all others as they are.
    fn take_over(&self, peer: Peer, seat: &mut Seat<Self>, part: &Self::Part, from: &Seat<Self>);

    /// The kind of a message, as declarations call it.
    fn kind_of_message(message: &Self::Message) -> &'static str;

    /// The kind of an input, in words.
    fn kind_of_input(event: &Event<Self>) -> &'static str;
}

/// An actor of a world.
pub(super) struct SeatActor<'a, P: Footprints> {
    pub(super) world: &'a World<P>,
    pub(super) index: usize,
}

impl<P: Footprints> SeatActor<'_, P> {
    fn peer(&self) -> Peer {
        self.world.peer(self.index)
    }
}

/// What a step causes outside its actor.
#[derive_where(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Caused<P: Protocol> {
    /// A message.
    Sent(Shared<Envelope<P>>),
    /// The node begins to wait for older messages, or ends it.
    Wait(bool),
}

impl<P: Footprints> Actor for SeatActor<'_, P> {
    type State = Seat<P>;
    type Input = Event<P>;
    type Component = P::Part;
    type Effect = Caused<P>;
    type Kind = &'static str;

    fn footprint(&self, seat: &Seat<P>, event: &Event<P>) -> Footprint<P::Part, &'static str> {
        self.world.protocol().footprint(self.peer(), seat, event)
    }

    fn is_possible(&self, seat: &Seat<P>, event: &Event<P>) -> bool {
        self.world.protocol().is_possible(self.peer(), seat, event)
    }

    fn is_coherent(&self, seat: &Seat<P>) -> bool {
        self.world.protocol().is_coherent(seat)
    }

    fn step(&self, seat: &Seat<P>, event: &Event<P>) -> Stepped<Seat<P>, Caused<P>> {
        let step = self.world.take_step(self.index, seat, event);
        let sent = step.sent.into_iter().map(Caused::Sent);
        Stepped {
            after: (*step.seat).clone(),
            effects: sent.chain(step.waits.map(Caused::Wait)).collect(),
            tells: step.is_seen,
        }
    }

    fn kind(&self, caused: &Caused<P>) -> &'static str {
        match caused {
            Caused::Sent(sent) => P::kind_of_message(&sent.message),
            Caused::Wait(_) => P::WAIT,
        }
    }

    fn components(&self, seat: &Seat<P>) -> BTreeSet<P::Part> {
        self.world.protocol().parts(seat)
    }

    fn is_same(&self, part: &P::Part, one: &Seat<P>, other: &Seat<P>) -> bool {
        self.world.protocol().is_same(part, one, other)
    }

    fn take_over(&self, seat: &mut Seat<P>, part: &P::Part, from: &Seat<P>) {
        self.world.protocol().take_over(self.peer(), seat, part, from);
    }
}
