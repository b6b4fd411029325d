//! What a client says that is not honest.
//!
//! It may say of its context what it likes, and nobody gave it that. The worst that it can say is what nobody has done
//! yet: that it has seen every write that any node may come to make, in the epochs that are and in those that are to
//! come. A write that such a claim covers is taken for one that was seen and replaced, wherever the claim arrives.

use crate::protocol::{ContextOrigin, Message, PutRequest};
use crate::scenario::Scenario;
use crate::versions::{ActorId, Dot, Epoch, Incarnation};

/// How many epochs of each incarnation a lie covers.
const EPOCHS: u64 = 2;

/// A put that claims to have seen everything that any node will ever have written.
pub(super) fn of(scenario: &Scenario, message: &Message) -> Option<Message> {
    let Message::Put(put) = message else { return None };
    // Each start of a node may be under a name of its own.
    let incarnations = 1 + 2 * u64::from(scenario.faults.crashes);
    let mut context = put.context.clone();
    for node in scenario.cluster.nodes() {
        for incarnation in (0..incarnations).map(Incarnation) {
            for epoch in (0..EPOCHS).map(Epoch) {
                let actor = ActorId::Node { node: *node, incarnation, epoch };
                context.observe(Dot { actor, counter: u64::MAX });
            }
        }
    }
    let lie = PutRequest { context, origin: ContextOrigin::Claimed, ..put.clone() };
    (*put != lie).then_some(Message::Put(lie))
}
