//! Visits every state once, breadth first, on several threads.
//!
//! Threads *claim* pieces of the queue, *expand* the states in them, and hand in what came out; pieces
//! are *merged* in the order of the queue, whoever expanded them. So states are numbered as one
//! thread alone would number them, and everything that is reported is the same whatever the number of threads:
//! which state shows something first, how many states were generated before a limit was met.
//!
//! Nobody waits for the end of a level, and whoever has expanded the next piece in order merges it, with
//! all that were waiting behind it, while the others go on. Most of the work of merging, to look up whether
//! a state is known, has been done by then: threads look states up while they expand, in a table of many
//! parts with a lock each, and drop what is known.

mod expand;
mod merge;
mod queue;
mod visited;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

pub(crate) use expand::shown_and_met;
pub(crate) use visited::Visited;

use crate::explored::Explored;
use crate::system::System;
use expand::Expander;
use merge::Merger;
use queue::{Claim, Queue};

/// How far a traversal may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Threads that search.
    pub threads: usize,
    /// The most distinct states: exactly so many are visited where there are more.
    pub states_max: Option<usize>,
    /// The most steps of a run.
    pub depth_max: Option<usize>,
    /// When it may end before all states were visited.
    pub until: Until,
}

impl Default for Bounds {
    /// One thread, everything there is.
    fn default() -> Self {
        Bounds { threads: 1, states_max: None, depth_max: None, until: Until::Exhausted }
    }
}

/// When a traversal may end before all states were visited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Never.
    Exhausted,
    /// Once all of these conditions were shown, by their bits.
    AllShown(u64),
    /// Once any of these conditions was shown, by their bits.
    AnyShown(u64),
}

impl Until {
    fn is_satisfied(self, shown: u64) -> bool {
        match self {
            Until::Exhausted => false,
            Until::AllShown(wanted) => wanted & !shown == 0,
            Until::AnyShown(wanted) => wanted & shown != 0,
        }
    }
}

/// Stops a traversal from outside, and tells how far it is.
#[derive(Debug, Default)]
pub struct Switch {
    stopped: AtomicBool,
    generated: AtomicU64,
    distinct: AtomicUsize,
    waiting: AtomicUsize,
    depth: AtomicUsize,
}

impl Switch {
    /// Asks the traversal to end as soon as it can.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Says how far it is.
    pub(crate) fn tell(&self, progress: Progress) {
        let Progress { generated, distinct, waiting, depth } = progress;
        self.generated.store(generated, Ordering::Relaxed);
        self.distinct.store(distinct, Ordering::Relaxed);
        self.waiting.store(waiting, Ordering::Relaxed);
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            generated: self.generated.load(Ordering::Relaxed),
            distinct: self.distinct.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            depth: self.depth.load(Ordering::Relaxed),
        }
    }
}

/// How far a traversal is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Progress {
    /// States generated so far.
    pub generated: u64,
    /// Distinct states so far.
    pub distinct: usize,
    /// Of these, how many were not left yet.
    pub waiting: usize,
    /// Steps of the longest of the shortest runs so far.
    pub depth: usize,
}

/// Visits every state of a system, within bounds.
///
/// # Panics
/// If the system has more than 64 conditions or goals, or there are 2^32 states or settling edges.
pub fn explore<S: System>(system: &S, bounds: &Bounds, switch: &Switch) -> Explored {
    assert!(system.conditions() <= 64 && system.goals() <= 64, "one bit each");
    let started = Instant::now();
    let visited = Visited::default();
    let queue = Queue::new(Merger::new(system, bounds, &visited));
    thread::scope(|scope| {
        for worker in 1..bounds.threads.max(1) {
            let (queue, visited) = (&queue, &visited);
            scope.spawn(move || work(system, worker, visited, queue, switch));
        }
        work(system, 0, &visited, &queue, switch);
    });
    let elapsed = started.elapsed();
    let explored = queue.into_merger().finish(switch.is_stopped(), elapsed);
    Explored { visited, ..explored }
}

/// What one thread does until nothing is left to do.
fn work<S: System>(
    system: &S,
    worker: usize,
    visited: &Visited,
    queue: &Queue<'_, S>,
    switch: &Switch,
) {
    // Whoever waits for this thread must not wait for ever if it panics.
    let _guard = queue.fail_on_panic();
    let mut expander = Expander::new(system, visited);
    while let Claim::Piece(piece) = queue.claim(worker, switch) {
        let expansion = expander.expand(piece, queue.shown());
        queue.hand_in(expansion, switch);
    }
}
