//! Running one check.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use quorate_checker::compact::{self, Extent, ScratchError};
use quorate_checker::world::{
    self, Judged, Property, PropertyKind, ScriptRun, State, World, shortest_with,
};
use quorate_checker::{self as checker, Bounds, Switch, Until};

use super::case::Case;
use super::limits::{Cut, Limits};
use super::memory::peak_memory;
use super::report::{Report, Told, Verdict};
use super::script;

/// How often limits are looked at and progress is reported.
const TICK: Duration = Duration::from_millis(100);

/// The most states that are visited to find a run with something in it.
const SHOWN_WITH_DISTINCT_MAX: usize = 2_000_000;

/// How many states a survey has room for, unless the limits say.
const SURVEYED_MAX: usize = 100_000_000;

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
pub fn check<C: Case>(
    case: &C,
    limits: &Limits,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Report<C::Protocol> {
    if let Some(run) = case.played() {
        return play(case, &run);
    }
    let system = Judged::new(&case.world(), case.judged());
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
    let searched = Searched {
        generated: explored.generated(),
        distinct: explored.distinct(),
        depth: explored.depth(),
        is_survey: false,
        elapsed: explored.elapsed(),
        cut: explored.cut(),
    };
    report(case, &system, searched, system.verdicts(&explored), started, timeout)
}

/// Checks a scenario depth first, in a table of fixed size: for what is too large to keep states that wait, and to
/// remember where each came from. The runs it tells are not shortest ones. Edges are written into a file without a name
/// in this directory.
///
/// # Errors
/// If they cannot be.
pub fn survey<C: Case>(
    case: &C,
    limits: &Limits,
    scratch: &Path,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Result<Report<C::Protocol>, ScratchError> {
    if let Some(run) = case.played() {
        return Ok(play(case, &run));
    }
    let system = Judged::new(&case.world(), case.judged());
    let extent = Extent {
        threads: limits.threads,
        states_max: limits.states_max.unwrap_or(SURVEYED_MAX),
        scratch: scratch.to_owned(),
    };
    let started = Instant::now();
    let (switch, timeout) = (Switch::default(), limits.timeout);
    let survey = while_within(timeout, started, &switch, &mut on_progress, || {
        compact::survey(&system, &extent, &switch)
    })?;
    let searched = Searched {
        generated: survey.generated,
        distinct: survey.distinct,
        depth: survey.depth,
        is_survey: true,
        elapsed: survey.elapsed,
        cut: survey.cut,
    };
    Ok(report(case, &system, searched, system.surveyed(&survey), started, timeout))
}

/// How far a search came.
struct Searched {
    generated: u64,
    distinct: usize,
    depth: usize,
    is_survey: bool,
    elapsed: Duration,
    cut: Option<checker::Cut>,
}

/// What a search found, told.
fn report<C: Case>(
    case: &C,
    system: &Judged<C::Protocol>,
    searched: Searched,
    found: Vec<world::Verdict<C::Protocol>>,
    started: Instant,
    timeout: Option<Duration>,
) -> Report<C::Protocol> {
    let world = system.world();
    let found = system.properties().iter().zip(found);
    let verdicts = found.map(|(property, found)| verdict(case, world, property, found)).collect();
    let Searched { generated, distinct, depth, is_survey, elapsed, cut } = searched;
    let cut = match cut {
        Some(checker::Cut::States(states)) => Some(Cut::States(states)),
        Some(checker::Cut::Depth(steps)) => Some(Cut::Depth(steps)),
        Some(checker::Cut::Stopped) => timeout.map(Cut::Time),
        None => None,
    };
    Report {
        scenario: case.name().to_owned(),
        generated,
        distinct,
        depth,
        is_survey,
        elapsed,
        took: started.elapsed(),
        process_peak_memory: peak_memory(),
        verdicts,
        fired: world.counters().fired(),
        largest: world.counters().largest(),
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

/// Judges the one run of a script.
fn play<C: Case>(case: &C, run: &ScriptRun<C::Protocol>) -> Report<C::Protocol> {
    let started = Instant::now();
    // A world that remembers nothing counts everything, and only what is told: what the run tried
    // and took back did not happen.
    let world = case.world();
    let found = run.verdicts(&world, &case.judged());
    let (fired, largest) = (world.counters().fired(), world.counters().largest());
    let verdict = |(property, found)| verdict(case, &world, &property, found);
    let verdicts = found.into_iter().map(verdict).collect();
    let (played, distinct) = script::told(case, &world, run);
    Report {
        scenario: case.name().to_owned(),
        generated: run.transitions.len() as u64 + 1,
        distinct,
        depth: run.transitions.len(),
        is_survey: false,
        elapsed: started.elapsed(),
        took: started.elapsed(),
        process_peak_memory: peak_memory(),
        verdicts,
        fired,
        largest,
        cut: None,
        script: Some(played),
    }
}

/// The verdict on a property, told with why its run shows it.
fn verdict<C: Case>(
    case: &C,
    world: &World<C::Protocol>,
    property: &Property<C::Protocol>,
    found: world::Verdict<C::Protocol>,
) -> Verdict<C::Protocol> {
    let world::Verdict { found, run, witness, endings } = found;
    let mut verdict = Verdict {
        property: Told { name: property.name, statement: property.statement },
        expected: case.expectations()[property.name],
        found,
        path: run,
        shown_with: None,
        witness,
        reason: None,
        endings,
    };
    show_with(case, world, property, &mut verdict);
    let path = verdict.path.as_ref();
    verdict.reason = path.and_then(|path| case.explaining().reason(property, path));
    verdict
}

/// Puts in the place of a verdict's run the shortest that contains what the scenario wants to be
/// shown with it.
fn show_with<C: Case>(
    case: &C,
    world: &World<C::Protocol>,
    property: &Property<C::Protocol>,
    verdict: &mut Verdict<C::Protocol>,
) {
    let Some(with) = case.show(property.name) else { return };
    if verdict.path.is_none() {
        return;
    }
    let shows = |state: &State<C::Protocol>| match &property.kind {
        PropertyKind::Safety { holds, .. } => !holds(world.protocol(), state),
        PropertyKind::Reachability { reached, .. } => reached(world.protocol(), state),
        PropertyKind::EventuallyAlways { .. } => false,
    };
    let all = case.properties();
    let run = shortest_with(world, &all, &with, &shows, SHOWN_WITH_DISTINCT_MAX);
    verdict.shown_with = Some((with, run.is_some()));
    if run.is_some() {
        verdict.path = run;
    }
}
