//! Running one check.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use quorate_model::check::search::{minimise, shortest};
use quorate_model::check::{
    Action, ClusterModel, ClusterState, Expected, PropertyKind, PropertySpec,
};
use quorate_model::scenario::Scenario;
use stateright::{Checker, Model};

use super::limits::{Cut, Limits};
use super::report::{Report, Verdict};

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
pub fn check(
    scenario: &Arc<Scenario>,
    limits: &Limits,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Report {
    let model = ClusterModel::new(Arc::clone(scenario));
    let instruments = Arc::clone(model.instruments());
    let mut builder = model.clone().checker().threads(limits.threads);
    if let Some(depth) = limits.depth_max {
        builder = builder.target_max_depth(depth);
    }
    let started = Instant::now();
    // Depth first: its queue is short, and the shortest runs are searched for separately.
    let mut checker = builder.spawn_dfs();
    let handles = checker.handles();
    let mut stopped_by = None;
    thread::scope(|scope| {
        let (finished, is_finished) = channel::<()>();
        let (checker, instruments, stopped_by) = (&checker, &instruments, &mut stopped_by);
        scope.spawn(move || {
            while is_finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let progress = Progress {
                    generated: checker.state_count(),
                    distinct: checker.unique_state_count(),
                    depth: checker.max_depth().saturating_sub(1),
                    elapsed: started.elapsed(),
                };
                on_progress(progress);
                *stopped_by = stopped_by.or_else(|| over_limit(limits, &progress));
                if stopped_by.is_some() {
                    instruments.stop();
                }
            }
        });
        for handle in handles {
            handle.join().expect("a checker thread panicked");
        }
        drop(finished);
    });
    let elapsed = started.elapsed();
    let mut cut = stopped_by.filter(|_| instruments.was_cut());
    if let Some(depth) = limits.depth_max
        && checker.max_depth() >= depth
    {
        // States at this depth were not expanded, and Stateright does not say whether any of
        // them could have been.
        cut = cut.or(Some(Cut::Depth(depth)));
    }
    instruments.resume();
    let fired = instruments.fired();
    let siblings_max = instruments.siblings_max();
    let discoveries: HashMap<&'static str, Vec<Action>> =
        checker.discoveries().into_iter().map(|(name, path)| (name, path.into_actions())).collect();
    Report {
        scenario: scenario.name.clone(),
        generated: checker.state_count(),
        distinct: checker.unique_state_count(),
        depth: checker.max_depth().saturating_sub(1),
        elapsed,
        verdicts: verdicts(&model, discoveries),
        fired,
        siblings_max,
        cut,
    }
}

fn over_limit(limits: &Limits, progress: &Progress) -> Option<Cut> {
    if let Some(states) = limits.states_max
        && progress.distinct >= states
    {
        return Some(Cut::States(states));
    }
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
            PropertyKind::Safety { witness_name, .. } => {
                let found = if path.is_some() { Expected::Violated } else { Expected::Holds };
                (found, take(witness_name))
            }
            PropertyKind::Reachability { .. } => {
                (if path.is_some() { Expected::Reached } else { Expected::NotReached }, None)
            }
        };
        Verdict {
            property,
            expected: model.scenario().expect.get(property.name).copied().unwrap_or(found),
            found,
            shortest: path.as_ref().is_none_or(|(_, shortest)| *shortest),
            path: path.map(|(path, _)| path),
            witness: witness.map(|(path, _)| path),
        }
    };
    model.judged().iter().map(verdict).collect()
}

type Shows<'a> = Box<dyn Fn(&ClusterState) -> bool + 'a>;

/// The conditions that Stateright looks for on behalf of a property, by the names it knows them.
fn conditions<'a>(
    model: &'a ClusterModel,
    property: &'static PropertySpec,
) -> Vec<(&'static str, Shows<'a>)> {
    match property.kind {
        PropertyKind::Safety { holds, witness, witness_name, .. } => vec![
            (property.name, Box::new(move |state| !holds(&model.view(state)))),
            (witness_name, Box::new(move |state| witness(&model.view(state)))),
        ],
        PropertyKind::Reachability { reached } => {
            vec![(property.name, Box::new(move |state| reached(&model.view(state))))]
        }
    }
}
