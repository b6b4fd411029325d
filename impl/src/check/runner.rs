//! Running one check.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use quorate_model::check::convergence::{self, ClusterSource, Outcome};
use quorate_model::check::explain::reason;
use quorate_model::check::instruments::Instruments;
use quorate_model::check::search::{minimise, shortest, shortest_with};
use quorate_model::check::{
    Action, ClusterModel, ClusterState, Expected, Goal, PropertyKind, PropertySpec,
};
use quorate_model::scenario::Scenario;
use stateright::{Checker, Model};

use super::limits::{Cut, Limits};
use super::memory::peak_memory;
use super::report::{Endings, Report, Verdict};
use super::script;

/// How often limits are looked at and progress is reported.
const TICK: Duration = Duration::from_millis(100);

/// The most states the search for shortest runs visits; what it has not found by then is
/// minimised instead. At some 150 bytes a state this stays under half a gigabyte.
const SHORTEST_DISTINCT_MAX: usize = 2_000_000;

/// How far a check is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// States generated so far.
    pub generated: usize,
    /// Distinct states so far.
    pub distinct: usize,
    /// The longest path so far, in steps.
    pub depth: usize,
    /// Time since the start.
    pub elapsed: Duration,
}

/// Checks a scenario: visits every state it can reach within its fault budgets and judges every
/// property the scenario has an expectation of. `on_progress` is called now and then.
///
/// A scenario that is a script has one run, which is carried out; no limit applies to it.
pub fn check(
    scenario: &Arc<Scenario>,
    limits: &Limits,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Report {
    if scenario.script.is_some() {
        return script::play(scenario);
    }
    let model = ClusterModel::new(Arc::clone(scenario)).with_instruments(limits.instruments());
    let instruments = Arc::clone(model.instruments());
    let mut builder = model.clone().checker().threads(limits.threads);
    if let Some(depth) = limits.depth_max {
        builder = builder.target_max_depth(depth);
    }
    let started = Instant::now();
    // Depth first: its queue is short, and the shortest runs are searched for separately.
    let mut checker = builder.spawn_dfs();
    let handles = checker.handles();
    let progress = || Progress {
        generated: checker.state_count(),
        distinct: checker.unique_state_count(),
        depth: checker.max_depth().saturating_sub(1),
        elapsed: started.elapsed(),
    };
    let stopped_by = while_within(limits, &instruments, progress, &mut on_progress, || {
        for handle in handles {
            handle.join().expect("a checker thread panicked");
        }
    });
    let elapsed = started.elapsed();
    let mut cut = match limits.states_max {
        Some(states) if instruments.has_refused() => Some(Cut::States(states)),
        _ => stopped_by.filter(|_| instruments.was_cut()),
    };
    if let Some(depth) = limits.depth_max
        && checker.max_depth() >= depth
    {
        // States at this depth were not expanded, and Stateright does not say whether any of
        // them could have been.
        cut = cut.or(Some(Cut::Depth(depth)));
    }
    instruments.resume();
    // Before discoveries are asked for: their paths are walked once more, which counts too.
    let (fired, siblings_max) = (instruments.fired(), instruments.siblings_max());
    let discoveries: HashMap<&'static str, Vec<Action>> =
        checker.discoveries().into_iter().map(|(name, path)| (name, path.into_actions())).collect();
    let found = Progress { elapsed, ..progress() };
    // It knows every state, as the decision on convergence will: not both at a time.
    drop(checker);
    let mut verdicts = verdicts(&model, discoveries);
    // A part of the states says nothing of where runs end.
    if cut.is_none() {
        let progress = || Progress { elapsed: started.elapsed(), ..found };
        cut = decide(&model, limits, &mut verdicts, progress, &mut on_progress);
    }
    for verdict in &mut verdicts {
        show_with(&model, verdict);
        verdict.reason =
            verdict.path.as_ref().and_then(|path| reason(&model, verdict.property, path));
    }
    Report {
        scenario: scenario.name.clone(),
        generated: found.generated,
        distinct: found.distinct,
        depth: found.depth,
        elapsed,
        took: started.elapsed(),
        process_peak_memory: peak_memory(),
        verdicts,
        fired,
        siblings_max,
        cut,
        script: None,
    }
}

/// Lets something go on, and stops the model as soon as a limit is met; says which.
fn while_within(
    limits: &Limits,
    instruments: &Instruments,
    progress: impl Fn() -> Progress + Sync,
    on_progress: &mut (impl FnMut(Progress) + Send),
    act: impl FnOnce(),
) -> Option<Cut> {
    let mut stopped_by = None;
    thread::scope(|scope| {
        let (finished, is_finished) = channel::<()>();
        let (progress, stopped_by) = (&progress, &mut stopped_by);
        scope.spawn(move || {
            while is_finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let progress = progress();
                on_progress(progress);
                *stopped_by = stopped_by.or_else(|| over_limit(limits, &progress));
                if stopped_by.is_some() {
                    instruments.stop();
                }
            }
        });
        act();
        drop(finished);
    });
    stopped_by
}

/// Decides where runs end, for all properties that are about it, and completes their verdicts; says
/// what cut the decision, if anything did.
fn decide(
    model: &ClusterModel,
    limits: &Limits,
    verdicts: &mut [Verdict],
    progress: impl Fn() -> Progress + Sync,
    on_progress: &mut (impl FnMut(Progress) + Send),
) -> Option<Cut> {
    let goal = |verdict: &Verdict| match verdict.property.kind {
        PropertyKind::EventuallyAlways { goal, .. } => Some(goal),
        PropertyKind::Safety { .. } | PropertyKind::Reachability { .. } => None,
    };
    let goals: Vec<Goal> = verdicts.iter().filter_map(goal).collect();
    if goals.is_empty() {
        return None;
    }
    let model = model.with_fresh_instruments();
    let source = ClusterSource::new(&model, &goals);
    let states_max = limits.states_max.unwrap_or(convergence::STATES_MAX);
    let mut decisions = Vec::new();
    let stopped_by = while_within(limits, model.instruments(), progress, on_progress, || {
        decisions = convergence::decide_all(&source, states_max);
    });
    let mut is_cut = false;
    let decided = verdicts.iter_mut().filter(|verdict| goal(verdict).is_some());
    for (verdict, decision) in decided.zip(decisions) {
        let mut cycle = 0;
        verdict.found = match decision.outcome {
            Outcome::Holds => Some(Expected::Holds),
            Outcome::Undecided => None,
            Outcome::Violated(violation) => {
                cycle = violation.cycle.len();
                verdict.path = Some([violation.stem, violation.cycle].concat());
                Some(Expected::Violated)
            }
        };
        verdict.witness = decision.witness;
        verdict.endings = Some(Endings { size: decision.size, cycle });
        is_cut |= decision.cut;
    }
    // If nothing stopped it, it met its own limit.
    is_cut.then(|| stopped_by.unwrap_or(Cut::States(states_max)))
}

/// Whether time is up. Of how many states there may be, each search takes care itself.
fn over_limit(limits: &Limits, progress: &Progress) -> Option<Cut> {
    limits.timeout.filter(|timeout| progress.elapsed >= *timeout).map(Cut::Time)
}

/// What Stateright calls a discovery: of a property, or of a witness that it was put to the test.
struct Discovery<'a> {
    found: &'a [Action],
    shows: Box<dyn Fn(&ClusterState) -> bool + 'a>,
}

fn verdicts(model: &ClusterModel, discoveries: HashMap<&'static str, Vec<Action>>) -> Vec<Verdict> {
    let model = &model.with_fresh_instruments();
    let mut wanted: Vec<Discovery<'_>> = Vec::new();
    for property in model.judged() {
        for (name, shows) in conditions(model, property) {
            if let Some(found) = discoveries.get(name) {
                wanted.push(Discovery { found, shows });
            }
        }
    }
    let shows: Vec<&dyn Fn(&ClusterState) -> bool> =
        wanted.iter().map(|discovery| &*discovery.shows).collect();
    let search = shortest(model, &shows, SHORTEST_DISTINCT_MAX);
    let mut runs = wanted.iter().zip(search.paths).map(|(discovery, path)| match path {
        Some(path) => (path, true),
        None => (minimise(model, discovery.found.to_vec(), &discovery.shows), false),
    });
    let mut take = |name: &str| {
        discoveries.contains_key(name).then(|| runs.next().expect("one run per discovery"))
    };
    let verdict = |property: &&'static PropertySpec| {
        let path = take(property.name);
        let (found, witness) = match property.kind {
            PropertyKind::Safety { witness, .. } => {
                let found = if path.is_some() { Expected::Violated } else { Expected::Holds };
                (Some(found), take(witness.name))
            }
            PropertyKind::Reachability { opportunity, .. } => {
                let found = if path.is_some() { Expected::Reached } else { Expected::NotReached };
                (Some(found), take(opportunity.name))
            }
            // Not decided yet.
            PropertyKind::EventuallyAlways { .. } => (None, None),
        };
        Verdict {
            property,
            expected: model.scenario().expect[property.name],
            found,
            reason: None,
            endings: None,
            shown_with: None,
            shortest: path.as_ref().is_none_or(|(_, shortest)| *shortest),
            path: path.map(|(path, _)| path),
            witness: witness.map(|(path, _)| path),
        }
    };
    model.judged().iter().map(verdict).collect()
}

/// Puts in the place of a verdict's run the shortest that contains what the scenario wants to be
/// shown with it.
fn show_with(model: &ClusterModel, verdict: &mut Verdict) {
    let Some(with) = model.scenario().show.get(verdict.property.name) else { return };
    if verdict.path.is_none() {
        return;
    }
    let model = &model.with_fresh_instruments();
    let mut conditions = conditions(model, verdict.property).into_iter();
    let Some((_, shows)) = conditions.find(|(name, _)| *name == verdict.property.name) else {
        return;
    };
    let run = shortest_with(model, with, &shows, SHORTEST_DISTINCT_MAX);
    verdict.shown_with = Some((with.clone(), run.is_some()));
    if run.is_some() {
        (verdict.path, verdict.shortest) = (run, true);
    }
}

type Shows<'a> = Box<dyn Fn(&ClusterState) -> bool + 'a>;

/// The conditions that Stateright looks for on behalf of a property, by the names it knows them.
fn conditions<'a>(
    model: &'a ClusterModel,
    property: &'static PropertySpec,
) -> Vec<(&'static str, Shows<'a>)> {
    match property.kind {
        PropertyKind::Safety { holds, witness } => vec![
            (property.name, Box::new(move |state| !holds(&model.view(state)))),
            (witness.name, Box::new(move |state| (witness.shown)(&model.view(state)))),
        ],
        PropertyKind::Reachability { reached, opportunity } => vec![
            (property.name, Box::new(move |state| reached(&model.view(state)))),
            (opportunity.name, Box::new(move |state| (opportunity.shown)(&model.view(state)))),
        ],
        PropertyKind::EventuallyAlways { .. } => Vec::new(),
    }
}
