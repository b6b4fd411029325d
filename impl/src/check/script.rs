//! Carrying out a script: one run, judged over the states that it passes.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use quorate_model::check::ClusterModel;
use quorate_model::check::explain::reason;
use quorate_model::check::script::{self, Difference, Finding};
use quorate_model::check::trace::{ReplayedStep, walk};
use quorate_model::scenario::Scenario;

use super::memory::peak_memory;
use super::report::{Report, Verdict};

/// What happened in a script, for people and programs.
#[derive(Clone, Debug)]
pub struct Played {
    /// The file, as it was named.
    pub file: String,
    /// How many steps the script has.
    pub steps_total: usize,
    /// The steps that were carried out, and the one that differs if one does.
    pub steps: Vec<PlayedStep>,
    /// How many transitions they took.
    pub transitions: usize,
    /// Where the run left the script, if it did.
    pub difference: Option<Difference>,
}

/// One step of a script, with what happened in it.
#[derive(Clone, Debug)]
pub struct PlayedStep {
    /// Its line in the file.
    pub line: usize,
    /// The step in words.
    pub words: String,
    /// The transitions it took.
    pub transitions: Vec<Happening>,
}

/// One transition.
#[derive(Clone, Debug)]
pub struct Happening {
    /// The action in words.
    pub words: String,
    /// What it changed.
    pub changes: Vec<String>,
}

/// Carries out the scenario's script and judges every property it has an expectation of.
#[must_use]
pub(super) fn play(scenario: &Arc<Scenario>) -> Report {
    let started = Instant::now();
    let model = ClusterModel::new(Arc::clone(scenario));
    let run = script::run(&model);
    let actions = run.actions();
    // A model that remembers nothing counts everything, and only what is told: what the run tried
    // and took back did not happen.
    let model = ClusterModel::new(Arc::clone(scenario));
    let verdict = |finding: Finding| {
        let until = |count: Option<usize>| count.map(|count| actions[..count].to_vec());
        Verdict {
            property: finding.property,
            expected: scenario.expect[finding.property.name],
            found: Some(finding.found),
            path: until(finding.shown_after),
            shown_with: None,
            witness: until(finding.tested_after),
            reason: until(finding.shown_after)
                .and_then(|actions| reason(&model, finding.property, &actions)),
            endings: None,
        }
    };
    let verdicts = script::judge(&model, &run).into_iter().map(verdict).collect();
    let (fired, siblings_max) = (model.counters().fired(), model.counters().largest());
    let (walked, last) = walk(&model, &actions);
    let passed = walked.iter().map(|step| &step.before).chain([&last]);
    let (generated, distinct) = (walked.len() + 1, passed.collect::<HashSet<_>>().len());
    let steps = steps(&model, &run, walked);
    let played = Played {
        file: scenario.script.as_ref().map_or_else(String::new, |script| script.file.clone()),
        steps_total: scenario.script.as_ref().map_or(0, |script| script.steps.len()),
        steps,
        transitions: actions.len(),
        difference: run.difference,
    };
    Report {
        scenario: scenario.name.clone(),
        generated: generated as u64,
        distinct,
        depth: generated - 1,
        elapsed: started.elapsed(),
        took: started.elapsed(),
        process_peak_memory: peak_memory(),
        verdicts,
        fired,
        siblings_max,
        cut: None,
        script: Some(played),
    }
}

fn steps(model: &ClusterModel, run: &script::Run, walked: Vec<ReplayedStep>) -> Vec<PlayedStep> {
    let Some(script) = &model.scenario().script else { return Vec::new() };
    let reached = run.steps + usize::from(run.difference.is_some());
    let told = |step: &quorate_model::scenario::script::ScriptStep| PlayedStep {
        line: step.line,
        words: script::step(model, &step.verb),
        transitions: Vec::new(),
    };
    let mut steps: Vec<PlayedStep> = script.steps.iter().take(reached).map(told).collect();
    for (transition, ReplayedStep { words, changes, .. }) in run.transitions.iter().zip(walked) {
        steps[transition.step].transitions.push(Happening { words, changes });
    }
    steps
}

impl Played {
    /// `my.toml:31: step 4 (line 31): x: put k = "v" via A: expected ok, got unavailable`
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        let difference = self.difference.as_ref()?;
        Some(format!("{}:{}: {difference}", self.file, difference.line))
    }

    /// Every step with what happened in it, and where the run left the script.
    #[must_use]
    pub fn told(&self) -> String {
        let (mut text, mut number) = (String::new(), 0);
        for (position, step) in self.steps.iter().enumerate() {
            let _ =
                writeln!(text, "\n  step {} (line {}): {}", position + 1, step.line, step.words);
            for Happening { words, changes } in &step.transitions {
                number += 1;
                let _ = writeln!(text, "  {number:>3}. {words}");
                for change in changes {
                    let _ = writeln!(text, "         {change}");
                }
            }
        }
        if let Some(difference) = self.difference() {
            let _ = writeln!(text, "\n  {difference}");
        }
        text
    }
}
