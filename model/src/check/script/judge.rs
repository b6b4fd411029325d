//! The properties of a script, judged over all states that its run passed.

use alloc::vec::Vec;

use stateright::Model;

use super::Run;
use crate::check::model::ClusterModel;
use crate::check::property::{Condition, Expected, PropertyKind, PropertySpec};
use crate::check::state::ClusterState;

/// What became of one property.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// Which.
    pub property: &'static PropertySpec,
    /// What the run shows of it.
    pub found: Expected,
    /// After how many transitions the run had come to a state that violates the property, or is
    /// of the kind that is to be reached.
    pub shown_after: Option<usize>,
    /// After how many transitions the property had been put to the test: met, or asked for what could
    /// lead to what is to be reached.
    pub tested_after: Option<usize>,
}

/// Judges the properties of the model over the states that a run of its script passed, the first
/// and the last among them.
#[must_use]
pub fn judge(model: &ClusterModel, run: &Run) -> Vec<Finding> {
    let mut states = Vec::from([model.init_states().swap_remove(0)]);
    for transition in &run.transitions {
        let last = &states[states.len() - 1];
        match model.apply(last, transition.action.clone()) {
            Some(next) => states.push(next),
            None => panic!("what was possible once is possible again"),
        }
    }
    let first = |wanted: &dyn Fn(&ClusterState) -> bool| states.iter().position(wanted);
    let meets = |condition: Condition| first(&|state| condition(&model.view(state)));
    let finding = |property: &&'static PropertySpec| {
        let (found, shown_after, tested_after) = match property.kind {
            PropertyKind::Safety { holds, witness } => {
                let broken = first(&|state| !holds(&model.view(state)));
                let found = if broken.is_some() { Expected::Violated } else { Expected::Holds };
                (found, broken, meets(witness.shown))
            }
            PropertyKind::Reachability { reached, opportunity } => {
                let shown = meets(reached);
                let found = if shown.is_some() { Expected::Reached } else { Expected::NotReached };
                (found, shown, meets(opportunity.shown))
            }
            // One run shows nothing of all that there could be; no script expects anything of it.
            PropertyKind::EventuallyAlways { .. } => return None,
        };
        Some(Finding { property, found, shown_after, tested_after })
    };
    model.judged().iter().filter_map(finding).collect()
}
