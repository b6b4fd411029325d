//! The reference: a plain breadth-first search of our own over the unreduced model.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_model::check::search::shortest;
use quorate_model::check::{ClusterModel, ClusterState, PropertyKind};
use quorate_model::scenario::{Reductions, Scenario};

/// What is compared: for each property whether it is discovered, and whether its witness is.
pub(crate) type Verdicts = BTreeMap<String, bool>;

/// A condition under the name of what it discovers.
type Named = (String, Box<dyn Fn(&ClusterState) -> bool>);

/// The model of a scenario with these reductions instead of its own.
pub(crate) fn model(scenario: &Scenario, reductions: Reductions) -> ClusterModel {
    ClusterModel::new(Arc::new(Scenario { reductions, ..scenario.clone() }))
}

/// Searches everything there is, and says how many distinct states there are. `None` if there are
/// more than `distinct_max`.
pub(crate) fn search(
    scenario: &Scenario,
    reductions: Reductions,
    distinct_max: usize,
) -> Option<(Verdicts, usize)> {
    let model = model(scenario, reductions);
    let mut wanted: Vec<Named> = Vec::new();
    for property in model.judged() {
        let view = model.clone();
        match property.kind {
            PropertyKind::Safety { holds, witness, witness_name, .. } => {
                let witness_view = model.clone();
                wanted
                    .push((property.name.into(), Box::new(move |state| !holds(&view.view(state)))));
                wanted.push((
                    witness_name.into(),
                    Box::new(move |state| witness(&witness_view.view(state))),
                ));
            }
            PropertyKind::Reachability { reached } => {
                wanted.push((
                    property.name.into(),
                    Box::new(move |state| reached(&view.view(state))),
                ));
            }
            // No condition on a state; compared with tests of its own.
            PropertyKind::Convergence { .. } => {}
        }
    }
    // A condition that is never met keeps the search going to the end.
    wanted.push(("(never)".into(), Box::new(|_| false)));
    let conditions: Vec<&dyn Fn(&ClusterState) -> bool> =
        wanted.iter().map(|(_, condition)| &**condition).collect();
    let found = shortest(&model, &conditions, distinct_max);
    if found.cut {
        return None;
    }
    let verdicts =
        wanted.iter().zip(&found.paths).map(|((name, _), path)| (name.clone(), path.is_some()));
    Some((verdicts.collect(), found.distinct))
}

/// Everything that the nodes' disks can come to hold: of every reachable state the records and
/// hints of all nodes. `None` if there are more than `distinct_max` states.
///
/// The rules promise this too, and it tells more than verdicts do: as long as nothing is wrong,
/// every verdict is the same whatever is left out.
pub(crate) fn disks(
    scenario: &Scenario,
    reductions: Reductions,
    distinct_max: usize,
) -> Option<BTreeSet<String>> {
    let model = model(scenario, reductions);
    let disks = RefCell::new(BTreeSet::new());
    let note = |state: &ClusterState| {
        let held = state.nodes().map(|node| {
            let entries: Vec<_> =
                node.store.entries().map(|(key, entry)| (key, &entry.state)).collect();
            let hints: Vec<_> = node.store.hints().collect();
            format!("{entries:?} {hints:?}")
        });
        disks.borrow_mut().insert(held.collect::<Vec<_>>().join("; "));
        false
    };
    let found = shortest(&model, &[&note], distinct_max);
    (!found.cut).then(|| disks.into_inner())
}
