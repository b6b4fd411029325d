//! What each thread does: it follows runs, and gives work away to threads that have none.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Shared;
use super::edges::EdgeLog;
use super::table::Entry;
use crate::system::System;
use crate::traversal::{Progress, Switch};

/// How long a thread that waits for work sleeps before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// How many steps a thread takes before it says how far it is.
const TELL_EVERY: u64 = 4_096;

/// A state, and what is still to be tried there.
pub(super) struct Job<S: System> {
    /// The actions that led to it.
    run: Vec<S::Action>,
    state: S::State,
    place: u32,
    /// The first comes last.
    actions: Vec<S::Action>,
}

/// Work that was given away.
pub(super) struct Pool<S: System> {
    inner: Mutex<Inner<S>>,
    changed: Condvar,
    /// How many threads want work and have not been given any.
    hungry: AtomicUsize,
    is_done: AtomicBool,
}

struct Inner<S: System> {
    jobs: Vec<Job<S>>,
    busy: usize,
}

impl<S: System> Pool<S> {
    /// What follows from the initial states.
    pub(super) fn new(system: &S, shared: &Shared<S::Action>) -> Self {
        let mut jobs = Vec::new();
        for state in system.initial() {
            shared.generated.fetch_add(1, Ordering::Relaxed);
            match shared.table.enter(system.fingerprint(&state)) {
                Entry::New(place) => {
                    shared.look_at(system, place, &state, Vec::new);
                    let actions = actions_in(system, &state);
                    jobs.push(Job { run: Vec::new(), state, place, actions });
                }
                Entry::Known(_) => {}
                Entry::Full => shared.is_full.store(true, Ordering::Relaxed),
            }
        }
        Pool {
            inner: Mutex::new(Inner { jobs, busy: 0 }),
            changed: Condvar::new(),
            hungry: AtomicUsize::new(0),
            is_done: AtomicBool::new(false),
        }
    }

    /// Whether everything was visited.
    pub(super) fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0
    }

    /// Some work, as soon as there is any. `None` once nobody has any, or it is to end.
    fn take(&self, is_over: &dyn Fn() -> bool) -> Option<Job<S>> {
        let mut inner = self.lock();
        self.hungry.fetch_add(1, Ordering::Relaxed);
        let job = loop {
            if is_over() || self.is_done() {
                break None;
            }
            if let Some(job) = inner.jobs.pop() {
                inner.busy += 1;
                break Some(job);
            }
            if inner.busy == 0 {
                self.is_done.store(true, Ordering::Relaxed);
                self.changed.notify_all();
                break None;
            }
            let waited = self.changed.wait_timeout(inner, PATIENCE);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        self.hungry.fetch_sub(1, Ordering::Relaxed);
        job
    }

    fn give(&self, job: Job<S>) {
        self.lock().jobs.push(job);
        self.changed.notify_one();
    }

    /// Says that the work that was taken has been done.
    fn finish(&self) {
        self.lock().busy -= 1;
        self.changed.notify_all();
    }
}

fn actions_in<S: System>(system: &S, state: &S::State) -> Vec<S::Action> {
    let mut actions = Vec::new();
    system.actions(state, &mut actions);
    actions.reverse();
    actions
}

/// A state of the run that a thread follows.
struct Frame<S: System> {
    /// The action that led here from the frame before.
    by: Option<S::Action>,
    /// Gone once somebody else tries what was left to try here.
    state: Option<S::State>,
    place: u32,
    actions: Vec<S::Action>,
    /// Where settling steps led that were taken here.
    settling: Vec<u32>,
}

/// One thread.
pub(super) struct Worker<'a, S: System> {
    system: &'a S,
    shared: &'a Shared<S::Action>,
    pool: &'a Pool<S>,
    switch: &'a Switch,
    log: EdgeLog,
    has_goals: bool,
    generated: u64,
}

impl<'a, S: System> Worker<'a, S> {
    pub(super) fn new(
        system: &'a S,
        shared: &'a Shared<S::Action>,
        pool: &'a Pool<S>,
        switch: &'a Switch,
        log: EdgeLog,
    ) -> Self {
        let has_goals = system.goals() > 0;
        Worker { system, shared, pool, switch, log, has_goals, generated: 0 }
    }

    fn is_over(&self) -> bool {
        self.switch.is_stopped() || self.shared.is_full.load(Ordering::Relaxed)
    }

    /// Works until nothing is left to do, and gives the edges that were found.
    pub(super) fn work(mut self) -> io::Result<EdgeLog> {
        while let Some(job) = self.pool.take(&|| self.is_over()) {
            // Whoever waits for this thread must not wait for ever if it panics or fails.
            let guard = Guard { pool: self.pool, switch: self.switch, is_well: false };
            self.follow(job)?;
            guard.end_well();
        }
        self.tell(0);
        Ok(self.log)
    }

    fn follow(&mut self, job: Job<S>) -> io::Result<()> {
        let Job { run, state, place, actions } = job;
        let frame = Frame { by: None, state: Some(state), place, actions, settling: Vec::new() };
        let mut frames = Vec::from([frame]);
        while let Some(frame) = frames.last_mut() {
            let (Some(action), Some(state)) = (frame.actions.pop(), &frame.state) else {
                let mut frame = frames.pop().expect("it was the last one");
                self.log.push(frame.place, &mut frame.settling)?;
                continue;
            };
            let is_settling = self.has_goals && self.system.is_settling(&action);
            let Some(after) = self.system.apply(state, action.clone()) else { continue };
            self.generated += 1;
            if self.generated.is_multiple_of(TELL_EVERY) {
                self.tell(run.len() + frames.len());
            }
            let frame = frames.last_mut().expect("it is still the last one");
            let (place, is_new) = match self.shared.table.enter(self.system.fingerprint(&after)) {
                Entry::New(place) => (place, true),
                Entry::Known(place) => (place, false),
                Entry::Full => {
                    self.shared.is_full.store(true, Ordering::Relaxed);
                    return Ok(());
                }
            };
            if is_settling {
                frame.settling.push(place);
            }
            if is_new {
                let steps = || {
                    let own = frames.iter().filter_map(|frame| frame.by.clone());
                    run.iter().cloned().chain(own).chain([action.clone()]).collect()
                };
                self.shared.look_at(self.system, place, &after, steps);
                let actions = actions_in(self.system, &after);
                let by = Some(action);
                let settling = Vec::new();
                frames.push(Frame { by, state: Some(after), place, actions, settling });
                self.shared.depth.fetch_max(run.len() + frames.len() - 1, Ordering::Relaxed);
            }
            if self.pool.is_hungry()
                && let Some(job) = given_away(&run, &mut frames)
            {
                self.pool.give(job);
            }
            if self.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Says how far the search is. This thread follows a run of so many steps.
    fn tell(&mut self, waiting: usize) {
        let generated = &self.shared.generated;
        let generated = generated.fetch_add(self.generated, Ordering::Relaxed) + self.generated;
        self.generated = 0;
        self.switch.tell(Progress {
            generated,
            distinct: self.shared.table.entered(),
            waiting,
            depth: self.shared.depth.load(Ordering::Relaxed),
        });
    }
}

/// The oldest state of a run in which something is left to try, which then is not this thread's to try any
/// more. The state that the thread is in stays its own.
fn given_away<S: System>(run: &[S::Action], frames: &mut [Frame<S>]) -> Option<Job<S>> {
    let (_, older) = frames.split_last_mut()?;
    let oldest = older.iter().position(|frame| !frame.actions.is_empty())?;
    let own = older[1..=oldest].iter().filter_map(|frame| frame.by.clone());
    let run = run.iter().cloned().chain(own).collect();
    let frame = &mut older[oldest];
    let actions = std::mem::take(&mut frame.actions);
    Some(Job { run, state: frame.state.take()?, place: frame.place, actions })
}

/// Ends the search if a thread does not come to the end of its work.
struct Guard<'a, S: System> {
    pool: &'a Pool<S>,
    switch: &'a Switch,
    is_well: bool,
}

impl<S: System> Guard<'_, S> {
    fn end_well(mut self) {
        self.is_well = true;
    }
}

impl<S: System> Drop for Guard<'_, S> {
    fn drop(&mut self) {
        if !self.is_well {
            self.switch.stop();
        }
        self.pool.finish();
    }
}
