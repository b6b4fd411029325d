//! The settling steps as a graph, in the little memory that millions of states leave: four bytes
//! an edge and four a state, each way.

use std::iter::Copied;
use std::ops::Range;
use std::slice::Iter;

use petgraph::graph::DiGraph;
use petgraph::visit::{
    GraphBase, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, NodeCount, Visitable,
};
use petgraph::{Direction, Incoming, Outgoing};

/// Edges grouped by the state they start at (compressed sparse rows).
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// Where each state's row ends in `ends_at`; the first entry is where the first one starts.
    bounds: Vec<u32>,
    ends_at: Vec<u32>,
}

impl Rows {
    pub(crate) fn new() -> Self {
        Rows { bounds: Vec::from([0]), ends_at: Vec::new() }
    }

    /// Adds the row of the next state, each edge once. Says whether there was room for it.
    pub(crate) fn push(&mut self, row: &mut Vec<u32>) -> bool {
        row.sort_unstable();
        row.dedup();
        let Ok(end) = u32::try_from(self.ends_at.len() + row.len()) else { return false };
        self.ends_at.extend_from_slice(row);
        self.bounds.push(end);
        true
    }

    /// Gives empty rows to all further states, up to this many in all.
    pub(crate) fn fill(&mut self, states: usize) {
        let end = self.ends_at.len() as u32;
        self.bounds.resize(states + 1, end);
    }

    pub(crate) fn states(&self) -> usize {
        self.bounds.len() - 1
    }

    pub(crate) fn edges(&self) -> usize {
        self.ends_at.len()
    }

    /// Where the edges of this state lead.
    pub(crate) fn of(&self, state: u32) -> &[u32] {
        let state = state as usize;
        &self.ends_at[self.bounds[state] as usize..self.bounds[state + 1] as usize]
    }

    /// The same edges, each the other way round.
    fn reversed(&self) -> Self {
        // Count each row's length, add up to where rows start, then fill them; every start has
        // moved to its row's end by then, which is where the next one starts.
        let mut bounds = vec![0_u32; self.states() + 1];
        for end in &self.ends_at {
            bounds[*end as usize + 1] += 1;
        }
        for state in 0..self.states() {
            bounds[state + 1] += bounds[state];
        }
        let mut ends_at = vec![0; self.edges()];
        for state in 0..self.states() as u32 {
            for end in self.of(state) {
                let at = &mut bounds[*end as usize];
                ends_at[*at as usize] = state;
                *at += 1;
            }
        }
        bounds.rotate_right(1);
        bounds[0] = 0;
        Rows { bounds, ends_at }
    }
}

/// A graph in the form that petgraph's algorithms want.
#[derive(Debug)]
pub(crate) struct BothWays<'a> {
    forth: &'a Rows,
    back: Rows,
}

impl<'a> BothWays<'a> {
    pub(crate) fn new(forth: &'a Rows) -> Self {
        BothWays { forth, back: forth.reversed() }
    }
}

impl GraphBase for BothWays<'_> {
    type NodeId = u32;
    type EdgeId = u32;
}

impl NodeCount for BothWays<'_> {
    fn node_count(&self) -> usize {
        self.forth.states()
    }
}

impl Visitable for BothWays<'_> {
    /// One bit a state.
    type Map = <DiGraph<(), ()> as Visitable>::Map;

    fn visit_map(&self) -> Self::Map {
        Self::Map::with_capacity(self.node_count())
    }

    fn reset_map(&self, map: &mut Self::Map) {
        map.clear();
        map.grow(self.node_count());
    }
}

impl<'a> IntoNodeIdentifiers for &'a BothWays<'a> {
    type NodeIdentifiers = Range<u32>;

    fn node_identifiers(self) -> Range<u32> {
        0..self.node_count() as u32
    }
}

impl<'a> IntoNeighbors for &'a BothWays<'a> {
    type Neighbors = Copied<Iter<'a, u32>>;

    fn neighbors(self, state: u32) -> Self::Neighbors {
        self.neighbors_directed(state, Outgoing)
    }
}

impl<'a> IntoNeighborsDirected for &'a BothWays<'a> {
    type NeighborsDirected = Copied<Iter<'a, u32>>;

    fn neighbors_directed(self, state: u32, direction: Direction) -> Self::Neighbors {
        let rows = match direction {
            Outgoing => self.forth,
            Incoming => &self.back,
        };
        rows.of(state).iter().copied()
    }
}
