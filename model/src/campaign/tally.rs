//! What a campaign has exercised.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::compare::{Compared, Exercised};
use super::modes::MODES;
use crate::check::kinds::Kind;
use crate::scenario::{Rule, Scenario};

/// Sums over the cases of a campaign: the same in whatever order they come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Cases that came out the same.
    pub same: u64,
    /// Cases that were left out, having too many states unreduced.
    pub too_large: u64,
    /// Drafts that the format refuses.
    pub refused: u64,
    /// Cases that came out differently.
    pub different: u64,
    /// Unreduced states of the cases that came out the same.
    pub states: u64,
    /// Reduced states of these.
    pub reduced_states: u64,
    kinds: Vec<u64>,
    rules: [u64; Rule::ALL.len()],
    modes: [u64; MODES.len()],
}

/// What too few compared cases exercised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// What it is.
    pub name: String,
    /// In how many it took part.
    pub cases: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            same: 0,
            too_large: 0,
            refused: 0,
            different: 0,
            states: 0,
            reduced_states: 0,
            kinds: alloc::vec![0; Kind::all().len()],
            rules: [0; Rule::ALL.len()],
            modes: [0; MODES.len()],
        }
    }
}

impl Tally {
    /// Notes how a scenario came out.
    pub fn note(&mut self, scenario: &Scenario, compared: &Compared) {
        match compared {
            Compared::TooLarge => self.too_large += 1,
            Compared::Different { .. } => self.different += 1,
            Compared::Same(exercised) => self.note_same(scenario, exercised),
        }
    }

    fn note_same(&mut self, scenario: &Scenario, exercised: &Exercised) {
        self.same += 1;
        self.states += exercised.distinct as u64;
        self.reduced_states += exercised.reduced as u64;
        for kind in &exercised.kinds {
            self.kinds[kind.index()] += 1;
        }
        for rule in &exercised.rules {
            self.rules[*rule as usize] += 1;
        }
        for ((_, has), count) in MODES.iter().zip(&mut self.modes) {
            *count += u64::from(has(scenario));
        }
    }

    /// Notes that the format refuses a draft.
    pub fn note_refused(&mut self) {
        self.refused += 1;
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Tally) {
        self.same += other.same;
        self.too_large += other.too_large;
        self.refused += other.refused;
        self.different += other.different;
        self.states += other.states;
        self.reduced_states += other.reduced_states;
        let add = |sums: &mut [u64], others: &[u64]| {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        };
        add(&mut self.kinds, &other.kinds);
        add(&mut self.rules, &other.rules);
        add(&mut self.modes, &other.modes);
    }

    /// All cases.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.same + self.too_large + self.refused + self.different
    }

    /// In how many compared cases each kind of step was taken.
    pub fn kinds(&self) -> impl Iterator<Item = (String, u64)> {
        Kind::all()
            .iter()
            .map(Kind::to_string)
            .zip(self.kinds.iter().copied())
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// In how many compared cases each rule left something out.
    pub fn rules(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Rule::ALL.into_iter().map(Rule::name).zip(self.rules)
    }

    /// How many compared cases had each mode.
    pub fn modes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        MODES.iter().map(|(name, _)| *name).zip(self.modes)
    }

    /// What was exercised in fewer compared cases than this.
    #[must_use]
    pub fn below(&self, floor: u64) -> Vec<Shortage> {
        let short = |what: &str, name: &str, cases: u64| {
            (cases < floor).then(|| Shortage { name: alloc::format!("{what} \"{name}\""), cases })
        };
        let kinds = self.kinds().filter_map(|(name, cases)| short("step", &name, cases));
        let modes = self.modes().filter_map(|(name, cases)| short("mode", name, cases));
        let rules = self.rules().filter_map(|(name, cases)| short("rule", name, cases));
        kinds.chain(modes).chain(rules).collect()
    }
}
