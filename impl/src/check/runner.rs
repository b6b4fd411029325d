//! Running one check.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use quorate_checker::{self as checker, Bounds, Switch, Until, world};
use quorate_model::check::explain::reason;
use quorate_model::check::leaderless::Leaderless;
use quorate_model::check::search::shortest_with;
use quorate_model::check::{ClusterModel, ClusterState, Condition, PropertySpec};
use quorate_model::scenario::Scenario;

use super::limits::{Cut, Limits};
use super::memory::peak_memory;
use super::report::{Report, Verdict};
use super::script;

/// How often limits are looked at and progress is reported.
const TICK: Duration = Duration::from_millis(100);

/// The most states that are visited to find a run with something in it.
const SHOWN_WITH_DISTINCT_MAX: usize = 2_000_000;

/// How far a check is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// States generated so far.
    pub generated: u64,
    /// Distinct states so far.
    pub distinct: usize,
    /// Of these, how many wait to be looked at.
    pub waiting: usize,
    /// How many steps the longest of the shortest runs has so far.
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
    let model = ClusterModel::new(Arc::clone(scenario));
    let system = model.judging();
    let bounds = Bounds {
        threads: limits.threads,
        states_max: limits.states_max,
        depth_max: limits.depth_max,
        until: Until::Exhausted,
    };
    let started = Instant::now();
    let (switch, timeout) = (Switch::default(), limits.timeout);
    let explored = while_within(timeout, started, &switch, &mut on_progress, || {
        checker::explore(&system, &bounds, &switch)
    });
    let found = model.judged().iter().zip(system.verdicts(&explored));
    let verdicts = found.map(|(property, found)| verdict(&model, property, found)).collect();
    let cut = match explored.cut() {
        Some(checker::Cut::States(states)) => Some(Cut::States(states)),
        Some(checker::Cut::Depth(steps)) => Some(Cut::Depth(steps)),
        Some(checker::Cut::Stopped) => timeout.map(Cut::Time),
        None => None,
    };
    Report {
        scenario: scenario.name.clone(),
        generated: explored.generated(),
        distinct: explored.distinct(),
        depth: explored.depth(),
        elapsed: explored.elapsed(),
        took: started.elapsed(),
        process_peak_memory: peak_memory(),
        verdicts,
        fired: model.counters().fired(),
        siblings_max: model.counters().largest(),
        cut,
        script: None,
    }
}

/// Lets a traversal go on, tells how far it is, and stops it when its time is up.
fn while_within<T>(
    timeout: Option<Duration>,
    started: Instant,
    switch: &Switch,
    on_progress: &mut (impl FnMut(Progress) + Send),
    act: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let (finished, is_finished) = channel::<()>();
        scope.spawn(move || {
            while is_finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let checker::Progress { generated, distinct, waiting, depth } = switch.progress();
                let elapsed = started.elapsed();
                on_progress(Progress { generated, distinct, waiting, depth, elapsed });
                if timeout.is_some_and(|timeout| elapsed >= timeout) {
                    switch.stop();
                }
            }
        });
        let result = act();
        drop(finished);
        result
    })
}

/// The verdict on a property, told with why its run shows it.
fn verdict(
    model: &ClusterModel,
    property: &'static PropertySpec,
    found: world::Verdict<Leaderless>,
) -> Verdict {
    let world::Verdict { found, run, witness, endings } = found;
    let mut verdict = Verdict {
        property,
        expected: model.scenario().expect[property.name],
        found,
        path: run,
        shown_with: None,
        witness,
        reason: None,
        endings,
    };
    show_with(model, &mut verdict);
    verdict.reason = verdict.path.as_ref().and_then(|path| reason(model, property, path));
    verdict
}

/// Puts in the place of a verdict's run the shortest that contains what the scenario wants to be
/// shown with it.
fn show_with(model: &ClusterModel, verdict: &mut Verdict) {
    let Some(with) = model.scenario().show.get(verdict.property.name) else { return };
    if verdict.path.is_none() {
        return;
    }
    let model = &model.with_fresh_counters();
    let shown = Condition::Shown(verdict.property);
    let shows = |state: &ClusterState| shown.is_met(model, state);
    let run = shortest_with(model, with, &shows, SHOWN_WITH_DISTINCT_MAX);
    verdict.shown_with = Some((with.clone(), run.is_some()));
    if run.is_some() {
        verdict.path = run;
    }
}
