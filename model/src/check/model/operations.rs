//! How clients start operations, and give them up.

use quorate_checker::Shared;

use super::ClusterModel;
use super::carry_out::Hops;
use crate::check::actor::{ActorState, ClusterActor};
use crate::check::begin;
use crate::check::instruments::Kind;
use crate::check::local::Event;
use crate::check::state::ClusterState;
use crate::ids::{ClientId, NodeId, Peer, Timestamp};
use crate::protocol::Timer;
use crate::scenario::PlannedAction;
use crate::versions::Versioning;

impl ClusterModel {
    /// Whether the actor at this position is a client that may begin its next operation through
    /// this node.
    pub(super) fn may_invoke(
        &self,
        state: &ClusterState,
        index: usize,
        coordinator: NodeId,
    ) -> bool {
        let (Some(ClusterActor::Client(config)), Some(seat)) =
            (self.actors.get(index), state.seats.get(index))
        else {
            return false;
        };
        let ActorState::Client(client) = &seat.state else { return false };
        let through = config.ready(client).is_some_and(|next| next.via.contains(&coordinator));
        through && begin::may_begin(&self.scenario, state, index - self.nodes)
    }

    pub(super) fn invoke(
        &self,
        state: &mut ClusterState,
        index: usize,
        coordinator: NodeId,
        hops: &mut Hops,
    ) {
        let client = index - self.nodes;
        let ActorState::Client(scripted) = &state.seats[index].state else {
            panic!("only clients start operations");
        };
        let operation = scripted.next;
        self.ghost.on_invoke(state, client, operation);
        self.tick(state);
        self.step(state, index, &Event::Choose(coordinator), hops);
    }

    /// What the start of a client's next operation is counted as.
    pub(super) fn kind_of_start(&self, state: &ClusterState, client: ClientId) -> Option<Kind> {
        let next = begin::next_operation(&self.scenario, state, client)?;
        Some(match next.action {
            PlannedAction::Get => Kind::InvokeGet,
            PlannedAction::Put { write, .. } if self.scenario.writes[write].value.is_none() => {
                Kind::InvokeDelete
            }
            PlannedAction::Put { .. } => Kind::InvokePut,
        })
    }

    /// A client gives up the operation that it has just begun: its request is under way, and may
    /// arrive whenever.
    pub(super) fn give_up(&self, state: &mut ClusterState, index: usize, hops: &mut Hops) {
        let ActorState::Client(scripted) = &state.seats[index].state else {
            panic!("only clients start operations");
        };
        // A request that is refused in the client's own step is over already.
        let Some(request) = scripted.client.pending() else { return };
        while let Some(envelope) = hops.queue.pop_front() {
            state.network.send(envelope);
        }
        self.instruments.count(Kind::ClientTimeout);
        let expire = Event::Expire(Peer::Client(request.client), Timer::Request(request));
        self.step(state, index, &expire, hops);
    }

    /// Time passes at every node, where anyone looks at clocks: one tick per client operation,
    /// so that what a client starts later is later.
    pub(super) fn tick(&self, state: &mut ClusterState) {
        if self.scenario.spec.versioning != Versioning::LastWriteWins {
            return;
        }
        for seat in &mut state.seats[..self.nodes] {
            let mut ticked = (**seat).clone();
            if let ActorState::Node(node) = &mut ticked.state {
                node.clock = Timestamp(node.clock.0 + 1);
            }
            *seat = Shared::new(ticked);
        }
    }
}
