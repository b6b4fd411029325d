//! Running one check.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use quorate_checker::{
    self as checker, Bounds, Decision, Explored, Outcome, StateId, Switch, Until,
};
use quorate_model::check::explain::reason;
use quorate_model::check::search::shortest_with;
use quorate_model::check::{
    Action, ClusterModel, ClusterState, ClusterSystem, Condition, Expected, PropertyKind,
    PropertySpec,
};
use quorate_model::scenario::Scenario;

use super::limits::{Cut, Limits};
use super::memory::peak_memory;
use super::report::{Endings, Report, Verdict};
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
    let conditions = model.conditions();
    let goals = model.goals();
    let system = ClusterSystem::new(&model, conditions, &goals);
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
    let decisions =
        if goals.is_empty() { Vec::new() } else { explored.decide(&system.uncounted()) };
    let found = Found { explored: &explored, system: &system.uncounted() };
    let mut verdicts = found.verdicts(&model, decisions);
    for verdict in &mut verdicts {
        show_with(&model, verdict);
        verdict.reason =
            verdict.path.as_ref().and_then(|path| reason(&model, verdict.property, path));
    }
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
        fired: model.instruments().fired(),
        siblings_max: model.instruments().siblings_max(),
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

/// What a traversal found, with what it was asked for.
struct Found<'a> {
    explored: &'a Explored,
    system: &'a ClusterSystem,
}

impl Found<'_> {
    /// The verdicts on all properties that are judged; decisions are in the order of those that are
    /// about where runs end.
    fn verdicts(&self, model: &ClusterModel, decisions: Vec<Decision<Action>>) -> Vec<Verdict> {
        let mut decisions = decisions.into_iter();
        // Each of the others has two conditions, in the same order.
        let mut conditions = (0..).step_by(2);
        let verdict = |property: &&'static PropertySpec| {
            let mut verdict = Verdict {
                property,
                expected: model.scenario().expect[property.name],
                found: None,
                path: None,
                shown_with: None,
                witness: None,
                reason: None,
                endings: None,
            };
            if let PropertyKind::EventuallyAlways { .. } = property.kind {
                complete(&mut verdict, decisions.next().expect("one decision per goal"));
            } else {
                let number = conditions.next().expect("numbers do not end");
                let of = |number| self.explored.first(number);
                let run = |state: StateId| self.explored.run_to(self.system, state);
                (verdict.path, verdict.witness) = (of(number).map(run), of(number + 1).map(run));
                let is_shown = verdict.path.is_some();
                verdict.found = Some(match (property.kind, is_shown) {
                    (PropertyKind::Reachability { .. }, true) => Expected::Reached,
                    (PropertyKind::Reachability { .. }, false) => Expected::NotReached,
                    (_, true) => Expected::Violated,
                    (_, false) => Expected::Holds,
                });
            }
            verdict
        };
        model.judged().iter().map(verdict).collect()
    }
}

/// Puts what was decided of where runs end into the verdict.
fn complete(verdict: &mut Verdict, decision: Decision<Action>) {
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
}

/// Puts in the place of a verdict's run the shortest that contains what the scenario wants to be
/// shown with it.
fn show_with(model: &ClusterModel, verdict: &mut Verdict) {
    let Some(with) = model.scenario().show.get(verdict.property.name) else { return };
    if verdict.path.is_none() {
        return;
    }
    let model = &model.with_fresh_instruments();
    let shown = Condition::Shown(verdict.property);
    let shows = |state: &ClusterState| shown.is_met(model, state);
    let run = shortest_with(model, with, &shows, SHOWN_WITH_DISTINCT_MAX);
    verdict.shown_with = Some((with.clone(), run.is_some()));
    if run.is_some() {
        verdict.path = run;
    }
}
