//! Every state is visited once, and whatever is told is the same on any number of threads.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use quickcheck::{Arbitrary, Gen, QuickCheck};
use quorate_checker::compact::{self, Extent};
use quorate_checker::{Bounds, Cut, Switch, System, Until, explore};

/// States are numbers below a size, and two conditions are shown by some.
#[derive(Clone, Debug)]
struct Numbers {
    edges: Vec<(u16, u16)>,
    shown: [Vec<u16>; 2],
}

const SIZE: u16 = 2_000;

impl Arbitrary for Numbers {
    fn arbitrary(generator: &mut Gen) -> Self {
        let state = |generator: &mut Gen| u16::arbitrary(generator) % SIZE;
        // Enough for several pieces of work at a time, most of it reachable.
        let edges = (0..3 * SIZE)
            .map(|number| (number % SIZE, state(generator), u8::arbitrary(generator)))
            .filter(|(_, _, keep)| !keep.is_multiple_of(5))
            .map(|(from, to, _)| (from, to))
            .collect();
        let mut some = |at_most: u16| (0..at_most).map(|_| state(generator)).collect();
        Numbers { edges, shown: [some(3), some(40)] }
    }
}

impl System for Numbers {
    type State = u16;
    type Action = u16;

    fn initial(&self) -> Vec<u16> {
        vec![0]
    }

    fn actions(&self, state: &u16, actions: &mut Vec<u16>) {
        actions.extend(self.edges.iter().filter(|(from, _)| from == state).map(|(_, to)| *to));
    }

    fn apply(&self, _: &u16, to: u16) -> Option<u16> {
        Some(to)
    }

    fn fingerprint(&self, state: &u16) -> u64 {
        u64::from(*state).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn conditions(&self) -> usize {
        2
    }

    fn shows(&self, condition: usize, state: &u16) -> bool {
        self.shown[condition].contains(state)
    }
}

impl Numbers {
    /// The distance of every state that can be reached.
    fn distances(&self) -> BTreeMap<u16, usize> {
        let mut distances = BTreeMap::from([(0, 0)]);
        let mut queue = VecDeque::from([0]);
        let mut after = BTreeMap::<u16, Vec<u16>>::new();
        self.edges.iter().for_each(|(from, to)| after.entry(*from).or_default().push(*to));
        while let Some(state) = queue.pop_front() {
            for next in after.get(&state).into_iter().flatten() {
                if !distances.contains_key(next) {
                    distances.insert(*next, distances[&state] + 1);
                    queue.push_back(*next);
                }
            }
        }
        distances
    }

    /// What a traversal within these bounds tells.
    fn told(&self, bounds: &Bounds) -> Told {
        let explored = explore(self, bounds, &Switch::default());
        let run = |condition| explored.first(condition).map(|it| explored.run_to(self, it));
        Told {
            distinct: explored.distinct(),
            generated: explored.generated(),
            depth: explored.depth(),
            runs: [run(0), run(1)],
            cut: explored.cut(),
            exhausted: explored.is_exhausted(),
        }
    }
}

#[derive(PartialEq, Debug)]
struct Told {
    distinct: usize,
    generated: u64,
    depth: usize,
    runs: [Option<Vec<u16>>; 2],
    cut: Option<Cut>,
    exhausted: bool,
}

fn on(threads: usize) -> Bounds {
    Bounds { threads, ..Bounds::default() }
}

#[test]
fn every_state_is_visited_and_runs_are_shortest() {
    fn agree(numbers: Numbers) -> bool {
        let (told, distances) = (numbers.told(&on(3)), numbers.distances());
        let leaving = numbers.edges.iter().filter(|(from, _)| distances.contains_key(from));
        assert_eq!(told.distinct, distances.len());
        assert_eq!(told.generated, 1 + leaving.count() as u64);
        assert_eq!(Some(&told.depth), distances.values().max());
        assert!(told.exhausted && told.cut.is_none());
        for (run, shown) in told.runs.iter().zip(&numbers.shown) {
            let nearest = shown.iter().filter_map(|state| distances.get(state)).min();
            assert_eq!(run.as_ref().map(Vec::len).as_ref(), nearest);
            let Some(run) = run else { continue };
            let states = std::iter::once(&0).chain(run);
            assert!(states.zip(run).all(|(from, to)| numbers.edges.contains(&(*from, *to))));
            assert!(shown.contains(run.last().unwrap_or(&0)));
        }
        true
    }
    QuickCheck::new().tests(40).quickcheck(agree as fn(Numbers) -> bool);
}

#[test]
fn a_survey_visits_every_state_and_tells_some_run_to_what_is_shown() {
    fn agree(numbers: Numbers, threads: u8, states_max: u16) -> bool {
        let (distances, scratch) = (numbers.distances(), std::env::temp_dir());
        let threads = usize::from(threads % 4);
        let extent = Extent { threads, states_max: SIZE.into(), scratch };
        let told = compact::survey(&numbers, &extent, &Switch::default()).expect("it is written");
        let leaving = numbers.edges.iter().filter(|(from, _)| distances.contains_key(from));
        assert_eq!((told.distinct, told.cut), (distances.len(), None));
        assert_eq!(told.generated, 1 + leaving.count() as u64);
        for (run, shown) in told.runs.iter().zip(&numbers.shown) {
            let can_be_shown = shown.iter().any(|state| distances.contains_key(state));
            assert_eq!(run.is_some(), can_be_shown);
            let Some(run) = run else { continue };
            assert!(run.len() <= told.depth);
            let states = std::iter::once(&0).chain(run);
            assert!(states.zip(run).all(|(from, to)| numbers.edges.contains(&(*from, *to))));
            assert!(shown.contains(run.last().unwrap_or(&0)));
        }
        let states_max = usize::from(states_max % SIZE);
        let fewer = Extent { states_max, ..extent };
        let told = compact::survey(&numbers, &fewer, &Switch::default()).expect("it is written");
        let is_cut = distances.len() > states_max;
        assert_eq!(told.cut, is_cut.then_some(Cut::States(states_max)));
        told.distinct == distances.len().min(states_max)
    }
    QuickCheck::new().tests(60).quickcheck(agree as fn(Numbers, u8, u16) -> bool);
}

#[test]
fn the_number_of_threads_changes_nothing_that_is_told() {
    fn agree(numbers: Numbers, states_max: u16, depth_max: u8, until: u8) -> bool {
        let bounds = Bounds {
            states_max: Some(usize::from(states_max % (SIZE + 500))),
            depth_max: depth_max.is_multiple_of(3).then(|| usize::from(depth_max % 16)),
            until: match until % 3 {
                0 => Until::Exhausted,
                1 => Until::AllShown(0b11),
                _ => Until::AnyShown(0b11),
            },
            threads: 1,
        };
        let told = numbers.told(&bounds);
        [2, 3, 7].into_iter().all(|threads| numbers.told(&Bounds { threads, ..bounds }) == told)
    }
    QuickCheck::new().tests(60).quickcheck(agree as fn(Numbers, u16, u8, u8) -> bool);
}

#[test]
fn a_bound_that_is_met_is_told_and_one_that_is_not_is_not() {
    // 0 to 1 to 2 to 3.
    let chain = Numbers { edges: vec![(0, 1), (1, 2), (2, 3)], shown: [vec![], vec![2]] };
    let states = |states_max| chain.told(&Bounds { states_max: Some(states_max), ..on(1) });
    assert_eq!((states(4).cut, states(4).distinct), (None, 4));
    assert_eq!((states(3).cut, states(3).distinct), (Some(Cut::States(3)), 3));
    let depth = |depth_max| chain.told(&Bounds { depth_max: Some(depth_max), ..on(1) });
    assert_eq!((depth(2).cut, depth(2).distinct), (Some(Cut::Depth(2)), 3));
    assert_eq!(depth(4).cut, None);
    let any = chain.told(&Bounds { until: Until::AnyShown(0b11), ..on(1) });
    assert_eq!((any.cut, any.exhausted, any.distinct), (None, false, 3));
    assert_eq!(any.runs[1], Some(vec![1, 2]));
}

#[test]
fn a_panic_in_a_step_ends_the_traversal_on_every_thread() {
    struct Panics(Numbers);
    impl System for Panics {
        type State = u16;
        type Action = u16;
        fn initial(&self) -> Vec<u16> {
            self.0.initial()
        }
        fn actions(&self, state: &u16, actions: &mut Vec<u16>) {
            self.0.actions(state, actions);
        }
        fn apply(&self, _: &u16, to: u16) -> Option<u16> {
            assert!(to != 3, "a step that panics");
            Some(to)
        }
        fn fingerprint(&self, state: &u16) -> u64 {
            self.0.fingerprint(state)
        }
    }
    let chain = Numbers { edges: vec![(0, 1), (1, 2), (2, 3)], shown: [vec![], vec![]] };
    let explored = |threads| {
        let panics = Panics(chain.clone());
        catch_unwind(AssertUnwindSafe(|| explore(&panics, &on(threads), &Switch::default())))
    };
    assert!(explored(1).is_err() && explored(3).is_err());
}
