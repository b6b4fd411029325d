//! What a campaign has exercised.

use derive_where::derive_where;

use super::compare::{Compared, Difference, Exercised};
use super::draft::Draft;
use crate::world::counters::{Enumerated, Kind};
use crate::world::protocol::Protocol;

/// Sums over the cases of a campaign: the same in whatever order they come.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub struct Tally<D> {
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
    rules: Vec<u64>,
    modes: Vec<u64>,
    promises: Vec<(&'static str, u64)>,
    of: std::marker::PhantomData<D>,
}

/// What too few compared cases exercised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// What it is.
    pub name: String,
    /// In how many it took part.
    pub cases: u64,
}

type KindOf<D> = Kind<<D as Draft>::Protocol>;
type RuleOf<D> = <<D as Draft>::Protocol as Protocol>::Rule;

impl<D: Draft> Default for Tally<D> {
    fn default() -> Self {
        Tally {
            same: 0,
            too_large: 0,
            refused: 0,
            different: 0,
            states: 0,
            reduced_states: 0,
            kinds: vec![0; KindOf::<D>::all().len()],
            rules: vec![0; RuleOf::<D>::ALL.len()],
            modes: vec![0; D::modes().len()],
            promises: D::promises().into_iter().map(|name| (name, 0)).collect(),
            of: std::marker::PhantomData,
        }
    }
}

impl<D: Draft> Tally<D> {
    /// Compares a scenario and notes how it came out. If differently: how, and which reduction is to be switched for it to show.
    pub fn take(
        &mut self,
        draft: &D,
        distinct_max: usize,
    ) -> Option<(Difference, Option<RuleOf<D>>)> {
        let Some(readied) = draft.readied() else {
            self.refused += 1;
            return None;
        };
        let compared = readied.compared(distinct_max);
        self.note(&readied.modes, &readied.promised, &compared);
        match compared {
            Compared::Different { difference, switched } => Some((difference, switched)),
            Compared::Same(_) | Compared::TooLarge => None,
        }
    }

    /// Notes how a scenario with these modes, whose cluster promises this, came out.
    pub fn note(
        &mut self,
        modes: &[bool],
        promised: &[&'static str],
        compared: &Compared<D::Protocol>,
    ) {
        match compared {
            Compared::TooLarge => self.too_large += 1,
            Compared::Different { .. } => self.different += 1,
            Compared::Same(exercised) => self.note_same(modes, promised, exercised),
        }
    }

    fn note_same(
        &mut self,
        modes: &[bool],
        promised: &[&'static str],
        exercised: &Exercised<D::Protocol>,
    ) {
        self.same += 1;
        self.states += exercised.distinct as u64;
        self.reduced_states += exercised.reduced as u64;
        for kind in &exercised.kinds {
            self.kinds[kind.index()] += 1;
        }
        for rule in &exercised.rules {
            self.rules[rule.index()] += 1;
        }
        for (has, count) in modes.iter().zip(&mut self.modes) {
            *count += u64::from(*has);
        }
        for (name, count) in &mut self.promises {
            *count += u64::from(exercised.has_tested(name) && promised.contains(name));
        }
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Tally<D>) {
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
        for ((_, sum), (_, other)) in self.promises.iter_mut().zip(&other.promises) {
            *sum += other;
        }
    }

    /// All cases.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.same + self.too_large + self.refused + self.different
    }

    /// In how many compared cases each kind of step was taken, of those kinds that some scenario of the protocol has.
    pub fn kinds(&self) -> impl Iterator<Item = (String, u64)> {
        let never = D::never();
        let all = KindOf::<D>::all().into_iter().zip(self.kinds.iter().copied());
        all.filter(move |(kind, _)| !never.contains(kind))
            .map(|(kind, cases)| (kind.to_string(), cases))
    }

    /// In how many compared cases each rule left something out.
    pub fn rules(&self) -> impl Iterator<Item = (&'static str, u64)> {
        RuleOf::<D>::ALL.iter().map(|rule| rule.name()).zip(self.rules.iter().copied())
    }

    /// How many compared cases had each mode.
    pub fn modes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        D::modes().into_iter().zip(self.modes.iter().copied())
    }

    /// How many compared cases had a cluster that promises each of these, and put it to the test.
    pub fn promises(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.promises.iter().copied()
    }

    /// What was exercised in fewer compared cases than this.
    #[must_use]
    pub fn below(&self, floor: u64) -> Vec<Shortage> {
        let short = |what: &str, name: &str, cases: u64| {
            (cases < floor).then(|| Shortage { name: format!("{what} \"{name}\""), cases })
        };
        let kinds = self.kinds().filter_map(|(name, cases)| short("step", &name, cases));
        let modes = self.modes().filter_map(|(name, cases)| short("mode", name, cases));
        let rules = self.rules().filter_map(|(name, cases)| short("rule", name, cases));
        kinds.chain(modes).chain(rules).collect()
    }
}
