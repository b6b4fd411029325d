//! Convergence is decided as it is defined, where Stateright's `eventually` is not, and on
//! clusters whose end can be foreseen.

#[path = "support/alone.rs"]
mod alone;
#[path = "support/builtin.rs"]
mod builtin;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use alone::alone;
use builtin::builtin;
use quickcheck::{Arbitrary, Gen, QuickCheck};
use quorate_model::check::convergence::{
    ClusterSource, Decision, Outcome, STATES_MAX, Source, Step, Violation, decide,
};
use quorate_model::check::trace::{CYCLE_STARTS, ReplayError, SavedPath, numbered, walk};
use quorate_model::check::{Action, ClusterModel, Expected, Goal};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};
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
        decide(self, STATES_MAX)
    }

    fn all_edges(&self) -> Vec<(u32, u32)> {
        self.settling.iter().chain(&self.unsettling).copied().collect()
    }
}

impl Source for Drawn {
    type State = u32;
    type Action = u32;

    fn initial(&self) -> impl Iterator<Item = u32> {
        self.initial.iter().copied()
    }

    fn steps(&self, state: &u32, visit: &mut dyn FnMut(Step<u32, u32>)) {
        for (edges, settling) in [(&self.unsettling, false), (&self.settling, true)] {
            for (_, after) in edges.iter().filter(|(before, _)| before == state) {
                visit(Step { action: *after, after: *after, settling });
            }
        }
    }

    fn fingerprint(&self, state: &u32) -> u64 {
        u64::from(*state)
    }

    fn meets(&self, _: usize, state: &u32) -> bool {
        self.converged.contains(state)
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
    struct Stopped(Drawn);
    impl Source for Stopped {
        type State = u32;
        type Action = u32;
        fn initial(&self) -> impl Iterator<Item = u32> {
            self.0.initial()
        }
        fn steps(&self, state: &u32, visit: &mut dyn FnMut(Step<u32, u32>)) {
            self.0.steps(state, visit);
        }
        fn fingerprint(&self, state: &u32) -> u64 {
            self.0.fingerprint(state)
        }
        fn meets(&self, _: usize, state: &u32) -> bool {
            self.0.meets(0, state)
        }
        fn may_go_on(&self) -> bool {
            false
        }
    }
    let decision = decide(&Stopped(Drawn::new(&[], &[0])), STATES_MAX);
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
    assert_eq!(size.components, 3);
    assert_eq!((size.bottom_components, size.bottom_components_of_several), (2, 1));
}

#[test]
fn a_run_of_a_million_steps_overflows_no_stack() {
    /// A chain, or a cycle if its last state leads back.
    struct Chain {
        closed: bool,
    }
    const LENGTH: u32 = 1_000_000;
    impl Source for Chain {
        type State = u32;
        type Action = ();
        fn initial(&self) -> impl Iterator<Item = u32> {
            std::iter::once(0)
        }
        fn steps(&self, state: &u32, visit: &mut dyn FnMut(Step<u32, ()>)) {
            if state + 1 < LENGTH {
                visit(Step { action: (), after: state + 1, settling: true });
            } else if self.closed {
                visit(Step { action: (), after: 0, settling: true });
            }
        }
        fn fingerprint(&self, state: &u32) -> u64 {
            u64::from(*state)
        }
        fn meets(&self, _: usize, state: &u32) -> bool {
            *state == LENGTH - 1
        }
    }
    let chain = decide(&Chain { closed: false }, STATES_MAX);
    assert_eq!(chain.outcome, Outcome::Holds);
    assert_eq!(chain.size.components, LENGTH as usize);
    let cycle = decide(&Chain { closed: true }, STATES_MAX);
    assert_eq!(cycle.size.components, 1);
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
        self.drawn.steps(state, &mut |step| actions.push(step.action));
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
                checked.drawn.meets(0, state)
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

// Clusters.

fn decide_scenario(scenario: Scenario, states_max: usize) -> Decision<Action> {
    decide(
        &ClusterSource::new(&ClusterModel::new(Arc::new(scenario)), &[Goal::Convergence]),
        states_max,
    )
}

#[test]
fn without_faults_every_home_gets_every_write_in_the_end() {
    let decision = decide_scenario(builtin("r1-w1"), STATES_MAX);
    assert_eq!(decision.outcome, Outcome::Holds);
    assert!(decision.witness.is_some());
}

#[test]
fn a_loss_that_nobody_reads_over_is_never_made_good_by_read_repair() {
    let decision = decide_scenario(builtin("repair-only"), STATES_MAX);
    let Outcome::Violated(found) = decision.outcome else { panic!("{:?}", decision.outcome) };
    assert!(found.is_stuck());
    // Nobody reads in it.
    let starts = |action: &&Action| matches!(action, Action::Invoke { .. });
    assert_eq!(found.stem.iter().filter(starts).count(), 1, "{:?}", found.stem);
}

#[test]
fn without_a_loss_there_is_nothing_to_repair() {
    let scenario = Scenario { faults: Default::default(), ..builtin("repair-only") };
    assert_eq!(decide_scenario(scenario, STATES_MAX).outcome, Outcome::Holds);
}

/// What becomes of progress.
fn progress(scenario: Scenario) -> Decision<Action> {
    let model = ClusterModel::new(Arc::new(scenario));
    decide(&ClusterSource::new(&model, &[Goal::Progress]), STATES_MAX)
}

#[test]
fn a_node_that_lost_its_disk_comes_to_serve_while_enough_others_do() {
    let decision = progress(builtin("disk-lost-serves"));
    assert_eq!(decision.outcome, Outcome::Holds);
    assert!(decision.witness.is_some(), "some node had to catch up");
}

#[test]
fn homes_that_lost_their_disks_together_wait_for_each_other_for_ever() {
    let scenario = builtin("two-disks-lost");
    let Outcome::Violated(found) = progress(scenario.clone()).outcome else {
        panic!("it is violated")
    };
    // They go on asking.
    assert!(!found.is_stuck());
    // One that is down is waited for, and nothing is asked of the others meanwhile.
    let crashed = Scenario { down: scenario.faulty, down_returns: false, ..scenario };
    assert_eq!(progress(crashed).outcome, Outcome::Holds);
}

#[cfg(feature = "planted-faults")]
#[test]
fn a_node_that_asks_but_once_for_what_it_lost_is_noticed() {
    use quorate_model::deviation::Deviation;
    let faulty = builtin("disk-lost-serves").with_deviation(Deviation::CatchUpAskedOnce);
    let Outcome::Violated(found) = progress(faulty).outcome else { panic!("it is violated") };
    assert!(found.is_stuck());
}

/// The run of a scenario that does not converge, with the model, as it is saved.
fn saved_violation(name: &str) -> (ClusterModel, SavedPath) {
    let model = ClusterModel::new(Arc::new(builtin(name)));
    let decision = decide(&ClusterSource::new(&model, &[Goal::Convergence]), STATES_MAX);
    let Outcome::Violated(found) = decision.outcome else { panic!("{:?}", decision.outcome) };
    let actions = [found.stem, found.cycle.clone()].concat();
    let cycle = found.cycle.len();
    let saved = SavedPath::new(&model, "", "convergence", Expected::Violated, &actions, cycle);
    (model, saved)
}

#[test]
fn a_saved_violation_is_walked_again_and_judged_anew() {
    let (model, saved) = saved_violation("repair-only");
    assert_eq!(saved.replay(&model).1, Ok(()));
    // A step earlier the lost message might still have arrived.
    let shorter = SavedPath { steps: saved.steps[..saved.steps.len() - 1].to_vec(), ..saved };
    assert!(matches!(shorter.replay(&model).1, Err(ReplayError::ShowsNothing { .. })));
}

#[test]
fn a_saved_cycle_that_does_not_lead_back_shows_nothing() {
    let (model, saved) = saved_violation("repair-only");
    for cycle in [1, saved.steps.len(), saved.steps.len() + 1] {
        let claimed = SavedPath { cycle, ..saved.clone() };
        assert!(matches!(claimed.replay(&model).1, Err(ReplayError::ShowsNothing { .. })));
    }
}

#[test]
fn the_steps_of_a_cycle_are_told_apart_from_those_that_lead_there() {
    let (model, saved) = saved_violation("repair-only");
    let (steps, _) = walk(&model, &saved.actions());
    let stem = steps.len() - 2;
    let lines = numbered(&steps, 2);
    let at = lines.iter().position(|line| line == CYCLE_STARTS).expect("the cycle is marked");
    assert!(lines[at + 1].starts_with(&format!("  {}. ", stem + 1)), "{lines:#?}");
    assert!(!numbered(&steps, 0).iter().any(|line| line == CYCLE_STARTS));
}

#[test]
fn a_decision_is_cut_with_the_model_it_is_about() {
    let model = ClusterModel::new(Arc::new(builtin("r1-w1")));
    let source = ClusterSource::new(&model, &[Goal::Convergence]);
    model.instruments().stop();
    let decision = decide(&source, STATES_MAX);
    assert!(decision.cut && model.instruments().was_cut());
    assert_eq!(decision.outcome, Outcome::Undecided);
}

#[test]
fn every_reduction_keeps_the_verdict_on_convergence() {
    const STATES: usize = 60_000;
    let mut compared = 0;
    for builtin in ALL {
        let scenario = builtin.parse().expect("built-in scenarios parse");
        let verdict = |reductions| {
            let scenario = Scenario { reductions, ..scenario.clone() };
            let decision = decide_scenario(scenario, STATES);
            (!decision.cut).then(|| decision.outcome == Outcome::Holds)
        };
        let Some(unreduced) = verdict(Reductions::NONE) else { continue };
        compared += 1;
        let rules = Reductions::ALL.by_name().map(|(rule, _)| alone(rule, &scenario));
        for reductions in rules.into_iter().chain([scenario.reductions]) {
            assert_eq!(verdict(reductions), Some(unreduced), "{}: {reductions:?}", builtin.name);
        }
    }
    assert!(compared >= 15, "only {compared} scenarios are small enough unreduced");
}
