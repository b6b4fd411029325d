//! How clients start operations, and give them up.

use quorate_ids::{ClientId, NodeId, Peer};

use super::World;
use super::apply::Hops;
use super::counters::Kind;
use super::local::Event;
use super::protocol::Protocol;
use super::state::State;

impl<P: Protocol> World<P> {
    /// Whether a client may start its next operation through this node.
    pub(super) fn may_invoke(
        &self,
        state: &State<P>,
        client: ClientId,
        coordinator: NodeId,
    ) -> bool {
        let Some(actor) = state.client(client) else { return false };
        self.protocol.coordinators(client, actor).any(|via| via == coordinator)
            && self.protocol.may_begin(state, client)
    }

    pub(super) fn invoke(
        &self,
        state: &mut State<P>,
        client: ClientId,
        coordinator: NodeId,
        hops: &mut Hops<'_, P>,
    ) {
        self.protocol.on_invoke(state, client);
        let index = self.index(Peer::Client(client));
        self.step(state, index, &Event::Invoke(client, coordinator), hops);
    }

    /// A client gives up the operation that it has just begun: its request is under way, and may
    /// arrive whenever. An operation that ended in the client's own step is over already.
    pub(super) fn give_up(&self, state: &mut State<P>, client: ClientId, hops: &mut Hops<'_, P>) {
        let peer = Peer::Client(client);
        let index = self.index(peer);
        let Some(timer) = state.seats[index].timers.first().copied() else { return };
        while let Some(envelope) = hops.queue.pop_front() {
            state.network.send(envelope);
        }
        self.counters.count(Kind::ClientTimeout);
        self.step(state, index, &Event::Expire(peer, timer), hops);
    }
}
