//! How long a write and a read take where nothing fails: in message delays, counted in runs of the model.
//!
//! Time goes in rounds: everything that is under way arrives in the next one, and computing takes none. So an operation's
//! delays are the messages of the longest chain from its beginning to its answer, those of its client among them.

use quorate_checker::System;
use quorate_checker::world::{Action, Expiry};
use quorate_ids::ClientId;
use serde::Serialize;

use crate::comparable::Comparable;
use crate::program::{Client, Operation, Program};
use crate::setting::{Case, FaultBudget, InWorld, Reduced, Setting};
use crate::watched::{Moment, Watched};

/// More rounds than any operation takes.
const ROUNDS_MAX: usize = 100;

/// What an operation takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Took {
    /// Message delays, if the client asks the node that answers soonest.
    pub fewest: usize,
    /// Message delays, if it asks the one that answers last, of those that it may ask.
    pub most: usize,
    /// Messages that arrive until the cluster is quiet again, of the operation that took the fewest delays.
    pub messages: usize,
}

/// What a write and a read take; `None` where no answer came.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Latency {
    /// A write.
    pub write: Option<Took>,
    /// A read of what was written before.
    pub read: Option<Took>,
}

struct Measure;

/// Whether a client has its answers: how many operations ended.
fn answered<P: Comparable>(watched: &Watched<P>, moment: &Moment<P>, read: bool) -> bool {
    let _ = watched;
    if read { moment.calls.has_read() } else { moment.calls.has_acknowledged() }
}

/// Lets everything that is under way arrive; gives how many messages did.
fn round<P: Comparable>(watched: &Watched<P>, moment: &mut Moment<P>) -> usize {
    let under_way = moment.state.network.to_vec();
    let mut arrived = 0;
    for envelope in under_way {
        if let Some(next) = watched.apply(moment, Action::Deliver(envelope)) {
            (*moment, arrived) = (next, arrived + 1);
        }
    }
    arrived
}

/// Lets arrive whatever is under way, and what follows, until nothing is; gives how many messages arrived.
fn quieten<P: Comparable>(watched: &Watched<P>, moment: &mut Moment<P>) -> usize {
    (0..ROUNDS_MAX).map(|_| round(watched, moment)).sum()
}

/// A timer that is right expires, of a node: a heartbeat. Whether one did.
fn tick<P: Comparable>(watched: &Watched<P>, moment: &mut Moment<P>) -> bool {
    let mut actions = Vec::new();
    watched.actions(moment, &mut actions);
    let next = actions.into_iter().find_map(|action| {
        let Action::Expire { peer, timer } = action else { return None };
        let is_free = watched.world.protocol().expiry(&moment.state, peer, timer) == Expiry::Free;
        if is_free { watched.apply(moment, Action::Expire { peer, timer }) } else { None }
    });
    next.map(|next| *moment = next).is_some()
}

/// The client's next operation, through each node that it may ask.
fn operation<P: Comparable>(
    watched: &Watched<P>,
    before: &Moment<P>,
    read: bool,
) -> Option<(Took, Moment<P>)> {
    let client = ClientId(0);
    let state = before.state.client(client)?;
    let coordinators: Vec<_> = watched.world.protocol().coordinators(client, state).collect();
    let mut best: Option<(Took, Moment<P>)> = None;
    for coordinator in coordinators {
        let mut moment = watched.apply(before, Action::Invoke { client, coordinator })?;
        let (mut rounds, mut messages) = (0, 0);
        while !answered(watched, &moment, read) {
            if rounds == ROUNDS_MAX {
                return None;
            }
            let arrived = round(watched, &mut moment);
            messages += arrived;
            if arrived > 0 {
                rounds += 1;
            } else if !tick(watched, &mut moment) {
                return None;
            }
        }
        messages += quieten(watched, &mut moment);
        let took = Took { fewest: rounds, most: rounds, messages };
        best = Some(match best {
            None => (took, moment),
            Some((known, of)) => {
                let most = known.most.max(rounds);
                if rounds < known.fewest {
                    (Took { most, ..took }, moment)
                } else {
                    (Took { most, ..known }, of)
                }
            }
        });
    }
    best
}

impl InWorld<Latency> for Measure {
    fn take<P: Comparable>(self, watched: Watched<P>) -> Latency {
        let Some(mut moment) = watched.initial().pop() else {
            return Latency { write: None, read: None };
        };
        quieten(&watched, &mut moment);
        let Some((write, mut moment)) = operation(&watched, &moment, false) else {
            return Latency { write: None, read: None };
        };
        quieten(&watched, &mut moment);
        let read = operation(&watched, &moment, true).map(|(took, _)| took);
        Latency { write: Some(write), read }
    }
}

/// Measures one write and one read, by a client that knows who leads.
#[must_use]
pub fn latency(setting: &Setting) -> Latency {
    let key = || "x".to_owned();
    let operations = vec![
        Operation::Write { key: key(), value: "v".to_owned() },
        Operation::Read { key: key() },
    ];
    let client = Client { name: "client".to_owned(), operations };
    let program = Program { name: "one write, one read".to_owned(), clients: vec![client] };
    let faults = FaultBudget::none();
    let case = Case { setting, program: &program, faults: &faults, reduced: Reduced::Not };
    case.with(Measure)
}
