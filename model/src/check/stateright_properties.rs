//! Our properties in the form Stateright wants: plain functions without captured values.

use alloc::vec::Vec;

use stateright::Property;

use super::model::ClusterModel;
use super::property::{ALL, PropertyKind, PropertySpec};
use super::state::ClusterState;

type Condition = fn(&ClusterModel, &ClusterState) -> bool;

/// Stateright stops as soon as every property has a discovery. This one never has, so that every
/// check visits every state, and state counts say something also where a property is violated.
pub(crate) const NEVER: &str = "(search goes on to the end)";

fn main_condition<const POSITION: usize>(model: &ClusterModel, state: &ClusterState) -> bool {
    match ALL[POSITION].kind {
        PropertyKind::Safety { holds, .. } => holds(&model.view(state)),
        PropertyKind::Reachability { reached } => reached(&model.view(state)),
    }
}

fn witness_condition<const POSITION: usize>(model: &ClusterModel, state: &ClusterState) -> bool {
    match ALL[POSITION].kind {
        PropertyKind::Safety { witness, .. } => witness(&model.view(state)),
        PropertyKind::Reachability { .. } => false,
    }
}

macro_rules! conditions {
    ($condition:ident: $($position:literal)*) => {
        [$($condition::<$position>),*]
    };
}

const MAIN: [Condition; ALL.len()] =
    conditions!(main_condition: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
const WITNESS: [Condition; ALL.len()] =
    conditions!(witness_condition: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);

/// What Stateright is to look for: each safety property and its witness, each kind of state to be
/// reached.
pub(crate) fn of(judged: &[&'static PropertySpec]) -> Vec<Property<ClusterModel>> {
    let mut properties = Vec::new();
    for (position, property) in ALL.iter().enumerate() {
        if !judged.iter().any(|judged| judged.name == property.name) {
            continue;
        }
        match property.kind {
            PropertyKind::Safety { witness_name, .. } => {
                properties.push(Property::always(property.name, MAIN[position]));
                properties.push(Property::sometimes(witness_name, WITNESS[position]));
            }
            PropertyKind::Reachability { .. } => {
                properties.push(Property::sometimes(property.name, MAIN[position]));
            }
        }
    }
    properties.push(Property::sometimes(NEVER, |_, _| false));
    properties
}
