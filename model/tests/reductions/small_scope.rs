//! The enumeration of all small scenarios.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_checker::world::campaign::{Case, Origin, Sequence};
use quorate_model::campaign::small_scope::{of_size, up_to};
use quorate_model::campaign::{Asked, Compared, Draft, compare, visit};
use quorate_model::check::ClusterModel;
use quorate_model::scenario::{Reductions, Scenario};

#[test]
fn the_format_takes_every_small_scenario_and_no_two_are_the_same() {
    let mut texts = BTreeSet::new();
    for draft in up_to(2) {
        let text = draft.toml();
        draft.parse().unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        assert!(texts.insert(text.clone()), "twice:\n{text}");
    }
    assert_eq!(texts.len(), 132 + 4_464);
}

#[test]
fn the_smallest_scenarios_come_first_and_each_is_of_its_size() {
    let operations = |draft: &Draft| -> usize {
        draft.clients.iter().map(|client| client.operations.len()).sum()
    };
    assert!(of_size(1).all(|draft| operations(&draft) == 1 && draft.nodes == 2));
    assert!(of_size(3).any(|draft| operations(&draft) == 3));
    assert!(of_size(3).all(|draft| operations(&draft) + (draft.nodes - 2) <= 3));
    let sizes = up_to(2).take(132);
    assert!(sizes.eq(of_size(1)));
}

#[test]
fn reductions_change_nothing_of_the_smallest_scenarios() {
    for draft in up_to(1) {
        let scenario = draft.parse().expect("another test says that all are taken");
        match compare(scenario, 5_000) {
            Compared::Same(_) => {}
            other => panic!("{other:?}\n{}", draft.toml()),
        }
    }
}

#[test]
fn what_is_found_of_a_property_does_not_depend_on_what_else_is_asked_that_switches_no_rule() {
    let runs = |scenario: &Scenario, reductions: Reductions| {
        let scenario = Scenario { reductions, ..scenario.clone() };
        visit(&ClusterModel::new(Arc::new(scenario)), 50_000).expect("it is small").runs
    };
    let together = [Asked::Plain, Asked::Acknowledgers, Asked::Everything].map(Asked::properties);
    for draft in of_size(2).step_by(97).filter(|draft| draft.asked == together[2]) {
        for (position, asked) in together.iter().enumerate() {
            let all = Draft { asked: asked.clone(), ..draft.clone() }.parse().expect("it is taken");
            for reductions in [Reductions::NONE, Reductions::ALL] {
                let of_all = runs(&all, reductions);
                // Those that are in no smaller group switch the same rules alone.
                let is_new = |name: &&&str| {
                    together[..position].iter().all(|smaller| !smaller.contains(name))
                };
                for name in asked.iter().filter(is_new) {
                    let alone = Draft { asked: vec![*name], ..draft.clone() };
                    let alone = runs(&alone.parse().expect("it is taken"), reductions);
                    for (shown, run) in alone {
                        let steps = run.map(|run| run.steps);
                        let with_others = of_all[&shown].map(|run| run.steps);
                        assert_eq!(steps, with_others, "{shown}\n{}", draft.toml());
                    }
                }
            }
        }
    }
}

#[test]
fn a_sequence_has_all_small_scenarios_and_then_goes_on_at_random() {
    let mut cases = Sequence::<Draft>::new(1, 1);
    let small: Vec<_> = cases.by_ref().take(132).collect();
    assert!(small.iter().all(|case| case.origin == Origin::SmallScope));
    assert!(small.iter().map(|case| case.number).eq(0..132));
    let next = cases.next().expect("it has no end");
    assert_eq!((next.number, next.origin), (132, Origin::Random(0)));
    // The same random ones follow whatever was enumerated before.
    let after_more =
        Sequence::<Draft>::new(1, 2).find(|case: &Case<Draft>| case.origin == Origin::Random(0));
    assert_eq!(after_more.expect("it has no end").draft, next.draft);
}
