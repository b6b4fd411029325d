//! One client's trace, replayed through the code of its protocol's clients.

use std::collections::BTreeSet;

use super::node::follow_timers;
use super::refusal::{Reason, compare_effects};
use super::trace::ClientStep;
use super::traced::{ReachesClient, Traced};
use super::validated::{ReplayedClient, TimerOf, Validated};

/// A client as far as it has been replayed.
pub(super) struct ClientReplay<V: Validated> {
    client: V::Client,
    /// How many nodes its cluster has.
    nodes: usize,
    timers: BTreeSet<TimerOf<V>>,
}

impl<V: Validated> ClientReplay<V> {
    pub(super) fn new(client: V::Client, nodes: usize) -> Self {
        ClientReplay { client, nodes, timers: BTreeSet::new() }
    }

    /// Replays a step and compares. Its place among the others and the message it takes, if any,
    /// have been looked at already.
    pub(super) fn take(
        &mut self,
        recorded: &ClientStep<V::Protocol>,
    ) -> Result<(), Reason<V::Protocol>> {
        match V::Protocol::reaches_client(&recorded.input) {
            ReachesClient::Invoke { coordinator, .. } => {
                if self.client.is_waiting() {
                    return Err(Reason::StillWaiting);
                }
                if coordinator.index() >= self.nodes {
                    return Err(Reason::NoSuchNode { node: coordinator });
                }
            }
            ReachesClient::Expire(timer) => {
                if !self.timers.remove(&timer) {
                    return Err(Reason::NotRunning(timer));
                }
            }
            ReachesClient::Receive { .. } => {}
        }
        let (effects, outcome) = self.client.step(&recorded.input);
        compare_effects(&effects, &recorded.effects)?;
        if outcome != recorded.outcome {
            let recorded = recorded.outcome.clone().map(Box::new);
            return Err(Reason::Outcome { expected: outcome.map(Box::new), recorded });
        }
        follow_timers::<V::Protocol>(&mut self.timers, &effects);
        Ok(())
    }
}
