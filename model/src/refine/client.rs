//! One client's trace, replayed through the client library that the model's clients use.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;

use super::node::follow_timers;
use super::refusal::{Reason, compare_effects};
use super::trace::{ClientInput, ClientStep};
use crate::cluster::ClusterConfig;
use crate::ids::ClientId;
use crate::protocol::{Client, Timer};

/// A client as far as it has been replayed.
pub(super) struct ClientReplay {
    client: Client,
    timers: BTreeSet<Timer>,
}

impl ClientReplay {
    pub(super) fn new(client: ClientId) -> Self {
        ClientReplay { client: Client::new(client), timers: BTreeSet::new() }
    }

    /// Replays a step and compares. Its place among the others and the message it takes, if any,
    /// have been looked at already.
    pub(super) fn take(
        &mut self,
        cluster: &ClusterConfig,
        recorded: &ClientStep,
    ) -> Result<(), Reason> {
        let step = match &recorded.input {
            ClientInput::Invoke { operation, coordinator, fan_out, attempts } => {
                if self.client.pending().is_some() {
                    return Err(Reason::StillWaiting);
                }
                if coordinator.index() >= cluster.nodes().len() {
                    return Err(Reason::NoSuchNode { node: *coordinator });
                }
                let operation = operation.clone();
                self.client.invoke(cluster, operation, *coordinator, *fan_out, *attempts)
            }
            ClientInput::Receive { from, message } => {
                self.client.receive(cluster, *from, message.clone())
            }
            ClientInput::Expire(timer) => {
                if !self.timers.remove(timer) {
                    return Err(Reason::NotRunning(*timer));
                }
                self.client.expire(cluster, *timer)
            }
        };
        compare_effects(&step.effects, &recorded.effects)?;
        if step.outcome != recorded.outcome {
            let boxed = |outcome: &Option<_>| outcome.clone().map(Box::new);
            let (expected, recorded) = (boxed(&step.outcome), boxed(&recorded.outcome));
            return Err(Reason::Outcome { expected, recorded });
        }
        follow_timers(&mut self.timers, &step.effects);
        Ok(())
    }
}
