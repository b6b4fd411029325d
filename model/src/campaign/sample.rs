//! Random runs of an unreduced model, beside the reduced search of everything.
//!
//! Where the unreduced search does not end, whole searches cannot be compared. But every state that
//! some run of the unreduced model comes to says something: what its disks hold, some state of the reduced search must
//! hold too, and what it shows, some state there must show.

use alloc::vec::Vec;
use core::cell::RefCell;

use quorate_checker::{Bounds, Looking, Switch, explore};
use stateright::Model;
use thread_local::ThreadLocal;

use super::visit::{Disks, Notes};
use crate::check::action::Action;
use crate::check::{ClusterModel, ClusterState, Condition};

/// Steps of one part of a sample.
pub const PART_STEPS: u64 = 10_000;

/// After so many steps a run is let go, and another one begins.
const RUN_MAX: usize = 200;

/// What the states of a search show.
#[derive(Debug)]
pub struct Reached {
    /// Hashes of what all disks hold, the least of all that differ by an exchange of clients.
    disks: Disks,
    /// Of each condition of the model, whether some state shows it.
    shown: Vec<bool>,
    /// How many distinct states there are.
    pub distinct: usize,
}

/// One part of a sample: so many steps, in runs that each begin anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// How many runs it has.
    pub runs: u64,
    /// How many steps.
    pub steps: u64,
    /// The different states of disks that they came to.
    pub disks: Vec<u64>,
    /// The first state that the search does not have, if there is one, with the run that comes to it.
    pub missed: Option<(Missed, Vec<Action>)>,
}

/// What a search does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missed {
    /// No state whose disks hold this.
    Disks,
    /// No state that shows this.
    Shown(&'static str),
}

impl Reached {
    /// By a search of this model on so many threads. `None` if the switch stopped it.
    #[must_use]
    pub fn by_search(model: &ClusterModel, threads: usize, switch: &Switch) -> Option<Reached> {
        let notes = ThreadLocal::<RefCell<Notes>>::new();
        let note = |state: &ClusterState, _: &mut Vec<Action>| {
            let mut notes = notes.get_or_default().borrow_mut();
            let disks = least(model, &mut notes, state);
            notes.disks.insert(disks);
        };
        let noting = Looking { system: &model.judging(), look: note };
        let conditions = model.conditions().len();
        let explored = explore(&noting, &Bounds { threads, ..Bounds::default() }, switch);
        if !explored.is_exhausted() {
            return None;
        }
        let notes = notes.into_iter().map(RefCell::into_inner);
        Some(Reached {
            disks: notes.flat_map(|notes| notes.disks).collect(),
            shown: (0..conditions).map(|number| explored.first(number).is_some()).collect(),
            distinct: explored.distinct(),
        })
    }

    /// How many different states of disks there are.
    #[must_use]
    pub fn disks(&self) -> usize {
        self.disks.len()
    }

    /// Takes random steps of an unreduced model, and looks at each state they come to. The same seed and number give
    /// the same part.
    ///
    /// # Panics
    /// If the model is of another scenario, or has no step from its start.
    #[must_use]
    pub fn sample(&self, unreduced: &ClusterModel, seed: u64, number: u64) -> Part {
        let mut chance = Chance(seed.rotate_left(32) ^ number);
        let numbered = unreduced.conditions().iter().zip(&self.shown);
        let never: Vec<&Condition> =
            numbered.filter_map(|(condition, shown)| (!shown).then_some(condition)).collect();
        let (mut notes, mut offered) = (Notes::default(), Vec::new());
        let mut part = Part { runs: 0, steps: 0, disks: Vec::new(), missed: None };
        while part.steps < PART_STEPS {
            part.runs += 1;
            let mut state = unreduced.init_states().swap_remove(0);
            let mut run = Vec::new();
            while run.len() < RUN_MAX && part.steps < PART_STEPS {
                offered.clear();
                unreduced.actions(&state, &mut offered);
                if offered.is_empty() {
                    break;
                }
                let action = offered.swap_remove(chance.below(offered.len()));
                let Some(next) = unreduced.apply(&state, action.clone()) else { continue };
                state = next;
                run.push(action);
                part.steps += 1;
                let disks = least(unreduced, &mut notes, &state);
                notes.disks.insert(disks);
                let is_met = |condition: &&&Condition| condition.is_met(unreduced, &state);
                let missed = match never.iter().find(is_met) {
                    Some(condition) => Some(Missed::Shown(condition.name())),
                    None => (!self.disks.contains(&disks)).then_some(Missed::Disks),
                };
                if let Some(missed) = missed {
                    part.missed = Some((missed, run));
                    return part;
                }
            }
            assert!(!run.is_empty(), "something can happen at the start");
        }
        part.disks = notes.disks.into_iter().collect();
        part.disks.sort_unstable();
        part
    }
}

/// The least hash of disks of all states that differ from this one by an exchange of clients.
fn least(model: &ClusterModel, notes: &mut Notes, state: &ClusterState) -> u64 {
    let others = 1..model.permutations().len();
    let images: Vec<ClusterState> =
        others.filter_map(|permutation| model.image(permutation, state)).collect();
    let own = notes.hash_of(state);
    images.iter().map(|image| notes.hash_of(image)).fold(own, u64::min)
}

/// Chance from a seed (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A position in a list of this length.
    fn below(&mut self, length: usize) -> usize {
        (self.next() % length as u64) as usize
    }
}
