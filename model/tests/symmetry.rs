//! Clients that do the same are interchangeable, and so are nodes that nothing tells apart: permutations of them act on
//! states, and the model does the same under other names.

#[path = "support/builtin.rs"]
mod builtin;

use std::fmt;
use std::sync::{Arc, LazyLock};

use builtin::builtin;
use proptest::prelude::*;
use quorate_checker::{Bounds, Switch, System, explore};
use quorate_model::campaign::random::{TAPE_LENGTH, draft};
use quorate_model::check::{Action, ClusterModel, ClusterState, ClusterSystem};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Rule, Scenario};
use stateright::Model;

/// A model of which some nodes or clients can be exchanged.
#[derive(Clone)]
struct Symmetric {
    model: ClusterModel,
    file: String,
}

impl fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)
    }
}

fn symmetric(scenario: Scenario, file: &str) -> Option<Symmetric> {
    let model = ClusterModel::new(Arc::new(scenario));
    (model.permutations().len() > 1).then(|| Symmetric { model, file: file.to_owned() })
}

/// Every built-in scenario that has nodes or clients to exchange, the large ones among them.
static BUILT_IN: LazyLock<Vec<Symmetric>> = LazyLock::new(|| {
    let parsed = ALL.iter().map(|builtin| (builtin.parse().expect("it parses"), builtin.name));
    parsed.filter_map(|(scenario, name)| symmetric(scenario, name)).collect()
});

/// A scenario that nobody chose, in which two or three clients do the same.
fn made_up(tape: &[u8]) -> Option<Symmetric> {
    let mut draft = draft(tape);
    let first = draft.clients.first()?.clone();
    draft.clients.resize(draft.clients.len().max(2), first.clone());
    draft.clients.fill(first);
    draft.switched = None;
    symmetric(draft.parse().ok()?, &draft.toml())
}

/// One in four is built in.
fn any_symmetric() -> impl Strategy<Value = Symmetric> {
    let tape = prop::collection::vec(any::<u8>(), 0..TAPE_LENGTH);
    prop_oneof![
        1 => any::<prop::sample::Index>().prop_map(|number| number.get(&BUILT_IN).clone()),
        3 => tape.prop_filter_map("clients that do the same", |tape| made_up(&tape)),
    ]
}

/// The permutation that is one after another.
fn after(model: &ClusterModel, second: usize, first: usize) -> usize {
    let group = model.permutations();
    let second: Vec<usize> = group[second].places().collect();
    let places: Vec<usize> = group[first].places().map(|place| second[place]).collect();
    let is_it = |third: usize| group[third].places().eq(places.iter().copied());
    (0..group.len()).find(|third| is_it(*third)).expect("it is a group")
}

fn image(model: &ClusterModel, permutation: usize, state: &ClusterState) -> ClusterState {
    model.image(permutation, state).expect("every digest is known")
}

fn offered(model: &ClusterModel, state: &ClusterState) -> Vec<Action> {
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    actions
}

/// The states of a run of this model, each step chosen by one number.
fn run(model: &ClusterModel, choices: &[u16]) -> Vec<ClusterState> {
    let mut states = model.init_states();
    for choice in choices {
        let last = states.last().expect("there is a first");
        let mut actions = offered(model, last);
        if actions.is_empty() {
            break;
        }
        let action = actions.swap_remove(usize::from(*choice) % actions.len());
        let next = model.apply(last, action);
        states.extend(next);
    }
    states
}

fn unreduced(model: &ClusterModel) -> ClusterModel {
    model.with_reductions(Reductions::NONE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn permutations_of_nodes_and_clients_are_a_group_that_acts_on_states(
        symmetric in any_symmetric(),
        choices in prop::collection::vec(any::<u16>(), 0..80)
    ) {
        let model = unreduced(&symmetric.model);
        let state = run(&model, &choices).pop().expect("there is a first");
        prop_assert_eq!(&image(&model, 0, &state), &state);
        for first in 0..model.permutations().len() {
            let renamed = image(&model, first, &state);
            for second in 0..model.permutations().len() {
                let third = after(&model, second, first);
                prop_assert_eq!(image(&model, second, &renamed), image(&model, third, &state));
            }
        }
    }

    #[test]
    fn under_other_names_the_same_can_happen_and_the_same_comes_of_it(
        symmetric in any_symmetric(),
        choices in prop::collection::vec(any::<u16>(), 0..80)
    ) {
        let model = unreduced(&symmetric.model);
        let state = run(&model, &choices).pop().expect("there is a first");
        let actions = offered(&model, &state);
        for permutation in 1..model.permutations().len() {
            let renamed = image(&model, permutation, &state);
            let others = offered(&model, &renamed);
            prop_assert_eq!(actions.len(), others.len());
            for action in &actions {
                let other = model.image_of_action(permutation, action).expect("its digest is known");
                prop_assert!(others.contains(&other), "{:?}", action);
                let after = model.apply(&state, action.clone());
                let expected = after.map(|after| image(&model, permutation, &after));
                prop_assert_eq!(model.apply(&renamed, other), expected, "{:?}", action);
            }
        }
    }

    #[test]
    fn under_other_names_a_state_shows_the_same(
        symmetric in any_symmetric(),
        choices in prop::collection::vec(any::<u16>(), 0..80)
    ) {
        let model = unreduced(&symmetric.model);
        let system = model.with_goals(&model.goals());
        for state in run(&model, &choices) {
            for permutation in 1..model.permutations().len() {
                let renamed = image(&model, permutation, &state);
                for condition in model.conditions() {
                    let shows = |state| condition.is_met(&model, state);
                    prop_assert_eq!(shows(&renamed), shows(&state), "{}", condition.name());
                }
                for goal in 0..system.goals() {
                    prop_assert_eq!(system.meets(goal, &renamed), system.meets(goal, &state));
                }
            }
        }
    }

    #[test]
    fn states_that_differ_by_names_alone_have_one_name_in_a_search_and_others_do_not(
        symmetric in any_symmetric(),
        choices in prop::collection::vec(any::<u16>(), 0..80)
    ) {
        let model = &symmetric.model;
        let states = run(model, &choices);
        let images = |state: &ClusterState| -> Vec<ClusterState> {
            let numbers = model.merging_permutations().iter();
            numbers.map(|number| image(model, *number, state)).collect()
        };
        for state in &states {
            let name = model.fingerprint(state);
            prop_assert!(images(state).iter().all(|image| model.fingerprint(image) == name));
            let last = states.last().expect("there is a first");
            let is_image = images(state).contains(last);
            prop_assert_eq!(name == model.fingerprint(last), is_image);
        }
    }
}

/// How many permutations there are, and how many of them move nodes, and clients.
fn orders(name: &str) -> [usize; 3] {
    let model = ClusterModel::new(Arc::new(builtin(name)));
    let group = model.permutations();
    let moves_nodes = group.iter().filter(|permutation| permutation.moves_nodes()).count();
    let moves_clients = group.iter().filter(|permutation| permutation.moves_clients()).count();
    [group.len(), moves_nodes, moves_clients]
}

#[test]
fn nodes_are_exchanged_that_nothing_tells_apart_and_no_others() {
    assert_eq!(orders("strict-concurrent"), [12, 10, 6]);
    assert_eq!(orders("strict-concurrent-3"), [36, 30, 30]);
    // Fallbacks stand in for homes in order.
    assert_eq!(orders("flagship"), [2, 0, 1]);
    assert_eq!(orders("r1-w1"), [6, 5, 0]);
}

#[test]
fn clients_are_exchanged_that_do_the_same_and_no_others() {
    let order = |name: &str| {
        let model = ClusterModel::new(Arc::new(builtin(name)));
        let group = model.permutations().iter();
        group.filter(|permutation| !permutation.moves_nodes()).count()
    };
    assert_eq!(order("strict-concurrent"), 2);
    assert_eq!(order("strict-concurrent-3"), 6);
    assert_eq!(order("flagship"), 2);
    // One client writes, the other reads.
    assert_eq!(order("r1-w1"), 1);
    // Ties are broken by what is written.
    assert_eq!(order("lww-concurrent"), 1);
}

#[test]
fn a_search_with_the_rule_alone_visits_one_state_of_each_orbit() {
    let model = ClusterModel::new(Arc::new(builtin("strict-concurrent")));
    let with = |reductions, merges: Rule| {
        let model = model.with_reductions(reductions);
        let system = ClusterSystem::new(&model, []);
        let distinct = explore(&system, &Bounds::default(), &Switch::default()).distinct();
        let left_out = model.counters().left_out_by();
        let merged = left_out.into_iter().find(|(rule, _)| *rule == merges);
        (distinct, merged.is_some_and(|(_, count)| count > 0))
    };
    for (rule, order) in [(Rule::ClientSymmetry, 2), (Rule::NodeSymmetry, 6)] {
        let (all, none_merged) = with(Reductions::ALL.without_symmetry(), rule);
        let other = match rule {
            Rule::ClientSymmetry => Rule::NodeSymmetry,
            _ => Rule::ClientSymmetry,
        };
        let (orbits, some_merged) = with(Reductions::ALL.without(other), rule);
        assert!(!none_merged && some_merged);
        assert!(orbits < all && order * orbits >= all, "{rule:?}: {orbits} of {all}");
    }
}
