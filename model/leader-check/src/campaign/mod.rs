//! Whether reductions change anything: reduced searches beside unreduced ones, on scenarios that nobody chose.
//!
//! [`random`] makes a scenario file from a tape of choices, over every key of the format. Case C of a seed is always the same
//! scenario. [`compared()`] compares its searches, and [`shrunk`] makes a tape that shows a difference as simple as it gets.

mod modes;
pub mod random;

use quorate_checker::world::World;
use quorate_checker::world::compared::{self, Compared, Tally};
use quorate_ids::Enumerated;

pub use modes::{modes, modes_of};

use crate::kinds::Rule;
use crate::setting::{LeaderFile, parse};
use crate::{LeaderBased, property};

/// The scenario of a tape; `None` if the format refuses it.
#[must_use]
pub fn scenario(tape: &[u8]) -> Option<LeaderFile> {
    parse("random.toml", &random::text(tape)).ok()
}

/// Compares the unreduced search of a scenario, if it has no more than so many states, with that by all of its reductions and
/// with that by each alone.
#[must_use]
pub fn compared(scenario: &LeaderFile, distinct_max: usize) -> Compared<LeaderBased> {
    let judged: Vec<_> =
        scenario.judged(property::all()).expect("properties are known").into_iter().collect();
    let protocol = LeaderBased::new(scenario.clone());
    let world = World::new(protocol.clone());
    let on = Rule::ALL.iter().filter(|rule| protocol.reduces(**rule));
    let without = |rule: &Rule| {
        let mut without = protocol.setting().without.clone();
        without.push(*rule);
        world.with_protocol(protocol.with_all_but(without))
    };
    let each: Vec<World<LeaderBased>> = on.map(without).collect();
    compared::compare(&world, &each, &judged, distinct_max)
}

/// Compares one case of a seed and notes how it came out. Gives the tape if it came out differently.
#[must_use]
pub fn take(seed: u64, case: u64, distinct_max: usize, tally: &mut Tally) -> Option<Vec<u8>> {
    let tape = random::tape(seed, case);
    let scenario = scenario(&tape)?;
    let compared = compared(&scenario, distinct_max);
    tally.note(&compared, modes_of(&scenario));
    matches!(compared, Compared::Different(_)).then_some(tape)
}

/// The simplest tape near this one whose scenario still comes out differently.
#[must_use]
pub fn shrunk(tape: Vec<u8>, distinct_max: usize, tries_max: usize) -> Vec<u8> {
    let differs = |tape: &Vec<u8>| {
        scenario(tape).is_some_and(|scenario| {
            matches!(compared(&scenario, distinct_max), Compared::Different(_))
        })
    };
    compared::shrunk(tape, tries_max, |tape| random::simpler(tape), differs)
}
