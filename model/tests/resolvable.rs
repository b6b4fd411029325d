//! `key-resolvable`: what a write is refused for is no matter of this property unless its context
//! covers all that its coordinator holds of the key.

use std::sync::Arc;

use quorate_model::check::property::PropertySpec;
use quorate_model::check::script::{judge, run};
use quorate_model::check::search::shortest;
use quorate_model::check::{ClusterModel, ClusterState, Expected, PropertyKind};
use quorate_model::scenario::Scenario;
use quorate_model::scenario::builtin::Builtin;
use quorate_model::scenario::file::parse;

fn parsed(text: &str) -> Scenario {
    parse("made-up.toml", "made-up", text).unwrap_or_else(|error| panic!("{error}"))
}

/// What a script comes to, and whether it put the property to the test.
fn played(cluster: &str, steps: &str) -> (Expected, bool) {
    let text = format!(
        "title = \"made up\"\n[cluster]\nnodes = [\"A\", \"B\", \"C\"]\nr = 1\nw = 1\n{cluster}\n\
         {steps}\n[expect]\nkey-resolvable = \"holds\"\n"
    );
    let model = ClusterModel::new(Arc::new(parsed(&text)));
    let run = run(&model);
    assert_eq!(run.difference, None);
    let finding = judge(&model, &run).swap_remove(0);
    (finding.found, finding.tested_after.is_some())
}

/// A script's step, without what follows: `put = "k"` or `get = "k"`, of a client, through A.
fn at_a(what: &str, client: &str, ends: &str) -> String {
    format!(
        "[[step]]\n{what} = \"k\"\nclient = \"{client}\"\nvia = \"A\"\nonly = [\"A\"]\n{ends}\n"
    )
}

/// Two clients have each written A, and x has read both versions.
fn two_versions_that_x_has_read() -> String {
    [
        at_a("put", "x", "value = \"a\"\nexpect = \"ok\""),
        at_a("put", "y", "value = \"b\"\nexpect = \"ok\""),
        at_a("get", "x", "finds = [\"a\", \"b\"]"),
    ]
    .concat()
}

const TWO: &str = "n = 2\nsiblings-max = 2";
const TWO_COUNTED: &str = "n = 2\nsiblings-max = 2\ndeviations = [\"limit-counts-held\"]";

#[test]
fn a_write_that_has_read_all_versions_of_a_full_key_puts_it_to_the_test() {
    for what in ["put", "delete"] {
        let resolves = at_a(what, "x", "expect = \"ok\"");
        let steps = two_versions_that_x_has_read() + &resolves;
        assert_eq!(played(TWO, &steps), (Expected::Holds, true), "{what}");
    }
}

#[test]
fn a_limit_that_counts_what_a_key_holds_refuses_to_let_it_be_resolved() {
    for what in ["put", "delete"] {
        let refused = at_a(what, "x", "expect = \"refused\"");
        let steps = two_versions_that_x_has_read() + &refused;
        assert_eq!(played(TWO_COUNTED, &steps).0, Expected::Violated, "{what}");
    }
}

#[test]
fn a_write_that_has_read_less_than_its_coordinator_holds_may_be_refused() {
    let unread = at_a("put", "z", "value = \"c\"\nexpect = \"refused\"");
    let steps = two_versions_that_x_has_read() + &unread;
    assert_eq!(played(TWO, &steps), (Expected::Holds, false));
}

#[test]
fn a_key_that_has_room_puts_nothing_to_the_test() {
    let resolves = at_a("put", "x", "value = \"c\"\nexpect = \"ok\"");
    let steps = two_versions_that_x_has_read() + &resolves;
    assert_eq!(played("n = 2\nsiblings-max = 3", &steps), (Expected::Holds, false));
}

/// Whether some run comes to a state of which the property says this.
fn is_found(scenario: &Scenario, holds: bool) -> bool {
    let model = ClusterModel::new(Arc::new(scenario.clone()));
    let property = PropertySpec::named("key-resolvable").expect("there is such a property");
    let PropertyKind::Safety { holds: is_kept, witness } = property.kind else {
        panic!("it is about single states")
    };
    let wanted = |state: &ClusterState| {
        let view = model.view(state);
        if holds { (witness.shown)(&view) } else { !is_kept(&view) }
    };
    shortest(&model, &[&wanted], usize::MAX).paths[0].is_some()
}

#[test]
fn the_limit_as_it_is_lets_every_key_be_resolved_and_the_one_that_counts_what_is_held_does_not() {
    let kept = Builtin::named("siblings-limit").expect("it ships").parse().expect("it is right");
    assert!(is_found(&kept, true) && !is_found(&kept, false));
    let deviation = quorate_model::deviation::Deviation::LimitCountsHeld;
    assert!(is_found(&kept.with_deviation(deviation), false));
}
