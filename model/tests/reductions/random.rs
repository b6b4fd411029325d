//! The same on small scenarios made up at random: what nobody thought of when arguing for a rule.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use quorate_model::check::convergence::{ClusterSource, Outcome, decide};
use quorate_model::scenario::{Reductions, Scenario, file};

use crate::compare::{Verdicts, disks, model, search};

/// Unreduced runs larger than this are left out.
const DISTINCT_MAX: usize = 15_000;

const NODES: [&str; 3] = ["A", "B", "C"];

/// Properties that are judged together in a made-up scenario. What no property asks for is not
/// looked at, and some rules apply only then.
const ALWAYS: [&str; 7] = [
    "no-lost-write",
    "true-siblings",
    "unique-dots",
    "hint-safety",
    "read-freshness",
    "monotonic-reads",
    "read-your-writes",
];
const SOMETIMES: [&str; 3] = ["quorum-overlap", "failed-write-invisible", "no-resurrection"];

#[derive(Clone, Debug)]
struct Program {
    via: Vec<&'static str>,
    operations: Vec<&'static str>,
}

fn program(nodes: usize) -> impl Strategy<Value = Program> {
    let operation = select(vec!["{ get = \"k\" }", "{ put = \"k\" }", "{ delete = \"k\" }"]);
    let all = NODES[..nodes].to_vec();
    let via = prop_oneof![Just(all.clone()), subsequence(all, 1..=nodes)];
    (via, prop::collection::vec(operation, 1..=2))
        .prop_map(|(via, operations)| Program { via, operations })
}

prop_compose! {
    fn clients(nodes: usize)(
        first in program(nodes),
        second in prop::option::of(program(nodes)),
        are_alike in any::<bool>(),
    ) -> Vec<Program> {
        match second {
            Some(_) if are_alike => vec![first.clone(), first],
            Some(second) => vec![first, second],
            None => vec![first],
        }
    }
}

prop_compose! {
    fn scenario_text()(nodes in 2_usize..=3)(
        clients in clients(nodes),
        n in 2..=nodes,
        r in 1_usize..=2,
        w in 1_usize..=2,
        nodes in Just(nodes),
        is_sloppy in any::<bool>(),
        has_anti_entropy in any::<bool>(),
        read_repair in select(vec!["off", "off", "off", "async", "blocking"]),
        versioning in select(vec!["dotted", "dotted", "dotted", "scalar", "server-clock"]),
        faults in subsequence(vec!["timeouts", "crashes", "drops", "duplicates"], 0..=2),
        timeouts in 1..=2,
        down in prop::option::of(select(vec![true, false])),
        properties in subsequence(SOMETIMES.to_vec(), 0..=1),
    ) -> String {
        let mut text = String::from("title = \"Made up\"\n");
        if let Some(returns) = down {
            let _ = writeln!(text, "down = [\"{}\"]\ndown-returns = {returns}", NODES[nodes - 1]);
        }
        let _ = writeln!(
            text,
            "[cluster]\nnodes = {:?}\nn = {n}\nr = {r}\nw = {w}\nread-repair = {read_repair:?}\n\
             versioning = {versioning:?}\n\
             sloppy = {is_sloppy}\nhandoff = {is_sloppy}\nanti-entropy = {has_anti_entropy}",
            &NODES[..nodes]
        );
        for (name, Program { via, operations }) in ["x", "y"].iter().zip(&clients) {
            let program = operations.join(", ");
            let _ = writeln!(text, "[[client]]\nname = {name:?}\nvia = {via:?}\nprogram = [{program}]");
        }
        text.push_str("[faults]\n");
        for fault in faults {
            let times = if fault == "timeouts" { timeouts } else { 1 };
            let _ = writeln!(text, "{fault} = {times}");
        }
        text.push_str("[expect]\nconvergence = \"holds\"\n");
        for property in ALWAYS.iter().chain(&properties) {
            let _ = writeln!(text, "{property} = \"holds\"");
        }
        text
    }
}

/// Whether all runs converge; `None` if there are too many states.
fn converges(scenario: &Scenario, reductions: Reductions) -> Option<bool> {
    let decision = decide(&ClusterSource::new(&model(scenario, reductions)), DISTINCT_MAX);
    (!decision.cut).then(|| decision.outcome == Outcome::Holds)
}

fn verdicts(scenario: &Scenario, reductions: Reductions) -> Option<(Verdicts, bool)> {
    let (verdicts, _) = search(scenario, reductions, DISTINCT_MAX)?;
    Some((verdicts, converges(scenario, reductions)?))
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn reductions_change_no_verdict_of_scenarios_that_nobody_chose(text in scenario_text()) {
        let scenario = file::parse("random.toml", "random", &text)
            .unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        // Loss and duplication of a client's messages are what client hops leave out.
        let unreduced = Reductions { client_hops: true, ..Reductions::NONE };
        if let Some(reference) = verdicts(&scenario, unreduced) {
            // Of two runs that differ in the names of clients only one is looked at.
            let named = Reductions { alike_clients: false, ..Reductions::ALL };
            prop_assert_eq!(
                disks(&scenario, named, DISTINCT_MAX),
                disks(&scenario, unreduced, DISTINCT_MAX),
                "{}",
                text
            );
            let reduced = verdicts(&scenario, Reductions::ALL);
            prop_assert_eq!(reduced, Some(reference), "{}", text);
        }
    }
}
