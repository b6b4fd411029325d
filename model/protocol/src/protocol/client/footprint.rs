//! What each step of a client declares to touch, and a client's state in parts.

use crate::ids::NodeId;
use crate::protocol::effect::Timer;
use crate::protocol::footprint::{Component, Declaration};
use crate::protocol::message::Message;

use super::Client;

impl Client {
    /// The components that a client has.
    #[must_use]
    pub fn components() -> [Component; 3] {
        [Component::Pending, Component::Trailing, Component::Sequence]
    }

    /// Takes a component over from another state of the same client; others are left alone.
    pub fn take_over(&mut self, component: &Component, other: &Client) {
        let Client { id: _, next_sequence, pending, trailing } = self;
        match component {
            Component::Pending => pending.clone_from(&other.pending),
            Component::Trailing => trailing.clone_from(&other.trailing),
            Component::Sequence => *next_sequence = other.next_sequence,
            // The rest is of nodes.
            _ => {}
        }
    }

    /// Whether a component is the same in another state of the same client.
    #[must_use]
    pub fn is_same(&self, component: &Component, other: &Client) -> bool {
        match component {
            Component::Pending => self.pending == other.pending,
            Component::Trailing => self.trailing == other.trailing,
            Component::Sequence => self.next_sequence == other.next_sequence,
            _ => true,
        }
    }

    /// What the start of an operation declares to touch.
    #[must_use]
    pub fn footprint_of_start(&self) -> Declaration {
        let mut declared = Declaration::default();
        declared.write(Component::Pending).write(Component::Trailing).write(Component::Sequence);
        declared.timer(Timer::Request(self.next_request()));
        if let Some(trailing) = &self.trailing {
            declared.timer(Timer::Request(trailing.request));
        }
        // It may be refused at once.
        declared.send(&["Put", "Get", "Fetch"]).tell();
        declared
    }

    /// What the arrival of a message declares to touch.
    #[must_use]
    pub fn footprint_of_arrival(&self, from: NodeId, message: &Message) -> Declaration {
        let mut declared = Declaration::default();
        declared.read(Component::Pending).read(Component::Trailing);
        if let Some(request) = message.request()
            && self.awaits(request, from)
        {
            declared.timer(Timer::Request(request)).send(&["Store", "Repair"]);
            if self.pending() == Some(request) {
                declared.write(Component::Pending).write(Component::Trailing).tell();
            } else {
                declared.write(Component::Trailing);
            }
        }
        declared
    }

    /// What the expiry of a timer declares to touch.
    #[must_use]
    pub fn footprint_of_expiry(&self, timer: Timer) -> Declaration {
        let mut declared = Declaration::default();
        declared.timer(timer).read(Component::Pending).read(Component::Trailing);
        let Timer::Request(request) = timer else { return declared };
        if self.trailing.as_ref().is_some_and(|trailing| trailing.request == request) {
            declared.write(Component::Trailing);
        }
        if self.pending() == Some(request) {
            declared.write(Component::Pending).tell();
            declared.send(&["Put", "Get", "Store", "Fetch"]);
        }
        declared
    }
}
