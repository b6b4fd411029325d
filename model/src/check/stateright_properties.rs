//! Our properties in the form Stateright wants: plain functions without captured values.
//!
//! Stateright records each discovery with its path, under a lock, in every state that shows it; most
//! states show most witnesses. And it stops as soon as every property has a discovery. So it is asked for
//! one property that is never discovered, and whose condition judges all of ours on the way.

use alloc::vec::Vec;

use stateright::Property;

use super::model::ClusterModel;
use super::state::ClusterState;

/// What Stateright is to look for: nothing that is ever found, so that it visits every state; and in each it
/// notes, in the model's [instruments](super::instruments::Instruments::conditions_met), which conditions
/// it shows.
pub(crate) fn of() -> Vec<Property<ClusterModel>> {
    Vec::from([Property::sometimes("(search goes on to the end)", note)])
}

fn note(model: &ClusterModel, state: &ClusterState) -> bool {
    let met = model.instruments().conditions_met();
    for (number, condition) in model.conditions().iter().enumerate() {
        if met >> number & 1 == 0 && condition.is_met(model, state) {
            model.instruments().meet_condition(number);
        }
    }
    false
}
