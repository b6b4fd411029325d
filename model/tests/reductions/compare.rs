//! The reference: a plain breadth-first search of our own over the unreduced model.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};

use foldhash::quality::FixedState;
use quorate_model::check::search::{Wanted, shortest};
use quorate_model::check::{ClusterModel, ClusterState, PropertyKind};
use quorate_model::scenario::{Reductions, Scenario};

/// What is compared: for each property whether it is discovered, and whether its witness is.
pub(crate) type Verdicts = BTreeMap<String, bool>;

/// A condition under the name of what it discovers.
type Named = (String, Box<dyn Fn(&ClusterState) -> bool + Sync>);

/// What a search of everything found.
pub(crate) struct Found {
    pub(crate) verdicts: Verdicts,
    /// Everything that the nodes' disks can come to hold: of every reachable state a hash of the
    /// records and hints of all nodes. It tells more than verdicts do: as long as nothing is wrong,
    /// every verdict is the same whatever is left out.
    pub(crate) disks: BTreeSet<u64>,
    pub(crate) distinct: usize,
}

/// The model of a scenario with these reductions instead of its own.
pub(crate) fn model(scenario: &Scenario, reductions: Reductions) -> ClusterModel {
    ClusterModel::new(Arc::new(Scenario { reductions, ..scenario.clone() }))
}

/// Searches everything there is. `None` if there are more than `distinct_max` distinct states.
pub(crate) fn visit(
    scenario: &Scenario,
    reductions: Reductions,
    distinct_max: usize,
) -> Option<Found> {
    let model = model(scenario, reductions);
    let mut wanted: Vec<Named> = Vec::new();
    for property in model.judged() {
        let view = model.clone();
        match property.kind {
            PropertyKind::Safety { holds, witness } => {
                let witness_view = model.clone();
                wanted
                    .push((property.name.into(), Box::new(move |state| !holds(&view.view(state)))));
                wanted.push((
                    witness.name.into(),
                    Box::new(move |state| (witness.shown)(&witness_view.view(state))),
                ));
            }
            PropertyKind::Reachability { reached, opportunity } => {
                let opportunity_view = model.clone();
                wanted.push((
                    opportunity.name.into(),
                    Box::new(move |state| (opportunity.shown)(&opportunity_view.view(state))),
                ));
                wanted.push((
                    property.name.into(),
                    Box::new(move |state| reached(&view.view(state))),
                ));
            }
            // No condition on a state; compared with tests of its own.
            PropertyKind::EventuallyAlways { .. } => {}
        }
    }
    let conditions: Vec<Wanted<'_>> = wanted.iter().map(|(_, condition)| &**condition).collect();
    let disks = Mutex::new(BTreeSet::new());
    // A condition that is never met keeps the search going to the end.
    let note = |state: &ClusterState| {
        let held = state.nodes().map(|node| {
            let entries: Vec<_> =
                node.store.entries().map(|(key, entry)| (key, &entry.state)).collect();
            FixedState::default().hash_one((entries, node.store.hints().collect::<Vec<_>>()))
        });
        disks
            .lock()
            .expect("no thread panics with the lock")
            .insert(FixedState::default().hash_one(held.collect::<Vec<_>>()));
        false
    };
    let all: Vec<Wanted<'_>> = conditions.into_iter().chain([&note as Wanted<'_>]).collect();
    let found = shortest(&model, &all, distinct_max);
    if found.cut {
        return None;
    }
    let verdicts =
        wanted.iter().zip(&found.paths).map(|((name, _), path)| (name.clone(), path.is_some()));
    Some(Found {
        verdicts: verdicts.collect(),
        disks: disks.into_inner().expect("no thread panicked with the lock"),
        distinct: found.distinct,
    })
}
