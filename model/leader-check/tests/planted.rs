//! Each planted fault is caught: some scenario gives a verdict that it does not give of the right protocol.
#![cfg(feature = "planted-faults")]

use quorate_checker::world::{Expected, Judged, World};
use quorate_checker::{Bounds, Switch, Until, explore};
use quorate_leader::deviation::Deviation;
use quorate_leader_model::builtin::Builtin;
use quorate_leader_model::setting::{LeaderFile, parse};
use quorate_leader_model::{LeaderBased, property};

/// How many states are searched with a fault: most show early.
const STATES_MAX: usize = 600_000;

/// How many states are searched without, to see that a scenario is not violated by the right protocol.
const STATES_MAX_RIGHT: usize = 100_000;

/// The properties that a scenario expects to hold and that are violated with this fault.
fn violated(scenario: &LeaderFile, fault: Option<Deviation>) -> Vec<&'static str> {
    let mut scenario = scenario.clone();
    scenario.protocol.deviations.extend(fault);
    let world = World::new(LeaderBased::new(scenario.clone()));
    let judged = scenario.judged(property::all()).expect("properties are known");
    let system = Judged::new(&world, judged);
    let bounds = Bounds {
        threads: 2,
        states_max: Some(if fault.is_some() { STATES_MAX } else { STATES_MAX_RIGHT }),
        until: Until::Exhausted,
        ..Bounds::default()
    };
    let explored = explore(&system, &bounds, &Switch::default());
    let verdicts = system.verdicts(&explored);
    let judged = system.properties().iter().zip(verdicts);
    let violated = judged.filter(|(property, verdict)| {
        scenario.expect[property.name] == Expected::Holds
            && verdict.found == Some(Expected::Violated)
    });
    violated.map(|(property, _)| property.name).collect()
}

/// A property that is violated with this fault, and not without. (A leader that waits for all followers waits for
/// ever once one is gone: replicas need not converge then, whoever is right.)
fn caught_by(scenario: &LeaderFile, fault: Deviation) -> Option<&'static str> {
    let with = violated(scenario, Some(fault));
    if with.is_empty() {
        return None;
    }
    let without = violated(scenario, None);
    with.into_iter().find(|property| !without.contains(property))
}

fn builtin(name: &str) -> LeaderFile {
    Builtin::named(name).expect("it ships").parse().expect("it is read")
}

/// A scenario that provokes what the ones that ship do not.
fn of(replication: &str, faults: &str, more: &str, operations: [&str; 2]) -> LeaderFile {
    let [x, y] = operations;
    let top = match faults.contains("crashes") {
        true if more.contains("snapshot") => "faulty = [\"C\"]",
        true => "faulty = [\"A\", \"C\"]",
        false => "",
    };
    let text = format!(
        r#"
title = "A scenario for planted faults"
nodes = ["A", "B", "C"]
{top}
[protocol]
name = "leader"
replication = "{replication}"
election = "raft"
{more}
[[protocol.clients]]
name = "x"
operations = [{x}]
[[protocol.clients]]
name = "y"
operations = [{y}]
asks = "C"
[faults]
{faults}
[expect]
no-lost-write = "holds"
one-leader-per-epoch = "holds"
log-matching = "holds"
leader-completeness = "holds"
exactly-once = "holds"
convergence = "holds"
"#
    );
    parse("planted.toml", &text).expect("it is a scenario")
}

/// Where this fault is looked for. What is left out of a search as dead is argued of the right protocol, so where
/// a fault is about epochs, votes or acknowledgements nothing is.
fn scenarios(fault: Deviation) -> Vec<LeaderFile> {
    const RED: &str = "\"k = red\"";
    const BLUE: &str = "\"k = blue\"";
    const TWO: &str = "\"k += 2\"";
    let rivals = "impatient = [\"B\", \"C\"]\nwithout = [\"dead-messages\"]";
    match fault {
        Deviation::VotesTwice => {
            vec![of("majority", "timeouts = 2", rivals, ["", ""])]
        }
        Deviation::OlderVotesCounted => {
            vec![of("majority", "timeouts = 3", rivals, ["", ""])]
        }
        Deviation::VoteNotDurable | Deviation::EpochNotDurable => {
            vec![of("majority", "crashes = 1\ntimeouts = 2", rivals, ["", ""])]
        }
        Deviation::DeposedLeaderStays => {
            let impatient = "impatient = [\"B\", \"C\"]\nwithout = [\"dead-messages\"]";
            vec![
                of("majority", "timeouts = 1", impatient, [RED, ""]),
                of("majority", "timeouts = 2", impatient, [RED, ""]),
                of("majority", "timeouts = 1", impatient, [RED, BLUE]),
            ]
        }
        Deviation::OneCountsForAll => {
            vec![of("sync", "crashes = 2", "crashed-stay-down = true", [RED, ""])]
        }
        Deviation::ReadsUnconfirmed => vec![builtin("raft-confirmed-leader")],
        Deviation::SnapshotDropsLastRow => {
            let wipes = "crashes = 1\nwipes = 1";
            vec![of("majority", wipes, "snapshot-after = 1", [RED, ""])]
        }
        // The request that counts twice is one that its client had given up before it arrived.
        Deviation::RestartForgetsRequests => {
            let more = "log = \"statement\"\nattempts = 2\nimpatient = [\"x\"]";
            vec![of("majority", "crashes = 1\ntimeouts = 1", more, [TWO, ""])]
        }
        Deviation::SnapshotForgetsRequests => {
            let more =
                "log = \"statement\"\nattempts = 2\nimpatient = [\"y\", \"C\"]\nsnapshot-after = 1";
            vec![of("majority", "crashes = 1\ntimeouts = 2", more, ["", TWO])]
        }
        Deviation::RecallsFromOne => vec![builtin("follower-caught-up")],
        _ => vec![builtin("raft-timeout"), of("majority", "timeouts = 1", "", [RED, BLUE])],
    }
}

#[test]
fn each_planted_fault_is_caught() {
    let mut missed = Vec::new();
    let only = std::env::var("FAULT").ok();
    for fault in Deviation::PLANTED {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|name| name == fault.to_string()))
        {
            continue;
        }
        let mut all = scenarios(*fault).into_iter();
        match all.find_map(|scenario| Some((caught_by(&scenario, *fault)?, scenario.title))) {
            Some((property, title)) => println!("{fault}: {property}, by {title}"),
            None => missed.push(*fault),
        }
    }
    assert!(missed.is_empty(), "nothing catches {missed:?}");
    assert!(Deviation::PLANTED.len() >= 15);
}
