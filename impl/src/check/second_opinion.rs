//! The same question, answered by Stateright's own checker.
//!
//! Our traversal is young and parallel; Stateright's searches are neither. Both see the model through the
//! same functions, so a traversal that leaves states out, counts them twice or judges none of them shows
//! as a difference. What Stateright does not decide is not asked of it: where runs end, and shortest runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quorate_checker::System;
use quorate_checker::world::{Action, Expected, Judged, Property, PropertyKind, Protocol, State};
use stateright::{Checker, Model};

use super::case::Case;
use super::report::{Report, Verdict};

/// What Stateright found of a scenario.
#[derive(Clone, Debug)]
pub struct SecondOpinion {
    /// States generated, duplicates included.
    pub generated: u64,
    /// Distinct states.
    pub distinct: usize,
    /// Of every property that single states show: what Stateright found.
    pub met: Vec<Met>,
    /// How long it took.
    pub took: Duration,
}

/// What some state was seen to show of one property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// The property.
    pub property: &'static str,
    /// What its witness is called.
    pub witness: &'static str,
    /// Whether some state violates it, or is of the kind that it asks for.
    pub is_shown: bool,
    /// Whether it was put to the test in some state.
    pub is_put_to_the_test: bool,
}

/// What is judged as a model of Stateright's.
///
/// Stateright records each discovery with its path, under a lock, in every state that shows it; most
/// states show most witnesses. And it stops as soon as every property has a discovery. So it is asked
/// for one property that is never discovered, whose condition notes on the way which of ours some state shows.
struct Noted<P: Protocol> {
    judged: Judged<P>,
    met: Arc<AtomicU64>,
}

impl<P: Protocol> Model for Noted<P> {
    type State = State<P>;
    type Action = Action<P>;

    fn init_states(&self) -> Vec<State<P>> {
        self.judged.initial()
    }

    fn actions(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        System::actions(&self.judged, state, actions);
    }

    fn next_state(&self, last: &State<P>, action: Action<P>) -> Option<State<P>> {
        self.judged.apply(last, action)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        let note = |model: &Noted<P>, state: &State<P>| {
            let met = model.met.load(Ordering::Relaxed);
            for number in 0..model.judged.conditions() {
                if met >> number & 1 == 0 && model.judged.shows(number, state) {
                    model.met.fetch_or(1 << number, Ordering::Relaxed);
                }
            }
            false
        };
        Vec::from([stateright::Property::sometimes("(search goes on to the end)", note)])
    }
}

/// Lets Stateright visit every state of a scenario, depth first, to be compared with a search of the
/// [comparable](Case::comparable) one. A script has nothing to search: `None`.
#[must_use]
pub fn second_opinion<C: Case>(case: &C, threads: usize) -> Option<SecondOpinion> {
    if case.is_script() {
        return None;
    }
    let case = case.comparable();
    let judged = Judged::new(&case.world(), case.judged());
    let of_states = |property: &&Property<C::Protocol>| {
        !matches!(property.kind, PropertyKind::EventuallyAlways { .. })
    };
    let properties: Vec<_> = judged.properties().iter().filter(of_states).cloned().collect();
    let met = Arc::new(AtomicU64::new(0));
    let model = Noted { judged, met: Arc::clone(&met) };
    let started = Instant::now();
    // Stateright hands work over only every 1,500 states, and a depth-first thread that has
    // exhausted what it was given waits until then: twice as many threads keep cores busy.
    let checker = model.checker().threads(2 * threads).spawn_dfs().join();
    let shown = met.load(Ordering::Relaxed);
    // Two conditions of each, in order.
    let met = properties.iter().zip((0..).step_by(2)).map(|(property, number)| Met {
        property: property.name,
        witness: property.witness_name,
        is_shown: shown >> number & 1 == 1,
        is_put_to_the_test: shown >> (number + 1) & 1 == 1,
    });
    Some(SecondOpinion {
        generated: checker.state_count() as u64,
        distinct: checker.unique_state_count(),
        met: met.collect(),
        took: started.elapsed(),
    })
}

impl SecondOpinion {
    /// In what it differs from a report of the same scenario, a line each; nothing if they agree. Where runs
    /// end is left out: Stateright does not say.
    #[must_use]
    pub fn differences<P: Protocol>(&self, report: &Report<P>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, ours: u64, theirs: u64| {
            if ours != theirs {
                lines.push(format!("{what}: {ours}, Stateright {theirs}"));
            }
        };
        compare("distinct states", report.distinct as u64, self.distinct as u64);
        compare("states generated", report.generated, self.generated);
        for met in &self.met {
            let of = |verdict: &&Verdict<P>| verdict.property.name == met.property;
            let verdict = report.verdicts.iter().find(of);
            let is_shown = verdict.is_some_and(|verdict| {
                matches!(verdict.found, Some(Expected::Violated | Expected::Reached))
            });
            let is_put_to_the_test = verdict.is_some_and(|verdict| verdict.witness.is_some());
            for (name, ours, theirs) in [
                (met.property, is_shown, met.is_shown),
                (met.witness, is_put_to_the_test, met.is_put_to_the_test),
            ] {
                if ours != theirs {
                    let is = |shown: bool| {
                        if shown { "some state shows it" } else { "no state shows it" }
                    };
                    lines.push(format!("{name}: {}, Stateright: {}", is(ours), is(theirs)));
                }
            }
        }
        lines
    }
}
