//! Random runs of an unreduced model, beside the reduced search of everything.
//!
//! Where the unreduced search does not end, whole searches cannot be compared. But every state that
//! some run of the unreduced model comes to says something: what its disks hold, some state of the reduced search must
//! hold too, and what it shows, some state there must show.

use std::cell::RefCell;

use thread_local::ThreadLocal;

use super::chance::Chance;
use super::visit::{Disks, DisksSeen, Shown};
use crate::looking::Looking;
use crate::system::System;
use crate::traversal::{Bounds, Switch, explore};
use crate::world::World;
use crate::world::action::Action;
use crate::world::judged::Judged;
use crate::world::property::{Property, PropertyKind};
use crate::world::reduces::Reduces;
use crate::world::state::State;

/// Steps of one part of a sample.
pub const PART_STEPS: u64 = 10_000;

/// After so many steps a run is let go, and another one begins.
const RUN_MAX: usize = 200;

/// What the states of a search show.
pub struct Reached<P: Reduces> {
    world: World<P>,
    properties: Vec<Property<P>>,
    /// Hashes of what all disks hold, the least of all that differ by an exchange that passes for the same.
    disks: Disks,
    /// Of each condition, whether some state shows it.
    shown: Vec<bool>,
    /// How many distinct states there are.
    pub distinct: usize,
}

/// One part of a sample: so many steps, in runs that each begin anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part<A> {
    /// How many runs it has.
    pub runs: u64,
    /// How many steps.
    pub steps: u64,
    /// The different states of disks that they came to.
    pub disks: Vec<u64>,
    /// The first state that the search does not have, if there is one, with the run that comes to it.
    pub missed: Option<(Missed, Vec<A>)>,
}

/// What a search does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missed {
    /// No state whose disks hold this.
    Disks,
    /// No state that shows this.
    Shown(Shown),
}

impl<P: Reduces> Reached<P> {
    /// By a search of this world, in which these properties are judged, on so many threads. `None` if the switch stopped it.
    #[must_use]
    pub fn by_search(
        world: &World<P>,
        properties: Vec<Property<P>>,
        threads: usize,
        switch: &Switch,
    ) -> Option<Reached<P>> {
        let system = Judged::new(world, properties.iter().cloned());
        let seen = ThreadLocal::<RefCell<DisksSeen>>::new();
        let look = |state: &State<P>, _: &mut Vec<Action<P>>| {
            let mut seen = seen.get_or_default().borrow_mut();
            let disks = least(world.protocol(), &mut seen, state);
            seen.disks.insert(disks);
        };
        let looking = Looking { system: &system, look };
        let explored = explore(&looking, &Bounds { threads, ..Bounds::default() }, switch);
        if !explored.is_exhausted() {
            return None;
        }
        let shown =
            (0..system.conditions()).map(|number| explored.first(number).is_some()).collect();
        let disks = seen.into_iter().flat_map(|seen| seen.into_inner().disks).collect();
        let world = world.clone();
        Some(Reached { world, properties, disks, shown, distinct: explored.distinct() })
    }

    /// How many different states of disks there are.
    #[must_use]
    pub fn disks(&self) -> usize {
        self.disks.len()
    }

    /// Takes random steps of an unreduced world, and looks at each state they come to. The same seed and number give
    /// the same part.
    ///
    /// # Panics
    /// If the world is of another scenario, or has no step from its start.
    #[must_use]
    pub fn sample(&self, unreduced: &World<P>, seed: u64, number: u64) -> Part<Action<P>> {
        let mut chance = Chance(seed.rotate_left(32) ^ number);
        let system = Judged::new(unreduced, self.properties.iter().cloned());
        let numbered = self.conditions().zip(&self.shown).enumerate();
        let never: Vec<(usize, Shown)> =
            numbered.filter_map(|(at, (what, shown))| (!shown).then_some((at, what))).collect();
        let (mut seen, mut offered) = (DisksSeen::default(), Vec::new());
        let mut part = Part { runs: 0, steps: 0, disks: Vec::new(), missed: None };
        while part.steps < PART_STEPS {
            part.runs += 1;
            let mut state = unreduced.initial_state();
            let mut run = Vec::new();
            while run.len() < RUN_MAX && part.steps < PART_STEPS {
                offered.clear();
                system.actions(&state, &mut offered);
                if offered.is_empty() {
                    break;
                }
                let action = offered.swap_remove(chance.below(offered.len()));
                let Some(next) = system.apply(&state, action.clone()) else { continue };
                state = next;
                run.push(action);
                part.steps += 1;
                let disks = least(self.world.protocol(), &mut seen, &state);
                seen.disks.insert(disks);
                let missed = match never.iter().find(|(at, _)| system.shows(*at, &state)) {
                    Some((_, shown)) => Some(Missed::Shown(*shown)),
                    None => (!self.disks.contains(&disks)).then_some(Missed::Disks),
                };
                if let Some(missed) = missed {
                    part.missed = Some((missed, run));
                    return part;
                }
            }
            assert!(!run.is_empty(), "something can happen at the start");
        }
        part.disks = seen.disks.into_iter().collect();
        part.disks.sort_unstable();
        part
    }

    /// What conditions show, in order.
    fn conditions(&self) -> impl Iterator<Item = Shown> {
        let is_of_states =
            |of: &&Property<P>| !matches!(of.kind, PropertyKind::EventuallyAlways { .. });
        let of_states = self.properties.iter().filter(is_of_states);
        of_states.flat_map(|of| [Shown::Property(of.name), Shown::Witness(of.name)])
    }
}

/// The least hash of disks of all states that differ from this one by an exchange that passes for the same.
fn least<P: Reduces>(protocol: &P, seen: &mut DisksSeen, state: &State<P>) -> u64 {
    let others = 1..protocol.exchanges();
    let images: Vec<State<P>> =
        others.filter_map(|exchange| protocol.image(exchange, state)).collect();
    let own = seen.hash_of(protocol, state);
    images.iter().map(|image| seen.hash_of(protocol, image)).fold(own, u64::min)
}
