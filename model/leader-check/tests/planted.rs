//! Each planted fault is caught by a scenario that ships: of the right protocol it says what its file expects.
//! `quorate check --planted` looks for each in all of them.
#![cfg(feature = "planted-faults")]

use quorate_checker::world::{Expected, Judged, World};
use quorate_checker::{Bounds, Switch, Until, explore};
use quorate_leader::deviation::Deviation;
use quorate_leader_model::builtin::Builtin;
use quorate_leader_model::kinds::Rule;
use quorate_leader_model::script::play;
use quorate_leader_model::setting::LeaderFile;
use quorate_leader_model::{LeaderBased, property};

/// How many states are searched with a fault, and how many if that shows nothing: most show early.
const STATES_MAX: [usize; 2] = [20_000, 600_000];

/// What a script that does not come out as it says shows.
const SCRIPT: &str = "(a script's step)";

/// What a scenario does not expect, with this fault. What is left out as dead is argued of the right protocol.
fn unexpected(mut file: LeaderFile, fault: Deviation, states_max: usize) -> Vec<&'static str> {
    file.protocol.deviations.push(fault);
    file.protocol.without.push(Rule::DeadMessages);
    let protocol = LeaderBased::new(file.clone());
    let world = World::new(protocol.clone());
    let judged = file.judged(property::all()).expect("properties are known");
    let is_violated = |name: &str, found: Option<Expected>| {
        file.expect[name] == Expected::Holds && found == Some(Expected::Violated)
    };
    if file.is_script() {
        let run = play(&protocol);
        let judged = run.verdicts(&world, &judged).into_iter();
        let violated =
            judged.filter(|(property, verdict)| is_violated(property.name, verdict.found));
        let violated = violated.map(|(property, _)| property.name);
        return violated.chain(run.difference.is_some().then_some(SCRIPT)).collect();
    }
    let system = Judged::new(&world, judged);
    let bounds = Bounds {
        threads: 2,
        states_max: Some(states_max),
        until: Until::Exhausted,
        ..Bounds::default()
    };
    let explored = explore(&system, &bounds, &Switch::default());
    let judged = system.properties().iter().zip(system.verdicts(&explored));
    let violated = judged.filter(|(property, verdict)| is_violated(property.name, verdict.found));
    violated.map(|(property, _)| property.name).collect()
}

/// The scenario that catches a fault, and by what.
fn catches(fault: Deviation) -> (&'static str, &'static str) {
    match fault {
        Deviation::VotesTwice => ("raft-rivals", "one-leader-per-epoch"),
        Deviation::VoteNotDurable => ("raft-rivals-restart", "one-leader-per-epoch"),
        Deviation::EpochNotDurable => ("raft-rivals-restart", "one-leader-per-epoch"),
        Deviation::NoUpToDateCheck => ("raft-timeout", "leader-completeness"),
        Deviation::LeadsWithOneVoteLess => ("raft-rivals", "one-leader-per-epoch"),
        Deviation::OlderVotesCounted => ("raft-rivals-three", "one-leader-per-epoch"),
        Deviation::DeposedLeaderStays => ("raft-does-not-preempt-script", SCRIPT),
        Deviation::OldEpochRenewed => ("raft-timeout", "no-lost-write"),
        Deviation::AcknowledgedUnstored => ("raft-timeout", "leader-completeness"),
        Deviation::AppendsOutOfOrder => ("empty-follower", "convergence"),
        Deviation::SuffixNotDiscarded => ("raft-timeout", "log-matching"),
        Deviation::OneCountsForAll => ("sync-both-die", "no-lost-write"),
        Deviation::ReadsUnconfirmed => ("raft-confirmed-leader", "linearizable"),
        Deviation::SnapshotDropsLastRow => ("retry-add-snapshot-script", SCRIPT),
        Deviation::SnapshotForgetsRequests => ("retry-add-snapshot-script", "exactly-once"),
        Deviation::SnapshotMisplaced => ("follower-catches-up", "log-matching"),
        Deviation::AppliesUncommitted => ("raft-uncommitted-suffix-script", "state-machine-safety"),
        Deviation::StandsOnce => ("raft-split-vote", "progress"),
        Deviation::ExpiredTakenForNew => ("sessions-expired", "exactly-once"),
        Deviation::TakesFromThoseAhead => ("sessions-deposed-script", "exactly-once"),
        Deviation::SnapshotForgetsExpiry => ("sessions-snapshot-script", "exactly-once"),
        Deviation::RestartForgetsRequests => ("retry-add-restart", "exactly-once"),
        Deviation::RecallsFromOne => ("follower-caught-up-script", "leader-completeness"),
        other => panic!("{other}: say which scenario catches it"),
    }
}

#[test]
fn each_planted_fault_is_caught_by_a_scenario_that_ships() {
    for fault in Deviation::PLANTED {
        let (scenario, property) = catches(*fault);
        let builtin = Builtin::named(scenario).expect("it ships");
        let file = builtin.parse().expect("the scenarios that ship are read");
        let mut found = STATES_MAX.map(|states_max| (states_max, file.clone())).into_iter();
        let is_caught = found
            .any(|(states_max, file)| unexpected(file, *fault, states_max).contains(&property));
        assert!(is_caught, "{fault}: {scenario} does not find that {property} is violated");
    }
    assert!(Deviation::PLANTED.len() >= 15);
}
