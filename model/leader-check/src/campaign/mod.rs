//! Whether reductions change anything: reduced searches beside unreduced ones, on scenarios that nobody chose. What is
//! compared, and how, is the same for [every protocol](quorate_checker::world::campaign); here is what scenarios of this
//! one can be.
//!
//! A [`Draft`] is a scenario that can be written down as a file and made simpler, and [`random`] makes one from a tape of
//! choices, over every key of the format. Case C of a seed is always the same scenario.

mod draft;
mod modes;
pub mod random;

use quorate_checker::world::campaign::{self as of_world, Readied};
use quorate_checker::world::{Kind, World};

pub use draft::{Draft, DraftClient, DraftOperation, Somebody, Verb};
pub use modes::{HasMode, MODES};

use crate::kinds::{Rule, TimerKind};
use crate::promises::{IN_THE_END, Judged, promised};
use crate::setting::{LeaderFile, parse};
use crate::wrong_rule::WrongRule;
use crate::{LeaderBased, property};

/// What is compared of a scenario.
///
/// # Panics
/// If it speaks of properties that nobody knows, which [`parse`] refuses.
#[must_use]
pub fn readied(scenario: LeaderFile) -> Readied<LeaderBased> {
    let properties = scenario.judged(property::all()).expect("properties are known");
    let modes = MODES.iter().map(|(_, has)| has(&scenario)).collect();
    let promised = promised(&scenario).collect();
    Readied { properties, modes, promised, world: World::new(LeaderBased::new(scenario)) }
}

impl of_world::Draft for Draft {
    type Protocol = LeaderBased;
    type Wrong = WrongRule;

    fn modes() -> Vec<&'static str> {
        MODES.iter().map(|(name, _)| *name).collect()
    }

    fn promises() -> Vec<&'static str> {
        Judged::ALL.map(Judged::name).into_iter().chain(IN_THE_END).collect()
    }

    /// Clients are honest here, and their timers are counted as theirs.
    fn never() -> Vec<Kind<LeaderBased>> {
        vec![Kind::Lie, Kind::Expire(TimerKind::Client)]
    }

    fn random(seed: u64, number: u64) -> Draft {
        random::draft(&random::tape(seed, number))
    }

    fn toml(&self) -> String {
        Draft::toml(self)
    }

    fn readied(&self) -> Option<Readied<LeaderBased>> {
        Some(readied(parse("made-up.toml", &self.toml()).ok()?))
    }

    fn simpler(&self) -> Vec<Draft> {
        Draft::simpler(self)
    }

    fn switched(&self) -> Option<Rule> {
        self.without
    }

    fn with_switched(&self, without: Option<Rule>) -> Draft {
        Draft { without, ..self.clone() }
    }

    fn made_wrong(protocol: &LeaderBased, wrong: WrongRule) -> LeaderBased {
        protocol.with_wrong_rule(Some(wrong))
    }
}
