//! One client, replayed by the client library that the model's clients use.

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::refine::ReplayedClient;

use super::trace::ClientInput;
use crate::check::leaderless::Leaderless;
use crate::cluster::ClusterConfig;
use crate::ids::ClientId;
use crate::protocol::{Client, Effect, Outcome};

/// A client as far as it has been replayed.
pub struct ClientReplay {
    client: Client,
    cluster: Arc<ClusterConfig>,
}

impl ClientReplay {
    pub(super) fn new(client: ClientId, cluster: &Arc<ClusterConfig>) -> Self {
        ClientReplay { client: Client::new(client), cluster: Arc::clone(cluster) }
    }
}

impl ReplayedClient<Leaderless> for ClientReplay {
    fn is_waiting(&self) -> bool {
        self.client.pending().is_some()
    }

    fn step(&mut self, input: &ClientInput) -> (Vec<Effect>, Option<Outcome>) {
        let (client, cluster) = (&mut self.client, &*self.cluster);
        let step = match input.clone() {
            ClientInput::Invoke { operation, coordinator, fan_out, attempts } => {
                client.invoke(cluster, operation, coordinator, fan_out, attempts)
            }
            ClientInput::Receive { from, message } => client.receive(cluster, from, message),
            ClientInput::Expire(timer) => client.expire(cluster, timer),
        };
        (step.effects, step.outcome)
    }
}
