//! What is declared of a class of events, compared with an event of it.

use quorate_ids::{NodeId, Peer};

use super::Declares;
use crate::world::{Action, ActorState, Event, Protocol, State, World};

/// What an action does that is not declared of its class, in words; nothing where the declarations say that they do
/// not hold, or the action is no step of an actor.
#[must_use]
pub fn undeclared<P: Declares>(
    world: &World<P>,
    state: &State<P>,
    action: &Action<P>,
) -> Vec<String> {
    let (protocol, environment) = (world.protocol(), world.environment());
    let Some(outlook) = protocol.outlook(environment, state) else { return Vec::new() };
    let Some((peer, event)) = step_of(action) else { return Vec::new() };
    let index = environment.index(peer);
    let seat = &state.seats[index];
    let class = protocol.class(&seat.state, &event);
    let ever = protocol.ever(&outlook, peer, &class);
    let mut found = Vec::new();
    let now = protocol.now(peer, seat, &event);
    if !ever.touches.covers(&now) {
        let (declared, touched) = (&ever.touches, now);
        found.push(format!("{class:?} at {peer:?} touches {touched:?}, declared is {declared:?}"));
    }
    let step = world.take_step(index, seat, &event);
    let after = &step.seat;
    let mut caused: Vec<(Peer, P::Class)> = Vec::new();
    for sent in &step.sent {
        let receiver = &state.seats[environment.index(sent.to)];
        let arrives = protocol.class(&receiver.state, &Event::Receive(sent.clone()));
        caused.push((sent.to, arrives));
    }
    for timer in after.timers.difference(&seat.timers) {
        if protocol.may_ever_expire(&outlook, peer, *timer) {
            caused.push((peer, protocol.class(&after.state, &Event::Expire(peer, *timer))));
        }
    }
    if let (Peer::Client(client), ActorState::Client(before), ActorState::Client(actor)) =
        (peer, &seat.state, &after.state)
    {
        let newly = |via: &NodeId| protocol.coordinators(client, before).all(|known| known != *via);
        for coordinator in protocol.coordinators(client, actor).filter(newly) {
            let begins = Event::Invoke(client, coordinator);
            caused.push((peer, protocol.class(&after.state, &begins)));
        }
    }
    let unsaid = caused.into_iter().filter(|caused| !ever.leads_to.contains(caused));
    found.extend(
        unsaid.map(|(to, next)| format!("{class:?} at {peer:?} leads to {next:?} at {to:?}")),
    );
    found
}

/// Whose step an action is, and what reaches that actor.
fn step_of<P: Protocol>(action: &Action<P>) -> Option<(Peer, Event<P>)> {
    match action {
        Action::Invoke { client, coordinator } => {
            Some((Peer::Client(*client), Event::Invoke(*client, *coordinator)))
        }
        Action::Deliver(sent) => Some((sent.to, Event::Receive(sent.clone()))),
        Action::Expire { peer, timer } => Some((*peer, Event::Expire(*peer, *timer))),
        Action::Recover { node } => Some((Peer::Node(*node), Event::Restart(*node))),
        Action::Command { node, command } => {
            Some((Peer::Node(*node), Event::Command(*node, command.clone())))
        }
        Action::InvokeLate { .. }
        | Action::Drop(_)
        | Action::Duplicate(_)
        | Action::Lie(_)
        | Action::Crash { .. }
        | Action::Wipe { .. }
        | Action::Snapshot { .. }
        | Action::Restore { .. }
        | Action::Partition { .. }
        | Action::Heal
        | Action::SetClock { .. } => None,
    }
}
