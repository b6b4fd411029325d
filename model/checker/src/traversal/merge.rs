//! Numbering states, in the order in which one thread alone would find them.

use std::time::Duration;

use super::expand::{Expansion, Fresh, Successor, look_at};
use super::queue::Piece;
use super::visited::Visited;
use super::{Bounds, Progress};
use crate::edges::Rows;
use crate::explored::{Cut, Explored, NONE};
use crate::system::System;

/// How many states make a piece.
const PIECE: usize = 256;

/// Everything that is known so far.
pub(super) struct Merger<'a, S: System> {
    visited: &'a Visited,
    bounds: Bounds,
    before: Vec<u32>,
    met: Vec<Vec<u64>>,
    settling: Rows,
    has_goals: bool,
    first: Vec<Option<u32>>,
    shown: u64,
    left: u32,
    generated: u64,
    /// How many steps the states have in their shortest runs that are being left, and the first state
    /// that has more.
    level: usize,
    level_end: u32,
    cut: Option<Cut>,
    is_satisfied: bool,
    /// States that were found and are not in the queue yet.
    new: Vec<S::State>,
    row: Vec<u32>,
}

impl<'a, S: System> Merger<'a, S> {
    /// Knows the initial states.
    pub(super) fn new(system: &S, bounds: &Bounds, visited: &'a Visited) -> Self {
        let mut merger = Merger {
            visited,
            bounds: *bounds,
            before: Vec::new(),
            met: vec![Vec::new(); system.goals()],
            settling: Rows::new(),
            has_goals: system.goals() > 0,
            first: vec![None; system.conditions()],
            shown: 0,
            left: 0,
            generated: 0,
            level: 0,
            level_end: 0,
            cut: None,
            is_satisfied: false,
            new: Vec::new(),
            row: Vec::new(),
        };
        for state in system.initial() {
            merger.generated += 1;
            let name = system.fingerprint(&state);
            if visited.get(name).is_none() {
                merger.admit(look_at(system, name, state, 0), NONE);
            }
        }
        merger.level_end = merger.before.len() as u32;
        merger.is_satisfied = merger.bounds.until.is_satisfied(merger.shown);
        merger
    }

    /// Conditions that were shown, by their bits.
    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    /// Whether nothing more is to be merged.
    pub(super) fn has_ended(&self) -> bool {
        self.cut.is_some() || self.is_satisfied
    }

    /// States generated, distinct ones, those not left, and the depth.
    pub(super) fn progress(&self) -> Progress {
        let distinct = self.before.len();
        let waiting = distinct - self.left as usize;
        Progress { generated: self.generated, distinct, waiting, depth: self.depth() }
    }

    /// What was found since this was last asked for, in pieces. They are made by this thread.
    pub(super) fn take_new(&mut self, worker: usize) -> Vec<Piece<S::State>> {
        let mut pieces = Vec::new();
        let mut new = std::mem::take(&mut self.new).into_iter().peekable();
        while new.peek().is_some() {
            let states = new.by_ref().take(PIECE).collect();
            pieces.push(Piece { position: 0, worker, states });
        }
        pieces
    }

    /// Adds what came out of the next piece in order.
    pub(super) fn merge(&mut self, expansion: Expansion<S::State>) {
        let mut ids: Vec<Option<u32>> = vec![None; expansion.fresh.len()];
        let mut fresh: Vec<Option<Fresh<S::State>>> =
            expansion.fresh.into_iter().map(Some).collect();
        let mut successors = expansion.successors.into_iter();
        for (steps, told) in expansion.states {
            if self.has_ended() || !self.may_leave() {
                return;
            }
            self.row.clear();
            for (successor, settling) in successors.by_ref().take(told as usize) {
                let id = match successor {
                    Successor::Known(id) => Some(id),
                    Successor::Fresh(position) => {
                        let position = position as usize;
                        if ids[position].is_none()
                            && let Some(state) = fresh[position].take()
                        {
                            ids[position] = self.admit(state, self.left);
                        }
                        ids[position]
                    }
                };
                let Some(id) = id else { return };
                if settling {
                    self.row.push(id);
                }
            }
            self.generated += u64::from(steps);
            if self.has_goals {
                assert!(self.settling.push(&mut self.row), "more than 2^32 settling edges");
            }
            self.left += 1;
            self.is_satisfied = self.bounds.until.is_satisfied(self.shown);
        }
    }

    /// Notes that another state is about to be left. Says whether it may be: its run may be as long
    /// already as any may become.
    fn may_leave(&mut self) -> bool {
        if self.left == self.level_end {
            self.level += 1;
            self.level_end = self.before.len() as u32;
        }
        let depth_max = self.bounds.depth_max.filter(|depth_max| self.level >= *depth_max);
        self.cut = self.cut.or(depth_max.map(Cut::Depth));
        depth_max.is_none()
    }

    fn depth(&self) -> usize {
        self.level + usize::from(self.before.len() as u32 > self.level_end)
    }

    /// The id of a state, which may have become known meanwhile. `None` if there may be no more.
    fn admit(&mut self, fresh: Fresh<S::State>, before: u32) -> Option<u32> {
        if let Some(id) = self.visited.get(fresh.name) {
            return Some(id);
        }
        if let Some(states_max) = self.bounds.states_max
            && self.before.len() >= states_max
        {
            self.cut = self.cut.or(Some(Cut::States(states_max)));
            return None;
        }
        let id = self.before.len() as u32;
        assert!(id != NONE, "more than 2^32 states");
        self.visited.insert(fresh.name, id);
        self.before.push(before);
        for (goal, met) in self.met.iter_mut().enumerate() {
            if id.is_multiple_of(64) {
                met.push(0);
            }
            met[id as usize / 64] |= (fresh.met >> goal & 1) << (id % 64);
        }
        for (condition, first) in self.first.iter_mut().enumerate() {
            if first.is_none() && fresh.shown >> condition & 1 == 1 {
                *first = Some(id);
            }
        }
        self.shown |= fresh.shown;
        self.new.push(fresh.state);
        Some(id)
    }

    /// What is known in the end.
    pub(super) fn finish(mut self, is_stopped: bool, elapsed: Duration) -> Explored {
        self.settling.fill(self.before.len());
        let is_left = self.left as usize == self.before.len();
        let stopped = (is_stopped && !is_left && !self.is_satisfied).then_some(Cut::Stopped);
        Explored {
            visited: Visited::default(),
            cut: self.cut.or(stopped),
            depth: self.depth(),
            before: self.before,
            met: self.met,
            settling: self.settling,
            first: self.first,
            left: self.left,
            generated: self.generated,
            satisfied: self.is_satisfied,
            elapsed,
        }
    }
}
