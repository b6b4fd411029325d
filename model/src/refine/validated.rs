//! What validation asks of the leaderless protocol.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::time::Duration;

use quorate_checker::refine::Validated;

use super::ClientTrace;
use super::client::ClientReplay;
use super::judge::Judge;
use super::node::NodeReplay;
use super::plan::Plan;
use crate::check::leaderless::Leaderless;
use crate::check::words::Names;
use crate::cluster::{ClusterConfig, ClusterSpec};
use crate::ids::{ClientId, NodeId};
use crate::protocol::settled::outlasts_datagrams;
use crate::protocol::{Message, Timer};

/// The leaderless protocol in the cluster of a trace.
pub struct LeaderlessTraces {
    spec: ClusterSpec,
    cluster: Arc<ClusterConfig>,
    names: Names,
}

impl Validated for LeaderlessTraces {
    type Protocol = Leaderless;
    type Node = NodeReplay;
    type Client = ClientReplay;
    type Judge = Judge;
    type Words = Names;

    fn new(spec: &ClusterSpec) -> Result<Self, String> {
        let cluster = Arc::new(spec.build().map_err(|error| error.to_string())?);
        let (names, spec) = (Names::of_nodes(spec.nodes.clone()), spec.clone());
        Ok(LeaderlessTraces { spec, cluster, names })
    }

    fn nodes(&self) -> usize {
        self.cluster.nodes().len()
    }

    fn words(&self) -> &Names {
        &self.names
    }

    fn node(&self, node: NodeId) -> NodeReplay {
        NodeReplay::new(node, &self.cluster)
    }

    fn client(&self, client: ClientId) -> ClientReplay {
        ClientReplay::new(client, &self.cluster)
    }

    fn judge(&self, clients: &[ClientTrace]) -> Judge {
        Judge::new(&self.cluster, Plan::new(&self.spec, &self.cluster, clients))
    }

    fn may_say(client: ClientId, message: &Message) -> bool {
        let is_own = message.request().is_none_or(|request| request.client == client);
        is_own
            && matches!(
                message,
                Message::Put(_)
                    | Message::Get(_)
                    | Message::Store { .. }
                    | Message::Fetch { .. }
                    | Message::Repair { .. }
            )
    }

    fn waits_for_older(timer: Timer) -> bool {
        timer == Timer::Settled
    }

    fn least_wait(datagram_lifetime: Duration) -> Duration {
        outlasts_datagrams(datagram_lifetime)
    }
}
