//! Verdicts say what the statement of their property says, where it would be easy to say a little more or
//! less.

use std::sync::Arc;

use quorate_checker::{Bounds, Switch, explore};
use quorate_model::check::script::{judge, run};
use quorate_model::check::{ClusterModel, Expected};
use quorate_model::scenario::file::parse;

/// What a property of a scenario comes to, and whether it was put to the test.
struct Found {
    verdict: Expected,
    is_tested: bool,
}

/// A file without its title, with expectations that nobody compares.
fn model(text: &str, properties: &[&str]) -> ClusterModel {
    let expected = |property: &&str| {
        let property_spec = quorate_model::check::property::PropertySpec::named(property);
        let can_hold = property_spec.expect("there is such a property").admits(Expected::Holds);
        format!("{property} = \"{}\"\n", if can_hold { "holds" } else { "not reached" })
    };
    let expect: String = properties.iter().map(expected).collect();
    let text = format!("title = \"made up\"\n{text}\n[expect]\n{expect}");
    let scenario =
        parse("made-up.toml", "made-up", &text).unwrap_or_else(|error| panic!("{error}"));
    ClusterModel::new(Arc::new(scenario))
}

/// What a search of all runs finds of these properties, in the order of reports.
fn searched(text: &str, properties: &[&str]) -> Vec<Found> {
    let system = model(text, properties).judging();
    let explored = explore(&system, &Bounds::default(), &Switch::default());
    let found = system.verdicts(&explored).into_iter().map(|verdict| Found {
        verdict: verdict.found.expect("the search was not cut"),
        is_tested: verdict.witness.is_some(),
    });
    found.collect()
}

/// What a script comes to.
fn played(text: &str, property: &str) -> Found {
    let model = model(text, &[property]);
    let run = run(&model);
    assert_eq!(run.difference, None);
    let finding = judge(&model, &run).swap_remove(0);
    Found { verdict: finding.found, is_tested: finding.tested_after.is_some() }
}

/// What no delete of another key under the same dot may be taken for.
const OF_DELETES: [&str; 4] =
    ["read-freshness", "no-lost-write", "read-your-writes", "true-siblings"];

fn all_hold(text: &str) {
    for (found, name) in searched(text, &OF_DELETES).iter().zip(OF_DELETES) {
        assert_eq!(found.verdict, Expected::Holds, "{name}");
    }
}

#[test]
fn deletes_of_two_keys_that_have_the_same_dot_are_two_deletes() {
    // A node that is named by itself alone counts each key from one.
    all_hold(
        r#"
        [cluster]
        nodes = ["A"]
        n = 1
        r = 1
        w = 1
        deviations = ["one-actor-per-node"]
        [[client]]
        name = "x"
        program = [{ delete = "k" }, { delete = "l" }, { get = "l" }]
        "#,
    );
    // So do two nodes that share an identity.
    all_hold(
        r#"
        shared-identity = [["A", "B"]]
        [cluster]
        nodes = ["A", "B"]
        n = 2
        r = 1
        w = 1
        [[client]]
        name = "x"
        program = [
            { delete = "k", via = ["A"] },
            { delete = "l", via = ["B"] },
            { get = "l", via = ["B"] },
        ]
        "#,
    );
}

#[test]
fn concurrent_writes_that_share_no_replica_are_writes_of_one_key() {
    let two = |other: &str| {
        let text = format!(
            r#"
            [cluster]
            nodes = ["A", "B", "C", "D"]
            n = 1
            r = 1
            w = 1
            placement = "ring"
            [[client]]
            name = "x"
            program = [{{ put = "k1" }}, {{ put = "{other}" }}]
            "#
        );
        searched(&text, &["concurrent-writes-share-no-replica"]).swap_remove(0)
    };
    // C is the home of k1, B of k2.
    let found = two("k2");
    assert_eq!((found.verdict, found.is_tested), (Expected::NotReached, false));
    let found = two("k1");
    assert_eq!((found.verdict, found.is_tested), (Expected::NotReached, true));
}

#[test]
fn a_write_that_was_refused_is_not_under_way_any_more() {
    let missed = |turns: &str| {
        let text = format!(
            r#"
            {turns}
            [cluster]
            nodes = ["A"]
            n = 1
            r = 1
            w = 1
            siblings-max = 1
            [[client]]
            name = "x"
            program = [{{ put = "k" }}, {{ put = "k", context = "blind" }}]
            [[client]]
            name = "y"
            program = [{{ get = "k" }}]
            "#
        );
        searched(&text, &["overlapping-write-missed"]).swap_remove(0).verdict
    };
    assert_eq!(missed("turn-length = 2"), Expected::NotReached);
    assert_eq!(missed(""), Expected::Reached);
}

/// x's put fails, and y, who had read it, writes over it.
const FAILED_AND_REPLACED: &str = r#"
    [cluster]
    nodes = ["A", "B"]
    n = 2
    r = 1
    w = 2
    [[step]]
    put = "k"
    value = "failed"
    client = "x"
    via = "A"
    deliver = false
    expect = "pending"
    [[step]]
    get = "k"
    client = "y"
    via = "A"
    finds = ["failed"]
    [[step]]
    timeout = { node = "A", client = "x" }
    expect = "unavailable"
"#;

#[test]
fn a_failed_write_is_returned_by_a_read_that_returns_it_and_by_none_that_returns_its_successor() {
    let read = "[[step]]\nget = \"k\"\nclient = \"z\"\nvia = \"A\"\n";
    let replace = "[[step]]\nput = \"k\"\nclient = \"y\"\nvia = \"A\"\nexpect = \"ok\"\n";
    let returned = played(&format!("{FAILED_AND_REPLACED}{read}"), "failed-write-invisible");
    assert_eq!(returned.verdict, Expected::Violated);
    let replaced = format!("{FAILED_AND_REPLACED}{replace}{read}");
    let replaced = played(&replaced, "failed-write-invisible");
    assert_eq!((replaced.verdict, replaced.is_tested), (Expected::Holds, true));
}

/// A delete reaches A and B, C keeps the value; A reaps the tombstone by age and takes the value in again.
fn resurrected(in_between: &str) -> String {
    format!(
        r#"
        [cluster]
        nodes = ["A", "B", "C"]
        n = 3
        r = 1
        w = 1
        reaping = "by-age"
        anti-entropy = true
        [[step]]
        put = "k"
        value = "v"
        client = "x"
        via = "A"
        expect = "ok"
        [[step]]
        deliver = "all"
        [[step]]
        get = "k"
        client = "x"
        via = "A"
        finds = ["v"]
        [[step]]
        deliver = "all"
        [[step]]
        delete = "k"
        client = "x"
        via = "A"
        only = ["B"]
        expect = "ok"
        [[step]]
        drop = {{ kind = "Store", to = "C" }}
        [[step]]
        deliver = "all"
        {in_between}
        [[step]]
        fire = {{ timer = "reap", node = "A" }}
        [[step]]
        expect-held = {{ node = "A", key = "k", values = [] }}
        [[step]]
        fire = {{ timer = "sync", node = "A", peer = "C" }}
        [[step]]
        deliver = "all"
        [[step]]
        expect-held = {{ node = "A", key = "k", values = ["v"] }}
        "#
    )
}

#[test]
fn a_node_that_was_given_a_copy_of_its_disk_owes_what_is_on_the_copy() {
    let same_disk = "[[step]]\nsnapshot = \"A\"\n[[step]]\ncrash = \"A\"\n[[step]]\nrestore = \"A\"\n\
                     [[step]]\nrecover = \"A\"\n";
    for in_between in ["", same_disk] {
        let text = resurrected(in_between);
        assert_eq!(played(&text, "no-resurrection").verdict, Expected::Violated, "{in_between}");
        assert_eq!(played(&text, "tombstone-reaped").verdict, Expected::Reached, "{in_between}");
    }
}

#[test]
fn that_nobody_is_told_unavailable_says_nothing_where_everybody_waits_for_ever() {
    let properties = ["write-unavailable", "read-unavailable"];
    let with = |faults: &str| {
        let text = format!(
            r#"
            down = ["B", "C"]
            [cluster]
            nodes = ["A", "B", "C"]
            n = 3
            r = 2
            w = 2
            [[client]]
            name = "x"
            program = [{{ put = "k" }}]
            [[client]]
            name = "y"
            program = [{{ get = "k" }}]
            {faults}
            "#
        );
        searched(&text, &properties)
    };
    for found in with("") {
        assert_eq!((found.verdict, found.is_tested), (Expected::NotReached, false));
    }
    for faults in ["[faults]\ntimeouts = 1", "[faults]\ncrashes = 1"] {
        for found in with(faults) {
            assert_eq!((found.verdict, found.is_tested), (Expected::Reached, true), "{faults}");
        }
    }
}

#[test]
fn contexts_that_name_no_node_are_not_pruned() {
    for versioning in ["dotted", "server-clock", "client-clock", "scalar", "last-write-wins"] {
        let text = format!(
            r#"
            [cluster]
            nodes = ["A", "B"]
            n = 2
            r = 1
            w = 1
            versioning = "{versioning}"
            [[client]]
            name = "x"
            program = [{{ put = "k" }}, {{ get = "k" }}, {{ put = "k" }}]
            "#
        );
        let found = searched(&text, &["context-pruned"]).swap_remove(0);
        assert_eq!(found.verdict, Expected::NotReached, "{versioning}");
    }
}

#[test]
fn a_put_that_comes_again_after_sixteen_later_ones_and_a_restart_is_minted_twice_reduced_as_well() {
    let text = r#"
        turn-length = 16
        [cluster]
        nodes = ["A"]
        n = 1
        r = 1
        w = 1
        [[client]]
        name = "x"
        program = [{ put = "k" }]
        [[client]]
        name = "y"
        repeat = 16
        program = [{ put = "k", context = "blind" }]
        [faults]
        duplicates = 1
        crashes = 1
    "#;
    assert_eq!(searched(text, &["minted-once"]).swap_remove(0).verdict, Expected::Violated);
}
