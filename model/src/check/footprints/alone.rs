//! How much a rule could leave out at most that is derived from footprints alone.
//!
//! A delivery is *alone* in a state if it is independent of whatever else is possible at its node there, tells
//! observers nothing and changes nothing that a property looks at, and no fault that is left may strike it: no loss,
//! no second copy, no crash of its node, no split. A persistent set of one delivery (Godefroid 1996; the
//! guard-based stubborn sets of Laarman, Pater, van de Pol and Weber 2013 come to the same here) is alone in this
//! sense, and nothing that may still reach its node depends on it either. So a search that takes, where some
//! delivery is alone, that one and no other visits no more states than a search with such a rule that chooses
//! alike: the rule would apply in a part of these states.
//!
//! This is a measurement and no reduction: what comes later is not looked at, so its verdicts would be worth nothing,
//! and none are given.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use quorate_checker::footprint::{Actor, Footprint};
use quorate_checker::{Bounds, Looking, Switch, explore};

use super::declared::SeatActor;
use super::part::{Part, Sort};
use super::{Event, index_of};
use crate::check::action::Action;
use crate::check::model::ClusterModel;
use crate::check::state::ClusterState;
use crate::check::system::ClusterSystem;
use crate::cluster::Reaping;
use crate::ids::Peer;
use crate::protocol::footprint::Family;
use crate::scenario::Scenario;

/// What a search with a rule of this kind could come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fewest {
    /// How many states the search visits as it is.
    pub distinct: usize,
    /// How many it visits if it takes deliveries that are alone first, and nothing beside them.
    pub fewest: usize,
    /// In how many of these some delivery is alone.
    pub alone: usize,
}

/// Measures how many states a derived rule could leave of a scenario's search, beside the rules that are
/// on. `None` if the search visits more states than `states_max`.
#[must_use]
pub fn fewest(
    scenario: &Arc<Scenario>,
    threads: usize,
    states_max: usize,
    switch: &Switch,
) -> Option<Fewest> {
    let bounds = Bounds { threads, states_max: Some(states_max), ..Bounds::default() };
    let model = ClusterModel::new(Arc::clone(scenario));
    let system = ClusterSystem::new(&model, []);
    let whole = explore(&system, &bounds, switch);
    if !whole.is_exhausted() {
        return None;
    }
    let alone = AtomicUsize::new(0);
    let look = |state: &ClusterState, actions: &mut Vec<Action>| {
        if let Some(delivery) = alone_in(&model, state, actions) {
            alone.fetch_add(1, Ordering::Relaxed);
            *actions = Vec::from([delivery]);
        }
    };
    let part = explore(&Looking { system: &system, look }, &bounds, switch);
    let alone = alone.load(Ordering::Relaxed);
    part.is_exhausted().then(|| Fewest {
        distinct: whole.distinct(),
        fewest: part.distinct(),
        alone,
    })
}

/// The first delivery that is alone.
fn alone_in(model: &ClusterModel, state: &ClusterState, actions: &[Action]) -> Option<Action> {
    let faults = state.faults;
    let scenario = model.scenario();
    let waits_are_begun = scenario.cluster.background().reaping != Reaping::Off;
    let is_split = faults.partitions > 0 || !state.groups.is_empty();
    if faults.drops > 0 || faults.duplicates > 0 || waits_are_begun || is_split {
        return None;
    }
    let mut by_actor: BTreeMap<usize, Vec<(Event, Option<&Action>)>> = BTreeMap::new();
    for action in actions {
        let event = match action {
            Action::Deliver(sent) => Event::Receive(sent.clone()),
            Action::Expire { peer, timer } => Event::Expire(*peer, *timer),
            _ => continue,
        };
        let offered = matches!(action, Action::Deliver(_)).then_some(action);
        by_actor.entry(index_of(model, &event)).or_default().push((event, offered));
    }
    by_actor.into_iter().find_map(|(index, events)| {
        let Peer::Node(node) = model.peer(index) else { return None };
        if faults.crashes > 0 && scenario.faulty.contains(node) {
            return None;
        }
        let actor = SeatActor { model, index };
        let seat = &state.seats[index];
        let declared: Vec<_> =
            events.iter().map(|(event, _)| actor.footprint(seat, event)).collect();
        let is_alone = |at: usize| {
            let others = declared.iter().enumerate().filter(|(other, _)| *other != at);
            is_invisible(&declared[at])
                && others.into_iter().all(|(_, other)| declared[at].is_independent_of(other))
        };
        let mut offered = events.iter().enumerate();
        offered.find_map(|(at, (_, action))| {
            let action = (*action)?;
            let is_seen = || {
                let next = model.apply(state, action.clone());
                next.is_none_or(|next| next.history != state.history)
            };
            (is_alone(at) && !is_seen()).then(|| action.clone())
        })
    })
}

/// Whether no property can look at what a step changes: neither what nodes hold, nor whether they serve.
fn is_invisible(declared: &Footprint<Part, &'static str>) -> bool {
    let is_private = |sort: Sort| {
        let private = [
            Family::Put,
            Family::Get,
            Family::Forward,
            Family::Probe,
            Family::Finished,
            Family::FinishedOrder,
            Family::Timer,
        ];
        private.into_iter().any(|family| sort == Sort::Protocol(family))
    };
    !declared.tells
        && declared.joins.is_empty()
        && declared.writes.families().into_iter().all(is_private)
}
