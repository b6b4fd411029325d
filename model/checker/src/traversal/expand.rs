//! Taking every step that is possible in the states of a piece.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::queue::Piece;
use super::visited::Visited;
use crate::system::System;

/// Where a step leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Successor {
    /// To the state of this id.
    Known(u32),
    /// To the state at this position among those of the expansion that may be new.
    Fresh(u32),
}

/// A state that was not known when it was looked up.
#[derive(Debug)]
pub(super) struct Fresh<T> {
    pub(super) name: u64,
    pub(super) state: T,
    /// Which conditions it shows, of those that no earlier state has shown.
    pub(super) shown: u64,
    /// Which goals it meets.
    pub(super) met: u64,
}

/// What came out of expanding a piece.
#[derive(Debug)]
pub(super) struct Expansion<T> {
    /// The position of the piece in the queue.
    pub(super) piece: usize,
    /// By which thread.
    pub(super) worker: usize,
    /// For each state of the piece: how many steps were taken, and how many successors are told.
    pub(super) states: Vec<(u32, u32)>,
    /// What was reached, state by state: if the system has goals, where each settling step leads; and
    /// in any case what may be new. The flag tells settling steps.
    pub(super) successors: Vec<(Successor, bool)>,
    pub(super) fresh: Vec<Fresh<T>>,
}

/// One thread's means to expand.
pub(super) struct Expander<'a, S: System> {
    system: &'a S,
    visited: &'a Visited,
    actions: Vec<S::Action>,
    /// Positions among the fresh states of this expansion, by name.
    positions: HashMap<u64, u32, FixedState>,
}

impl<'a, S: System> Expander<'a, S> {
    pub(super) fn new(system: &'a S, visited: &'a Visited) -> Self {
        Expander { system, visited, actions: Vec::new(), positions: HashMap::default() }
    }

    /// Expands the states of a piece. Conditions of which an earlier state is known that shows them
    /// are not looked at again.
    pub(super) fn expand(&mut self, piece: Piece<S::State>, shown: u64) -> Expansion<S::State> {
        self.positions.clear();
        let has_goals = self.system.goals() > 0;
        let mut expansion = Expansion {
            piece: piece.position,
            worker: piece.worker,
            states: Vec::with_capacity(piece.states.len()),
            successors: Vec::new(),
            fresh: Vec::new(),
        };
        for state in piece.states {
            self.system.actions(&state, &mut self.actions);
            let (mut steps, told) = (0, expansion.successors.len());
            for action in self.actions.drain(..) {
                let settling = has_goals && self.system.is_settling(&action);
                let Some(after) = self.system.apply(&state, action) else { continue };
                steps += 1;
                let name = self.system.fingerprint(&after);
                let successor = match self.positions.get(&name) {
                    Some(position) => Successor::Fresh(*position),
                    None => match self.visited.get(name) {
                        Some(id) => Successor::Known(id),
                        None => {
                            let position = expansion.fresh.len() as u32;
                            self.positions.insert(name, position);
                            let fresh = look_at(self.system, name, after, shown);
                            expansion.fresh.push(fresh);
                            expansion.successors.push((Successor::Fresh(position), settling));
                            continue;
                        }
                    },
                };
                if settling {
                    expansion.successors.push((successor, settling));
                }
            }
            expansion.states.push((steps, (expansion.successors.len() - told) as u32));
        }
        expansion
    }
}

/// Looks at what a new state shows and meets.
pub(super) fn look_at<S: System>(
    system: &S,
    name: u64,
    state: S::State,
    shown: u64,
) -> Fresh<S::State> {
    let (shown, met) = shown_and_met(system, &state, shown);
    Fresh { name, state, shown, met }
}

/// Which conditions a state shows, of those that no earlier one has shown, and which goals it meets, by their bits.
pub(crate) fn shown_and_met<S: System>(system: &S, state: &S::State, shown: u64) -> (u64, u64) {
    let bits = |count: usize, is_set: &dyn Fn(usize) -> bool| {
        (0..count).filter(|number| is_set(*number)).fold(0, |bits, number| bits | 1 << number)
    };
    let shows = |condition: usize| shown >> condition & 1 == 0 && system.shows(condition, state);
    let shown = bits(system.conditions(), &shows);
    let met = bits(system.goals(), &|goal| system.meets(goal, state));
    (shown, met)
}
