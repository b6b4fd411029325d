//! What happened in a script, step by step.

use std::collections::HashSet;
use std::fmt::Write as _;

use quorate_checker::world::{
    Action, ScriptDifference, ScriptRun, ScriptedStep, State, Step, World,
};

use super::case::Case;

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

/// Where a run left its script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// At which step, from zero: the last that was carried out.
    pub step: usize,
    /// What came of it instead, or why it could not be carried out.
    pub problem: String,
    /// Both in one line.
    pub told: String,
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

/// What happened in the run of a script, and how many distinct states it passed.
pub(super) fn told<C: Case>(
    case: &C,
    world: &World<C::Protocol>,
    run: &ScriptRun<C::Protocol>,
) -> (Played, usize) {
    let allows = |state: &State<C::Protocol>, action: &Action<C::Protocol>| {
        case.allows(world, state, action)
    };
    let (walked, last) = world.walk_along(&case.words(), &run.actions(), allows);
    let passed: HashSet<_> = walked.iter().map(|step| &step.before).chain([&last]).collect();
    let distinct = passed.len();
    let reached = run.difference.as_ref().map_or(run.steps.len(), |difference| difference.step + 1);
    let told = |step: &ScriptedStep| PlayedStep {
        line: step.line,
        words: step.words.clone(),
        transitions: Vec::new(),
    };
    let mut steps: Vec<PlayedStep> = run.steps.iter().take(reached).map(told).collect();
    for (transition, Step { words, changes, .. }) in run.transitions.iter().zip(walked) {
        steps[transition.step].transitions.push(Happening { words, changes });
    }
    let difference = run.difference.as_ref().zip(run.difference_in_words());
    let difference = difference.map(|(ScriptDifference { step, problem }, told)| Difference {
        step: *step,
        problem: problem.clone(),
        told,
    });
    let played = Played {
        file: run.file.clone(),
        steps_total: run.steps.len(),
        steps,
        transitions: run.transitions.len(),
        difference,
    };
    (played, distinct)
}

impl Played {
    /// `my.toml:31: step 4 (line 31): x: put k = "v" via A: expected ok, got unavailable`
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        let Difference { step, told, .. } = self.difference.as_ref()?;
        Some(format!("{}:{}: {told}", self.file, self.steps[*step].line))
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
