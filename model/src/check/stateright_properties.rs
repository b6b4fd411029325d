//! Our properties in the form Stateright wants: plain functions without captured values.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use stateright::Property;

use super::model::ClusterModel;
use super::property::{ALL, PropertyKind, PropertySpec};
use super::state::ClusterState;

type Condition = fn(&ClusterModel, &ClusterState) -> bool;

/// Stateright stops as soon as every property has a discovery. This one never has, so that every
/// check visits every state, and state counts say something also where a property is violated.
pub(crate) const NEVER: &str = "(search goes on to the end)";

/// Stateright records a discovery anew, path and all and under a lock, in every state that shows
/// it; most states show most witnesses. Measured: two threads then spend their time waiting for
/// each other and are no faster than one. So each condition reports its first discovery only.
fn main_condition<const POSITION: usize>(model: &ClusterModel, state: &ClusterState) -> bool {
    let discovered = &model.instruments().discovered.main[POSITION];
    match ALL[POSITION].kind {
        PropertyKind::Safety { holds, .. } => {
            discovered.is_set() || holds(&model.view(state)) || !discovered.set()
        }
        PropertyKind::Reachability { reached, .. } => {
            !discovered.is_set() && reached(&model.view(state)) && discovered.set()
        }
        PropertyKind::EventuallyAlways { .. } => panic!("no single state shows where runs end"),
    }
}

fn witness_condition<const POSITION: usize>(model: &ClusterModel, state: &ClusterState) -> bool {
    let discovered = &model.instruments().discovered.witness[POSITION];
    let Some(witness) = ALL[POSITION].witness() else {
        panic!("no single state shows where runs end")
    };
    !discovered.is_set() && (witness.shown)(&model.view(state)) && discovered.set()
}

/// What was discovered so far, by position in [`ALL`].
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    main: [Once; ALL.len()],
    witness: [Once; ALL.len()],
}

/// A flag that is set once.
#[derive(Debug, Default)]
struct Once(AtomicBool);

impl Once {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it; says whether this call was the one that did.
    fn set(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

macro_rules! conditions {
    ($condition:ident: $($position:literal)*) => {
        [$($condition::<$position>),*]
    };
}

const MAIN: [Condition; ALL.len()] = conditions!(main_condition: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26);
const WITNESS: [Condition; ALL.len()] = conditions!(witness_condition: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26);

/// What Stateright is to look for: each safety property and its witness, each kind of state to be
/// reached.
pub(crate) fn of(judged: &[&'static PropertySpec]) -> Vec<Property<ClusterModel>> {
    let mut properties = Vec::new();
    for (position, property) in ALL.iter().enumerate() {
        if !judged.iter().any(|judged| judged.name == property.name) {
            continue;
        }
        match property.kind {
            PropertyKind::Safety { witness, .. } => {
                properties.push(Property::always(property.name, MAIN[position]));
                properties.push(Property::sometimes(witness.name, WITNESS[position]));
            }
            PropertyKind::Reachability { opportunity, .. } => {
                properties.push(Property::sometimes(property.name, MAIN[position]));
                properties.push(Property::sometimes(opportunity.name, WITNESS[position]));
            }
            // Stateright's own `eventually` does not decide it.
            PropertyKind::EventuallyAlways { .. } => {}
        }
    }
    properties.push(Property::sometimes(NEVER, |_, _| false));
    properties
}
