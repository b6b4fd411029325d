//! What clusters with a leader are said to promise is what the scenarios that ship find.

use std::collections::BTreeSet;

use quorate_checker::world::Expected;
use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};
use quorate_leader_model::builtin::ALL;
use quorate_leader_model::counterexample;
use quorate_leader_model::promises::{
    Circumstances, IN_THE_END, Judged, Promise, Promiser, Told, promised,
};
use quorate_leader_model::property;

fn promiser(replication: Replication, election: ElectionKind) -> Promiser {
    Promiser { nodes: 3, replication, election, log: LogKind::Row }
}

/// All that some cluster promises.
fn all() -> impl Iterator<Item = &'static str> {
    Judged::ALL.map(Judged::name).into_iter().chain(IN_THE_END)
}

#[test]
fn no_cluster_promises_what_a_scenario_shows_to_be_violated() {
    let (mut violated, mut held) = (BTreeSet::new(), BTreeSet::new());
    for builtin in ALL {
        let scenario = builtin.parse().unwrap_or_else(|error| panic!("{error}"));
        if Told::of(&scenario).is_none() {
            continue;
        }
        let promised: Vec<&str> = promised(&scenario).collect();
        for name in all() {
            let is_promised = promised.contains(&name);
            match scenario.expect.get(name) {
                Some(Expected::Violated) => {
                    assert!(!is_promised, "{}: {name} is promised and violated", builtin.name);
                    violated.insert((name, builtin.name));
                }
                Some(Expected::Holds) if is_promised => drop(held.insert(name)),
                _ => {}
            }
        }
    }
    println!("{} verdicts, and {held:?} hold where they are promised", violated.len());
    assert!(violated.len() >= 20 && held.len() == all().count(), "{violated:?} {held:?}");
}

#[test]
fn every_promise_is_of_a_property_that_scenarios_know() {
    let names: Vec<&str> = property::all().iter().map(|property| property.name).collect();
    assert!(all().all(|name| names.contains(&name)));
}

#[test]
fn a_promise_says_how_many_disks_may_be_lost() {
    let of = |replication, election, property| {
        promiser(replication, election).promise(property, Reads::Confirmed)
    };
    let (raft, bully) = (ElectionKind::Raft, ElectionKind::Bully);
    assert_eq!(of(Replication::Majority, raft, Judged::NoLostWrite), Promise::UpTo(1));
    assert_eq!(of(Replication::SemiSync, raft, Judged::Linearizable), Promise::UpTo(1));
    assert_eq!(of(Replication::Async, raft, Judged::NoLostWrite), Promise::Not);
    assert_eq!(of(Replication::Async, raft, Judged::OneLeaderPerEpoch), Promise::UpTo(0));
    assert_eq!(of(Replication::Async, bully, Judged::OneLeaderPerEpoch), Promise::Always);
    assert_eq!(of(Replication::Sync, bully, Judged::NoLostWrite), Promise::Not);
    let five = Promiser { nodes: 5, ..promiser(Replication::SemiSync, raft) };
    assert_eq!(five.promise(Judged::NoLostWrite, Reads::Confirmed), Promise::Not);
    // Of two nodes both vote, so nothing that only one of them has is lost as long as it has its disk.
    let two = Promiser { nodes: 2, ..promiser(Replication::Async, raft) };
    assert_eq!(two.promise(Judged::NoLostWrite, Reads::Confirmed), Promise::UpTo(0));
    let alone = Promiser { nodes: 1, ..promiser(Replication::Majority, raft) };
    assert_eq!(alone.promise(Judged::NoLostWrite, Reads::Confirmed), Promise::UpTo(0));
}

#[test]
fn what_is_read_is_promised_where_reads_see_what_was_written() {
    let cluster = promiser(Replication::Majority, ElectionKind::Raft);
    let is_promised = |property, reads| cluster.promise(property, reads) != Promise::Not;
    assert!(is_promised(Judged::Linearizable, Reads::Confirmed));
    assert!(!is_promised(Judged::Linearizable, Reads::Position));
    assert!(is_promised(Judged::ReadYourWrites, Reads::Position));
    assert!(!is_promised(Judged::MonotonicReads, Reads::Leader));
    let executes = Promiser { log: LogKind::Statement, ..cluster };
    let under = |draws| Circumstances { reads: Reads::Confirmed, lost_disks: 0, draws };
    assert!(executes.is_promised(Judged::Linearizable, &under(false)));
    assert!(!executes.is_promised(Judged::Linearizable, &under(true)));
    assert!(executes.is_promised(Judged::NoLostWrite, &under(true)));
}

#[test]
fn a_counterexample_is_a_scenario_of_a_cluster_that_is_set_alike() {
    let shown = |property, replication, election, reads| {
        let promiser = promiser(replication, election);
        counterexample(property, &promiser, reads).map(|builtin| builtin.name)
    };
    let raft = ElectionKind::Raft;
    let lost = shown(Judged::NoLostWrite, Replication::Async, raft, Reads::Leader);
    assert_eq!(lost, Some("async-leader-returns-compacted"));
    let stale = shown(Judged::Linearizable, Replication::Majority, raft, Reads::Leader);
    assert_eq!(stale, Some("raft-stale-leader"));
    let confirmed = shown(Judged::Linearizable, Replication::Majority, raft, Reads::Confirmed);
    assert_eq!(confirmed, None);
}
