//! Where runs end is decided as it is defined, where Stateright's `eventually` is not.

use std::collections::{BTreeSet, VecDeque};

use quickcheck::{Arbitrary, Gen, QuickCheck};
use quorate_checker::compact::{Ended, Extent, survey};
use quorate_checker::{
    Bounds, Components, Cut, Decision, Outcome, Switch, System, Violation, explore,
};
use stateright::{Checker, Model, Property};

/// A system drawn by hand: states are numbers, an action is the number of the state it leads to.
#[derive(Clone, Debug)]
struct Drawn {
    initial: Vec<u32>,
    settling: Vec<(u32, u32)>,
    /// Faults and operations of clients.
    unsettling: Vec<(u32, u32)>,
    converged: Vec<u32>,
}

impl Drawn {
    /// A system that starts in state 0 and has no faults and no clients.
    fn new(settling: &[(u32, u32)], converged: &[u32]) -> Self {
        Drawn {
            initial: vec![0],
            settling: settling.to_vec(),
            unsettling: Vec::new(),
            converged: converged.to_vec(),
        }
    }

    fn with_faults(self, faults: &[(u32, u32)]) -> Self {
        Drawn { unsettling: faults.to_vec(), ..self }
    }

    fn decide(&self) -> Decision<u32> {
        decide(self, usize::MAX)
    }

    fn all_edges(&self) -> Vec<(u32, u32)> {
        self.settling.iter().chain(&self.unsettling).copied().collect()
    }
}

/// An edge, and whether it settles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Edge {
    after: u32,
    settling: bool,
}

impl System for Drawn {
    type State = u32;
    type Action = Edge;

    fn initial(&self) -> Vec<u32> {
        self.initial.clone()
    }

    fn actions(&self, state: &u32, actions: &mut Vec<Edge>) {
        for (edges, settling) in [(&self.unsettling, false), (&self.settling, true)] {
            let leaving = edges.iter().filter(|(before, _)| before == state);
            actions.extend(leaving.map(|(_, after)| Edge { after: *after, settling }));
        }
    }

    fn apply(&self, _: &u32, edge: Edge) -> Option<u32> {
        Some(edge.after)
    }

    fn fingerprint(&self, state: &u32) -> u64 {
        u64::from(*state)
    }

    fn is_settling(&self, edge: &Edge) -> bool {
        edge.settling
    }

    fn goals(&self) -> usize {
        1
    }

    fn meets(&self, _: usize, state: &u32) -> bool {
        self.converged.contains(state)
    }
}

/// Decides over at most so many states, on two threads.
fn decide(drawn: &Drawn, states_max: usize) -> Decision<u32> {
    let bounds = Bounds { threads: 2, states_max: Some(states_max), ..Bounds::default() };
    let explored = explore(drawn, &bounds, &Switch::default());
    named(explored.decide(drawn).swap_remove(0))
}

/// Runs by the states they lead to.
fn named(decision: Decision<Edge>) -> Decision<u32> {
    let states = |run: Vec<Edge>| run.into_iter().map(|edge| edge.after).collect();
    Decision {
        size: decision.size,
        cut: decision.cut,
        witness: decision.witness.map(states),
        outcome: match decision.outcome {
            Outcome::Holds => Outcome::Holds,
            Outcome::Undecided => Outcome::Undecided,
            Outcome::Violated(Violation { stem, cycle }) => {
                Outcome::Violated(Violation { stem: states(stem), cycle: states(cycle) })
            }
        },
    }
}

fn holds(drawn: &Drawn) -> bool {
    drawn.decide().outcome == Outcome::Holds
}

fn violation(drawn: &Drawn) -> Violation<u32> {
    match drawn.decide().outcome {
        Outcome::Violated(violation) => violation,
        outcome => panic!("not violated but {outcome:?}"),
    }
}

#[test]
fn a_cycle_that_never_converges_is_a_lasso() {
    let found = violation(&Drawn::new(&[(0, 1), (1, 2), (2, 3), (3, 1)], &[0]));
    assert_eq!(found, Violation { stem: vec![1], cycle: vec![2, 3, 1] });
}

#[test]
fn a_cycle_passes_a_state_that_has_not_converged_wherever_it_is() {
    // The nearest state of the component has converged, as have most on the way.
    let drawn = Drawn::new(&[(0, 1), (1, 0), (1, 2), (2, 3), (3, 0)], &[0, 1, 3]);
    assert_eq!(violation(&drawn), Violation { stem: vec![], cycle: vec![1, 2, 3, 0] });
}

#[test]
fn a_fair_run_leaves_a_cycle_that_has_a_way_out() {
    assert!(holds(&Drawn::new(&[(0, 1), (1, 0), (1, 2)], &[2])));
}

#[test]
fn a_step_that_changes_nothing_is_a_cycle_of_one_step() {
    let found = violation(&Drawn::new(&[(0, 1), (1, 1)], &[]));
    assert_eq!(found, Violation { stem: vec![1], cycle: vec![1] });
    assert!(!found.is_stuck());
    assert!(holds(&Drawn::new(&[(0, 1), (1, 1)], &[1])));
}

#[test]
fn a_state_without_steps_that_has_not_converged_is_stuck() {
    let found = violation(&Drawn::new(&[(0, 1), (0, 2), (2, 3)], &[0, 1, 2]));
    assert_eq!(found.stem, [2, 3]);
    assert!(found.is_stuck());
}

#[test]
fn runs_that_join_are_told_apart_by_where_they_end_and_not_by_how_they_came() {
    let diamond = [(0, 1), (0, 2), (1, 3), (2, 3)];
    assert!(holds(&Drawn::new(&diamond, &[3])));
    assert_eq!(violation(&Drawn::new(&diamond, &[1, 2])).stem, [1, 3]);
}

#[test]
fn agreement_that_settling_steps_end_again_is_no_convergence() {
    assert!(violation(&Drawn::new(&[(0, 1), (1, 2)], &[1])).is_stuck());
    assert_eq!(violation(&Drawn::new(&[(0, 1), (1, 0)], &[1])).cycle, [1, 0]);
}

#[test]
fn a_fault_out_of_a_component_leaves_it_a_bottom_component() {
    // Without the fault, 0 and 1 would be left for 2, which has converged.
    let drawn = Drawn::new(&[(0, 1), (1, 0)], &[2]).with_faults(&[(1, 2)]);
    assert_eq!(violation(&drawn), Violation { stem: vec![], cycle: vec![1, 0] });
}

#[test]
fn states_that_only_faults_reach_are_judged_too() {
    let drawn = Drawn::new(&[(0, 1), (2, 3)], &[0, 1]).with_faults(&[(1, 2)]);
    assert_eq!(violation(&drawn).stem, [1, 2, 3]);
    let drawn = Drawn::new(&[(0, 1), (2, 3), (3, 1)], &[0, 1]).with_faults(&[(1, 2)]);
    assert!(holds(&drawn));
}

#[test]
fn a_fault_is_no_step_of_a_cycle() {
    // Back from 1 to 0 by a fault only: 1 is stuck.
    let found = violation(&Drawn::new(&[(0, 1)], &[]).with_faults(&[(1, 0)]));
    assert_eq!(found, Violation { stem: vec![1], cycle: vec![] });
}

#[test]
fn the_stem_is_as_short_as_any() {
    let drawn = Drawn::new(&[(0, 1), (1, 2), (2, 3), (0, 4), (4, 5)], &[]);
    assert_eq!(violation(&drawn).stem, [4, 5]);
}

#[test]
fn every_initial_state_counts() {
    let drawn = Drawn { initial: vec![0, 2], ..Drawn::new(&[(0, 1), (2, 3)], &[1]) };
    assert_eq!(violation(&drawn).stem, [3]);
}

#[test]
fn a_cut_search_says_so_and_never_that_it_holds() {
    let drawn = Drawn::new(&[(0, 1), (1, 2), (2, 3)], &[3]);
    for states_max in 0..4 {
        let decision = decide(&drawn, states_max);
        assert!(decision.cut, "{states_max}");
        assert_eq!(decision.outcome, Outcome::Undecided, "{states_max}");
    }
    let decision = decide(&drawn, 4);
    assert!(!decision.cut);
    assert_eq!(decision.outcome, Outcome::Holds);
}

#[test]
fn what_a_cut_search_has_seen_whole_is_violated_all_the_same() {
    let drawn = Drawn::new(&[(0, 1), (0, 2), (2, 3), (3, 4)], &[4]);
    let decision = decide(&drawn, 4);
    assert!(decision.cut);
    assert!(matches!(decision.outcome, Outcome::Violated(found) if found.stem == [1]));
}

#[test]
fn a_search_that_is_told_to_stop_is_cut() {
    let drawn = Drawn::new(&[], &[0]);
    let switch = Switch::default();
    switch.stop();
    let explored = explore(&drawn, &Bounds::default(), &switch);
    assert_eq!(explored.cut(), Some(Cut::Stopped));
    assert!(!explored.is_exhausted());
    let decision = explored.decide(&drawn).swap_remove(0);
    assert!(decision.cut);
    assert_eq!(decision.outcome, Outcome::Undecided);
}

#[test]
fn the_witness_is_a_shortest_run_to_a_state_that_has_not_converged() {
    let drawn = Drawn::new(&[(0, 1), (1, 2), (2, 3)], &[0, 1, 3]);
    assert_eq!(drawn.decide().witness, Some(vec![1, 2]));
    // Nothing was ever in disagreement.
    assert_eq!(Drawn::new(&[(0, 1)], &[0, 1]).decide().witness, None);
}

#[test]
fn the_size_counts_states_edges_and_components() {
    let drawn = Drawn::new(&[(0, 1), (1, 0), (1, 2), (1, 2), (2, 3), (3, 2)], &[2, 3, 4])
        .with_faults(&[(0, 4)]);
    let size = drawn.decide().size;
    assert_eq!((size.states, size.met, size.settling_edges), (5, 3, 5));
    assert_eq!(size.components, Some(Components { all: 3, bottom: 2, bottom_of_several: 1 }));
}

#[test]
fn a_run_of_a_million_steps_overflows_no_stack() {
    /// A chain, or a cycle if its last state leads back.
    struct Chain {
        closed: bool,
    }
    const LENGTH: u32 = 1_000_000;
    impl System for Chain {
        type State = u32;
        type Action = ();
        fn initial(&self) -> Vec<u32> {
            vec![0]
        }
        fn actions(&self, state: &u32, actions: &mut Vec<()>) {
            if state + 1 < LENGTH || self.closed {
                actions.push(());
            }
        }
        fn apply(&self, state: &u32, (): ()) -> Option<u32> {
            Some((state + 1) % LENGTH)
        }
        fn fingerprint(&self, state: &u32) -> u64 {
            u64::from(*state)
        }
        fn goals(&self) -> usize {
            1
        }
        fn meets(&self, _: usize, state: &u32) -> bool {
            *state == LENGTH - 1
        }
    }
    let decide = |chain: &Chain| {
        let explored = explore(chain, &Bounds::default(), &Switch::default());
        assert_eq!(explored.depth(), LENGTH as usize - 1);
        explored.decide(chain).swap_remove(0)
    };
    let chain = decide(&Chain { closed: false });
    assert_eq!(chain.outcome, Outcome::Holds);
    assert_eq!(chain.size.components.map(|count| count.all), Some(LENGTH as usize));
    let cycle = decide(&Chain { closed: true });
    assert_eq!(cycle.size.components.map(|count| count.all), Some(1));
    assert!(matches!(cycle.outcome, Outcome::Violated(found) if found.cycle.len() == 1_000_000));
}

// What Stateright 0.31.0 says of the same systems.

/// A drawn system that Stateright checks, as far as this state.
struct Checked {
    drawn: Drawn,
    last: u32,
}

impl Model for Checked {
    type State = u32;
    type Action = u32;

    fn init_states(&self) -> Vec<u32> {
        self.drawn.initial.clone()
    }

    fn actions(&self, state: &u32, actions: &mut Vec<u32>) {
        let mut edges = Vec::new();
        self.drawn.actions(state, &mut edges);
        actions.extend(edges.iter().map(|edge| edge.after));
    }

    fn next_state(&self, _: &u32, action: u32) -> Option<u32> {
        Some(action)
    }

    fn within_boundary(&self, state: &u32) -> bool {
        *state <= self.last
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::eventually("converged", |checked: &Checked, state| {
                checked.drawn.converged.contains(state)
            }),
            // Otherwise the search may stop early.
            Property::sometimes("never", |_, _| false),
        ]
    }
}

/// Whether Stateright finds a run that does not converge.
fn stateright_objects(drawn: &Drawn, last: u32) -> bool {
    let checked = || Checked { drawn: drawn.clone(), last }.checker();
    let breadth_first = checked().spawn_bfs().join().discovery("converged").is_some();
    let depth_first = checked().spawn_dfs().join().discovery("converged").is_some();
    assert_eq!(breadth_first, depth_first);
    breadth_first
}

#[test]
fn stateright_misses_a_cycle_that_never_converges() {
    let drawn = Drawn::new(&[(0, 1), (1, 0)], &[]);
    assert!(!stateright_objects(&drawn, u32::MAX));
    assert_eq!(violation(&drawn).cycle, [1, 0]);
}

#[test]
fn stateright_misses_a_run_that_joins_one_which_has_been_in_agreement() {
    // It meets 3 on one way only, and believes that the other one went the same way.
    let drawn = Drawn::new(&[(0, 1), (0, 2), (1, 3), (2, 3)], &[1]);
    let mirrored = Drawn::new(&[(0, 1), (0, 2), (1, 3), (2, 3)], &[2]);
    let objections = [&drawn, &mirrored].map(|drawn| {
        let checked = Checked { drawn: drawn.clone(), last: u32::MAX };
        checked.checker().spawn_bfs().join().discovery("converged").is_some()
    });
    assert!(objections.contains(&false), "{objections:?}");
    assert!(violation(&drawn).is_stuck() && violation(&mirrored).is_stuck());
}

#[test]
fn stateright_takes_agreement_that_ends_again_for_convergence() {
    let drawn = Drawn::new(&[(0, 1), (1, 2)], &[1]);
    assert!(!stateright_objects(&drawn, u32::MAX));
    assert!(violation(&drawn).is_stuck());
}

#[test]
fn stateright_takes_the_edge_of_a_bounded_search_for_the_end_of_a_run() {
    let drawn = Drawn::new(&[(0, 1), (1, 2), (2, 3), (3, 4)], &[4]);
    assert!(stateright_objects(&drawn, 2));
    assert!(!stateright_objects(&drawn, u32::MAX));
    assert_eq!(decide(&drawn, 3).outcome, Outcome::Undecided);
    assert!(holds(&drawn));
}

#[test]
fn stateright_counts_what_faults_and_clients_may_yet_do() {
    // In 0 nothing settling is possible and nothing agrees, but a client might come along.
    let drawn = Drawn::new(&[], &[1]).with_faults(&[(0, 1)]);
    assert!(!stateright_objects(&drawn, u32::MAX));
    assert!(violation(&drawn).is_stuck());
}

// The definition, word for word, on small systems.

const SMALL: u32 = 8;

impl Arbitrary for Drawn {
    fn arbitrary(generator: &mut Gen) -> Self {
        let state = |generator: &mut Gen| u32::arbitrary(generator) % SMALL;
        let mut edges = |at_most: u32| {
            let count = u32::arbitrary(generator) % (at_most + 1);
            (0..count).map(|_| (state(generator), state(generator))).collect::<Vec<_>>()
        };
        let (settling, unsettling) = (edges(14), edges(4));
        // Most states, or hardly anything would ever hold.
        let converged = (0..SMALL).filter(|_| u32::arbitrary(generator) % 4 > 0).collect();
        let initial = (0..=u32::arbitrary(generator) % 2).map(|_| state(generator)).collect();
        Drawn { initial, settling, unsettling, converged }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        let parts = (self.settling.clone(), self.unsettling.clone());
        Box::new(parts.shrink().map(move |(settling, unsettling)| Drawn {
            settling,
            unsettling,
            ..whole.clone()
        }))
    }
}

/// Everything that can be reached along these edges, with how many steps it takes at least.
fn reach(edges: &[(u32, u32)], from: &[u32]) -> Vec<(u32, usize)> {
    let mut seen: BTreeSet<u32> = from.iter().copied().collect();
    let mut queue: VecDeque<(u32, usize)> = seen.iter().map(|state| (*state, 0)).collect();
    let mut reached = Vec::new();
    while let Some((state, distance)) = queue.pop_front() {
        reached.push((state, distance));
        for (_, end) in edges.iter().filter(|(start, _)| *start == state) {
            if seen.insert(*end) {
                queue.push_back((*end, distance + 1));
            }
        }
    }
    reached
}

impl Drawn {
    fn settles_to(&self, state: u32) -> Vec<u32> {
        reach(&self.settling, &[state]).into_iter().map(|(state, _)| state).collect()
    }

    /// Whether nothing settling leads from here to anything that has not converged.
    fn has_converged_for_ever(&self, state: u32) -> bool {
        self.settles_to(state).iter().all(|state| self.converged.contains(state))
    }

    /// From every reachable state, wherever settling steps have led since, a state can be reached
    /// by settling steps from which on all have converged.
    fn converges_by_definition(&self) -> bool {
        reach(&self.all_edges(), &self.initial).iter().all(|(state, _)| {
            self.settles_to(*state).iter().all(|after| {
                self.settles_to(*after).iter().any(|end| self.has_converged_for_ever(*end))
            })
        })
    }

    /// Whether settling steps from here always can come back here, and meet disagreement.
    fn is_where_a_fair_run_stays_without_converging(&self, state: u32) -> bool {
        let there = self.settles_to(state);
        there.iter().all(|other| self.settles_to(*other).contains(&state))
            && there.iter().any(|other| !self.converged.contains(other))
    }

    /// What is wrong with a violation, if anything is.
    fn objection(&self, found: &Violation<u32>) -> Option<&'static str> {
        let is_run = |edges: &[(u32, u32)], from: u32, run: &[u32]| {
            let starts = std::iter::once(&from).chain(run);
            starts.zip(run).all(|(start, end)| edges.contains(&(*start, *end)))
        };
        let starts = self.initial.iter();
        let mut starts = starts.filter(|from| is_run(&self.all_edges(), **from, &found.stem));
        let Some(start) = starts.next() else { return Some("the stem is no run") };
        let turn = found.stem.last().unwrap_or(start);
        let distances = reach(&self.all_edges(), &self.initial);
        let nearest = distances
            .iter()
            .filter(|(state, _)| self.is_where_a_fair_run_stays_without_converging(*state))
            .map(|(_, distance)| *distance)
            .min();
        if found.stem.is_empty() {
            // Any initial state may be meant.
            return (nearest != Some(0)).then_some("no initial state will do");
        }
        if !self.is_where_a_fair_run_stays_without_converging(*turn) {
            return Some("the stem ends where a fair run need not stay");
        }
        if nearest != Some(found.stem.len()) {
            return Some("a shorter stem exists");
        }
        if found.is_stuck() {
            let stuck = self.settling.iter().all(|(start, _)| start != turn);
            return (!stuck).then_some("it is not stuck");
        }
        if !is_run(&self.settling, *turn, &found.cycle) || found.cycle.last() != Some(turn) {
            return Some("the cycle is no cycle");
        }
        let disagrees = found.cycle.iter().any(|state| !self.converged.contains(state));
        (!disagrees).then_some("the cycle passes agreement only")
    }
}

#[test]
fn the_components_say_what_the_definition_says() {
    fn agree(drawn: Drawn) -> bool {
        let decision = drawn.decide();
        match &decision.outcome {
            Outcome::Holds => drawn.converges_by_definition(),
            Outcome::Violated(found) => {
                assert_eq!(drawn.objection(found), None, "{found:?}");
                !drawn.converges_by_definition()
            }
            Outcome::Undecided => false,
        }
    }
    QuickCheck::new().tests(10_000).quickcheck(agree as fn(Drawn) -> bool);
}

#[test]
fn a_cut_search_never_says_what_the_definition_does_not() {
    fn agree(drawn: Drawn, states_max: u8) -> bool {
        let decision = decide(&drawn, usize::from(states_max) % SMALL as usize);
        match &decision.outcome {
            Outcome::Holds => !decision.cut && drawn.converges_by_definition(),
            Outcome::Violated(_) => !drawn.converges_by_definition(),
            Outcome::Undecided => decision.cut,
        }
    }
    QuickCheck::new().tests(5_000).quickcheck(agree as fn(Drawn, u8) -> bool);
}

#[test]
fn a_survey_decides_as_it_is_defined_and_its_runs_come_to_where_no_way_leads_to_the_goal() {
    fn agree(drawn: Drawn) -> bool {
        let extent =
            Extent { threads: 2, states_max: SMALL as usize, scratch: std::env::temp_dir() };
        let told = survey(&drawn, &extent, &Switch::default()).expect("edges can be written");
        let decision = drawn.decide();
        assert_eq!((told.distinct, told.cut), (decision.size.states, None));
        assert_eq!(told.endings[0].met, decision.size.met);
        assert_eq!(told.endings[0].witness.is_some(), decision.witness.is_some());
        match &told.endings[0].ended {
            Ended::Holds => drawn.converges_by_definition(),
            Ended::Undecided => false,
            Ended::Violated => {
                let run = told.run_to_lost(&drawn, 0).expect("there is such a state");
                let is_lost = |state: u32| {
                    drawn.settles_to(state).iter().all(|end| !drawn.has_converged_for_ever(*end))
                };
                let ends = match run.last() {
                    Some(edge) => vec![edge.after],
                    None => drawn.initial.clone(),
                };
                let is_run = run
                    .windows(2)
                    .all(|two| drawn.all_edges().contains(&(two[0].after, two[1].after)));
                is_run && ends.into_iter().any(is_lost) && !drawn.converges_by_definition()
            }
        }
    }
    QuickCheck::new().tests(1_000).quickcheck(agree as fn(Drawn) -> bool);
}
