//! Who does what next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Switch;
use super::expand::Expansion;
use super::merge::Merger;
use crate::system::System;

/// How far behind the front of the queue a thread looks for a piece of its own making. What is
/// expanded out of order must be kept until everything before it is.
const WINDOW: usize = 64;

/// States that are expanded together.
#[derive(Debug)]
pub(super) struct Piece<T> {
    /// Its position in the queue, counted from the beginning.
    pub(super) position: usize,
    /// The thread that made its states. Parts of states are shared with the states before them,
    /// and two threads that share parts spend their time on each other's reference counts: so each goes
    /// on with what it has made, where it can.
    pub(super) worker: usize,
    pub(super) states: Vec<T>,
}

/// What a thread is to do.
pub(super) enum Claim<T> {
    /// Expand this.
    Piece(Piece<T>),
    /// Nothing is left.
    Done,
}

/// Pieces that wait to be expanded, and expansions that wait to be merged.
pub(super) struct Queue<'a, S: System> {
    inner: Mutex<Inner<'a, S>>,
    changed: Condvar,
    /// Conditions that some merged state shows.
    shown: AtomicU64,
}

struct Inner<'a, S: System> {
    waiting: VecDeque<Piece<S::State>>,
    expanded: BTreeMap<usize, Expansion<S::State>>,
    /// The position of the next piece to be added.
    next: usize,
    /// The position of the next piece to be merged.
    merged: usize,
    /// Whoever merges has taken it out.
    merger: Option<Merger<'a, S>>,
    /// How many pieces are being expanded.
    claimed: usize,
    closed: bool,
}

impl<'a, S: System> Queue<'a, S> {
    /// A queue that starts with what the merger knows of.
    pub(super) fn new(mut merger: Merger<'a, S>) -> Self {
        let mut inner = Inner {
            waiting: VecDeque::new(),
            expanded: BTreeMap::new(),
            next: 0,
            merged: 0,
            merger: None,
            claimed: 0,
            closed: false,
        };
        inner.add(merger.take_new(0));
        inner.closed = merger.has_ended();
        let shown = AtomicU64::new(merger.shown());
        inner.merger = Some(merger);
        Queue { inner: Mutex::new(inner), changed: Condvar::new(), shown }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<'a, S>> {
        // A thread that panics closes the queue; its panic ends the traversal.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Conditions that some merged state shows, by their bits.
    pub(super) fn shown(&self) -> u64 {
        self.shown.load(Ordering::Relaxed)
    }

    /// What this thread is to do next. Waits as long as others may still bring something.
    pub(super) fn claim(&self, worker: usize, switch: &Switch) -> Claim<S::State> {
        let mut inner = self.lock();
        loop {
            if inner.closed || switch.is_stopped() {
                return Claim::Done;
            }
            if let Some(mut piece) = inner.take(worker) {
                inner.claimed += 1;
                piece.worker = worker;
                return Claim::Piece(piece);
            }
            if inner.claimed == 0 && inner.expanded.is_empty() && inner.merger.is_some() {
                return Claim::Done;
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes an expansion, and merges as many as are next in order unless somebody else is at it.
    pub(super) fn hand_in(&self, expansion: Expansion<S::State>, switch: &Switch) {
        let mut inner = self.lock();
        inner.claimed -= 1;
        inner.expanded.insert(expansion.piece, expansion);
        loop {
            let position = inner.merged;
            if inner.closed || inner.merger.is_none() || !inner.expanded.contains_key(&position) {
                break;
            }
            let (Some(mut merger), Some(expansion)) =
                (inner.merger.take(), inner.expanded.remove(&position))
            else {
                break;
            };
            drop(inner);
            let worker = expansion.worker;
            merger.merge(expansion);
            let new = merger.take_new(worker);
            self.shown.store(merger.shown(), Ordering::Relaxed);
            switch.tell(merger.progress());
            inner = self.lock();
            inner.merged += 1;
            inner.closed |= merger.has_ended();
            inner.merger = Some(merger);
            inner.add(new);
            self.changed.notify_all();
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Closes the queue if the thread that holds this panics.
    pub(super) fn fail_on_panic(&self) -> impl Drop {
        CloseOnPanic(self)
    }

    /// What was merged, once every thread has ended.
    pub(super) fn into_merger(self) -> Merger<'a, S> {
        let inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        inner.merger.expect("whoever merges brings it back")
    }
}

impl<S: System> Inner<'_, S> {
    fn add(&mut self, new: Vec<Piece<S::State>>) {
        for mut piece in new {
            piece.position = self.next;
            self.next += 1;
            self.waiting.push_back(piece);
        }
    }

    /// The first piece near the front that this thread has made, or else the first.
    fn take(&mut self, worker: usize) -> Option<Piece<S::State>> {
        let limit = self.merged + WINDOW;
        let mut near = self.waiting.iter().take_while(|piece| piece.position < limit);
        let own = near.position(|piece| piece.worker == worker);
        self.waiting.remove(own.unwrap_or(0))
    }
}

struct CloseOnPanic<'q, 'a, S: System>(&'q Queue<'a, S>);

impl<S: System> Drop for CloseOnPanic<'_, '_, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().closed = true;
            self.0.changed.notify_all();
        }
    }
}
