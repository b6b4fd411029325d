//! Which states reach each other by settling steps, and which of these sets are never left.

use petgraph::algo::kosaraju_scc;

use crate::decision::{self, Size};
use crate::edges::BothWays;
use crate::explored::Explored;

/// What the components show.
#[derive(Debug)]
pub(crate) struct Components {
    pub(crate) size: Size,
    /// Per goal: a state of a bottom component that is not wholly at the goal, as near to the start
    /// as any.
    pub(crate) nearest_violations: Vec<Option<u32>>,
}

/// Finds the strongly connected components of the settling steps and judges the bottom ones.
pub(crate) fn find(graph: &Explored) -> Components {
    // Kosaraju's algorithm, since petgraph's version of Tarjan's calls itself once per state of
    // a run, which no stack survives.
    let components = kosaraju_scc(&BothWays::new(&graph.settling));
    let mut component_of = vec![0_u32; graph.distinct()];
    for (position, component) in components.iter().enumerate() {
        for state in component {
            component_of[*state as usize] = position as u32;
        }
    }
    let mut size = Size {
        states: graph.distinct(),
        settling_edges: graph.settling.edges(),
        ..Size::default()
    };
    let mut count = decision::Components { all: components.len(), ..Default::default() };
    let mut nearest_violations: Vec<Option<u32>> = vec![None; graph.goals()];
    for (position, component) in components.iter().enumerate() {
        // Of a state that was not left nobody knows where it leads.
        let is_bottom = component.iter().all(|state| {
            let inside = |end: &u32| component_of[*end as usize] == position as u32;
            graph.was_left(*state) && graph.settling.of(*state).iter().all(inside)
        });
        if !is_bottom {
            continue;
        }
        count.bottom += 1;
        count.bottom_of_several += usize::from(component.len() > 1);
        for (goal, violation) in nearest_violations.iter_mut().enumerate() {
            if component.iter().any(|state| !graph.meets(goal, *state)) {
                let nearest = component.iter().copied();
                *violation = violation.iter().copied().chain(nearest).min();
            }
        }
    }
    size.components = Some(count);
    Components { size, nearest_violations }
}
