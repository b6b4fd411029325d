//! Visits every state once, depth first, in ten bytes a state.
//!
//! [`explore`](crate::explore) goes by distance, and so keeps whole the states that wait, and of every state the one before it. What
//! is too large for that is *surveyed*: of each state there is its name alone, in a table of fixed size that
//! threads share without locks (Laarman, van de Pol and Weber, *Boosting multi-core reachability performance
//! with shared hash tables*, FMCAD 2010); states are kept along one run for each thread; and where settling steps
//! lead is written to disk. Runs that show something are not shortest ones.
//!
//! A thread with nothing to do takes over the actions that another has not tried yet in the oldest state of its run.
//!
//! Where runs end is decided without components. A goal is kept for good in a state from which no settling steps lead to
//! a state that is not at it (*always*). Every bottom component is wholly at the goal exactly if settling steps
//! lead from every state to such a one (in CTL: AG EF AG goal): a bottom component that reaches one contains it, and so
//! no state that is not at the goal; and if all bottom components are at the goal, each of their states is such a one, and
//! every state reaches some bottom component. Both questions are asked backwards along the edges, which are read
//! in passes until nothing is added.

mod bits;
mod edges;
mod table;
mod work;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::diving::dive;
use crate::explored::Cut;
use crate::system::System;
use crate::traversal::{Switch, shown_and_met};
use bits::Bits;
use edges::{EdgeLog, reaching};
use table::Table;
use work::{Pool, Worker};

/// How a survey is made.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Threads that search.
    pub threads: usize,
    /// The most distinct states. The table has room for a quarter more of them, at eight bytes each, from the start.
    pub states_max: usize,
    /// Where the edges are written: a directory. Its files have no names, and go with the survey.
    pub scratch: PathBuf,
}

/// Where settling steps lead cannot be written or read. Nothing was found.
#[derive(Debug, thiserror::Error)]
#[error("{}: where steps lead cannot be kept there: {source}", directory.display())]
pub struct ScratchError {
    /// Where it was to be.
    pub directory: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// What a survey found.
#[derive(Debug)]
pub struct Survey<A> {
    /// How many distinct states were visited.
    pub distinct: usize,
    /// How many were generated: the initial ones, and one for each step taken.
    pub generated: u64,
    /// Steps of the longest run that was kept at a time.
    pub depth: usize,
    /// Per condition, a run to a state that shows it, if one does.
    pub runs: Vec<Option<Vec<A>>>,
    /// Per goal, what became of it.
    pub endings: Vec<Ending<A>>,
    /// What cut it short.
    pub cut: Option<Cut>,
    /// How long the search took, without the decision where runs end.
    pub elapsed: Duration,
    /// Where a goal is violated, to know lost states again. It would take most of the memory, for nothing, elsewhere.
    table: Option<Table>,
}

impl<A: Clone + Send> Survey<A> {
    /// Where a goal is violated, a run to a state from which no settling steps lead to where it is kept for good.
    /// The system is asked for its states once more.
    pub fn run_to_lost<S: System<Action = A>>(&self, system: &S, goal: usize) -> Option<Vec<A>> {
        let (saved, table) = (self.endings[goal].saved.as_ref()?, self.table.as_ref()?);
        let is_lost = |state: &S::State| {
            let place = table.place_of(system.fingerprint(state));
            place.is_some_and(|place| !saved.contains(place))
        };
        dive(system, &is_lost, usize::MAX).path
    }
}

/// Whether every fair run comes to a goal and stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It does.
    Holds,
    /// It does not: see [`Survey::run_to_lost`].
    Violated,
    /// The survey was cut.
    Undecided,
}

/// What became of a goal.
#[derive(Debug)]
pub struct Ending<A> {
    /// Whether every fair run comes to it and stays.
    pub ended: Ended,
    /// How many states are at it.
    pub met: usize,
    /// How many settling steps there are, each as often as it leads from a state to another.
    pub settling_edges: u64,
    /// A run to a state that is not at it.
    pub witness: Option<Vec<A>>,
    /// If it is violated, the places of states from which settling steps lead to where it is kept for good.
    saved: Option<Bits>,
}

/// Visits every state of a system, depth first.
///
/// # Errors
/// If the edges cannot be written or read.
///
/// # Panics
/// If the system has more than 64 conditions or goals, or the table would have 2^32 places.
pub fn survey<S: System>(
    system: &S,
    extent: &Extent,
    switch: &Switch,
) -> Result<Survey<S::Action>, ScratchError> {
    let failed = |source| ScratchError { directory: extent.scratch.clone(), source };
    searched(system, extent, switch).map_err(failed)
}

fn searched<S: System>(
    system: &S,
    extent: &Extent,
    switch: &Switch,
) -> io::Result<Survey<S::Action>> {
    assert!(system.conditions() <= 64 && system.goals() <= 64, "one bit each");
    let started = Instant::now();
    let shared = Shared::new(system, extent);
    let pool = Pool::new(system, &shared);
    let logs: Vec<EdgeLog> = thread::scope(|scope| {
        let work = || {
            let log = EdgeLog::new(&extent.scratch)?;
            Worker::new(system, &shared, &pool, switch, log).work()
        };
        let others: Vec<_> = (1..extent.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().map(|other| match other.join() {
            Ok(log) => log,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(own).chain(joined.collect::<Vec<_>>()).collect::<io::Result<_>>()
    })?;
    let elapsed = started.elapsed();
    let cut = if shared.is_full.load(Ordering::Relaxed) {
        Some(Cut::States(extent.states_max))
    } else if switch.is_stopped() && !pool.is_done() {
        Some(Cut::Stopped)
    } else {
        None
    };
    shared.told(logs, cut, elapsed)
}

/// What all threads know.
struct Shared<A> {
    table: Table,
    /// Per goal, the places of states that are not at it.
    unmet: Vec<Bits>,
    /// Conditions that were shown, and goals that some state is not at, by their bits.
    shown: AtomicU64,
    missed: AtomicU64,
    runs: Mutex<Runs<A>>,
    generated: AtomicU64,
    depth: AtomicUsize,
    is_full: AtomicBool,
}

struct Runs<A> {
    to_conditions: Vec<Option<Vec<A>>>,
    /// Per goal, to a state that is not at it.
    to_unmet: Vec<Option<Vec<A>>>,
}

impl<A: Clone> Shared<A> {
    fn new<S: System<Action = A>>(system: &S, extent: &Extent) -> Self {
        let table = Table::new(extent.states_max);
        Shared {
            unmet: (0..system.goals()).map(|_| Bits::new(table.places())).collect(),
            table,
            shown: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            runs: Mutex::new(Runs {
                to_conditions: vec![None; system.conditions()],
                to_unmet: vec![None; system.goals()],
            }),
            generated: AtomicU64::new(0),
            depth: AtomicUsize::new(0),
            is_full: AtomicBool::new(false),
        }
    }

    /// Looks at a state when it is visited.
    fn look_at<S: System<Action = A>>(
        &self,
        system: &S,
        place: u32,
        state: &S::State,
        run: impl Fn() -> Vec<A>,
    ) {
        let (shown, met) = shown_and_met(system, state, self.shown.load(Ordering::Relaxed));
        let unmet = !met & ((1_u128 << system.goals()) - 1) as u64;
        for (goal, places) in self.unmet.iter().enumerate() {
            if unmet >> goal & 1 == 1 {
                places.insert(place);
            }
        }
        let (shown, missed) = (newly(&self.shown, shown), newly(&self.missed, unmet));
        if shown | missed != 0 {
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            let Runs { to_conditions, to_unmet } = &mut *runs;
            for (bits, all) in [(shown, to_conditions), (missed, to_unmet)] {
                for (number, known) in all.iter_mut().enumerate() {
                    if bits >> number & 1 == 1 {
                        *known = Some(run());
                    }
                }
            }
        }
    }

    fn told(
        self,
        mut logs: Vec<EdgeLog>,
        cut: Option<Cut>,
        elapsed: Duration,
    ) -> io::Result<Survey<A>> {
        let Shared { table, unmet, runs, generated, depth, .. } = self;
        let Runs { to_conditions, to_unmet } =
            runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let settling_edges = logs.iter().map(EdgeLog::edges).sum();
        let mut endings = Vec::new();
        for (unmet, witness) in unmet.into_iter().zip(to_unmet) {
            let met = table.entered() - unmet.count();
            let saved = match cut {
                Some(_) => None,
                None => Some(saved(&table, unmet, &mut logs)?),
            };
            let ended = match &saved {
                None => Ended::Undecided,
                Some(saved) if table.taken().all(|place| saved.contains(place)) => Ended::Holds,
                Some(_) => Ended::Violated,
            };
            let saved = saved.filter(|_| ended == Ended::Violated);
            endings.push(Ending { ended, met, settling_edges, witness, saved });
        }
        let is_violated = endings.iter().any(|ending| ending.saved.is_some());
        Ok(Survey {
            distinct: table.entered(),
            generated: generated.into_inner(),
            depth: depth.into_inner(),
            runs: to_conditions,
            endings,
            cut,
            elapsed,
            table: is_violated.then_some(table),
        })
    }
}

/// Sets these bits, and gives those that were not set. Threads that set nothing do not write what all of them read.
fn newly(known: &AtomicU64, bits: u64) -> u64 {
    match bits & !known.load(Ordering::Relaxed) {
        0 => 0,
        new => new & !known.fetch_or(new, Ordering::Relaxed),
    }
}

/// The states from which settling steps lead to one from which none lead to an unmet one.
fn saved(table: &Table, unmet: Bits, logs: &mut [EdgeLog]) -> io::Result<Bits> {
    let endangered = reaching(unmet, logs)?;
    let mut safe = Bits::new(table.places());
    table.taken().filter(|place| !endangered.contains(*place)).for_each(|place| safe.set(place));
    reaching(safe, logs)
}
