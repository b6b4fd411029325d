//! The same question, answered by Stateright's own checker.
//!
//! Our traversal is young and parallel; Stateright's searches are neither. Both see the model through the
//! same functions, so a traversal that leaves states out, counts them twice or judges none of them shows
//! as a difference. What Stateright does not decide is not asked of it: where runs end, and shortest runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_model::check::{ClusterModel, Condition, Expected};
use quorate_model::scenario::{Rule, Scenario};
use stateright::{Checker, Model};

use super::report::{Report, Verdict};

/// What Stateright found of a scenario.
#[derive(Clone, Debug)]
pub struct SecondOpinion {
    /// States generated, duplicates included.
    pub generated: u64,
    /// Distinct states.
    pub distinct: usize,
    /// Every condition that our properties ask for, and whether some state shows it.
    pub met: Vec<(Condition, bool)>,
    /// How long it took.
    pub took: Duration,
}

/// The scenario as both search it: Stateright tells states apart that differ by an exchange of clients, so that
/// rule is off.
#[must_use]
pub fn comparable(scenario: &Arc<Scenario>) -> Arc<Scenario> {
    let reductions = scenario.reductions.without(Rule::ClientSymmetry);
    Arc::new(Scenario { reductions, ..(**scenario).clone() })
}

/// Lets Stateright visit every state of a scenario, depth first, to be compared with a search of the
/// [comparable] one. A script has nothing to search: `None`.
#[must_use]
pub fn second_opinion(scenario: &Arc<Scenario>, threads: usize) -> Option<SecondOpinion> {
    if scenario.script.is_some() {
        return None;
    }
    let model = ClusterModel::new(comparable(scenario));
    let started = Instant::now();
    // Stateright hands work over only every 1,500 states, and a depth-first thread that has
    // exhausted what it was given waits until then: twice as many threads keep cores busy.
    let checker = model.clone().checker().threads(2 * threads).spawn_dfs().join();
    let met = model.counters().conditions_met();
    let numbered = model.conditions().iter().enumerate();
    Some(SecondOpinion {
        generated: checker.state_count() as u64,
        distinct: checker.unique_state_count(),
        met: numbered.map(|(number, condition)| (*condition, met >> number & 1 == 1)).collect(),
        took: started.elapsed(),
    })
}

impl SecondOpinion {
    /// In what it differs from a report of the same scenario, a line each; nothing if they agree. Where runs
    /// end is left out: Stateright does not say.
    #[must_use]
    pub fn differences(&self, report: &Report) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, ours: u64, theirs: u64| {
            if ours != theirs {
                lines.push(format!("{what}: {ours}, Stateright {theirs}"));
            }
        };
        compare("distinct states", report.distinct as u64, self.distinct as u64);
        compare("states generated", report.generated, self.generated);
        for (condition, theirs) in &self.met {
            let of = |verdict: &&Verdict| verdict.property.name == condition.property().name;
            let verdict = report.verdicts.iter().find(of);
            let ours = verdict.is_some_and(|verdict| match condition {
                Condition::Shown(_) => {
                    matches!(verdict.found, Some(Expected::Violated | Expected::Reached))
                }
                Condition::PutToTheTest(_) => verdict.witness.is_some(),
            });
            if ours != *theirs {
                let is =
                    |shown: bool| if shown { "some state shows it" } else { "no state shows it" };
                lines.push(format!(
                    "{}: {}, Stateright: {}",
                    condition.name(),
                    is(ours),
                    is(*theirs)
                ));
            }
        }
        lines
    }
}
