//! Real nodes under load, on bad networks and through crashes, do only what the protocol gives.

use quorate_model::ids::Peer;
use quorate_model::protocol::{Input, Message, ReadRepair};
use quorate_model::refine::report::NodeReport;
use quorate_model::refine::trace::NodeStep;
use quorate_model::refine::{Reason, Report};
use quorate_refinement_tests::{Load, LoadSetting, Recorded, Setting, TracedCluster, wait_for};

const NODE: &str = env!("CARGO_BIN_EXE_traced-node");

/// How often a property was put to the test where it is promised, and it was never broken: of every key,
/// but for what a retry does that no coordinator recognised, as one that came up anew may not.
fn held(report: &Report, name: &str) -> u64 {
    let named = |name| report.properties.iter().find(|property| property.name == name).unwrap();
    let property = named(name);
    let minted_twice = match name {
        "true-siblings" | "no-resurrection" => named("minted-once").broken,
        _ => 0,
    };
    assert_eq!(property.keys_promised as u64 + minted_twice, report.keys_judged as u64, "{name}");
    assert!(property.broken <= minted_twice, "{name}");
    property.occasions_promised
}

#[test]
fn a_cluster_on_a_network_that_loses_duplicates_and_reorders_stays_within_the_model() {
    let setting =
        Setting { read_repair: ReadRepair::Blocking, is_lossy: true, ..Setting::default() };
    let mut cluster = TracedCluster::start(NODE, setting);
    Load::start(&cluster, LoadSetting { clients: 8, operations: 40, keys: 5 }).join();
    let report = cluster.validate().unwrap_or_else(|error| panic!("{error}"));
    let messages = report.messages;
    assert!(messages.lost > 0 && messages.duplicated > 0 && messages.reordered > 0, "{messages:?}");
    assert_eq!(messages.trusted + messages.unobserved, 0);
    assert_eq!(report.clients.reads + report.clients.writes, 320);
    assert_eq!((report.keys_judged, &*report.keys_not_judged), (5, &[][..]));
    for name in [
        "read-freshness",
        "no-lost-write",
        "monotonic-reads",
        "read-your-writes",
        "true-siblings",
        "unique-dots",
        "quorum-overlap",
        "no-resurrection",
    ] {
        assert!(held(&report, name) > 0, "{name} had no occasion");
    }
    // Promised as well, but nothing in this run puts them to the test.
    for name in ["key-resolvable", "hint-safety", "entries-bounded"] {
        held(&report, name);
    }
}

#[test]
fn a_cluster_killed_under_load_whose_reads_ask_further_homes_when_one_is_late_stays_within_the_model()
 {
    let setting = Setting { nodes: 4, speculative_retry: true, ..Setting::default() };
    let mut cluster = TracedCluster::start(NODE, setting);
    let load = Load::start(&cluster, LoadSetting { clients: 8, operations: 60, keys: 6 });
    for (round, name) in ["n1", "n3", "n2", "n1"].into_iter().enumerate() {
        wait_for("progress", || load.done() >= (round + 1) * 60);
        cluster.kill(name);
        wait_for("progress without it", || load.done() >= (round + 1) * 60 + 20);
        cluster.restart(name);
    }
    load.join();
    let recorded = Recorded::read(&cluster.finish());
    let report = recorded.validate().unwrap_or_else(|refused| panic!("{refused}"));
    let mut lines = recorded.files.iter().flat_map(|(_, lines)| lines);
    let asks_rest = |line: &String| line.contains(r#""Expire":{"Speculate""#);
    assert!(lines.any(asks_rest), "no home was late");
    assert_eq!(report.nodes.iter().map(|node| node.restarts).collect::<Vec<_>>(), [2, 1, 1, 0]);
    assert_eq!(report.keys_judged, 6, "{:?}", report.keys_not_judged);
    for name in ["read-freshness", "no-lost-write", "read-your-writes", "unique-dots"] {
        assert!(held(&report, name) > 0, "{name} had no occasion");
    }
}

#[test]
fn a_cluster_that_loses_a_disk_under_load_stays_within_the_model_and_keeps_what_it_acknowledged() {
    let setting = Setting { nodes: 4, ..Setting::default() };
    let mut cluster = TracedCluster::start(NODE, setting);
    let load = Load::start(&cluster, LoadSetting { clients: 8, operations: 60, keys: 6 });
    wait_for("progress", || load.done() >= 100);
    cluster.kill("n1");
    wait_for("progress without it", || load.done() >= 150);
    cluster.restart_without_disk("n1");
    load.join();
    cluster.wait_until_converged();
    let recorded = Recorded::read(&cluster.finish());
    let report = recorded.validate().unwrap_or_else(|refused| panic!("{refused}"));
    let of_nodes =
        |count: fn(&NodeReport) -> u64| report.nodes.iter().map(count).collect::<Vec<_>>();
    assert_eq!(of_nodes(|node| node.restarts), [1, 0, 0, 0]);
    assert_eq!(of_nodes(|node| node.lost_disks), [1, 0, 0, 0]);
    assert_eq!(report.keys_judged, 6, "{:?}", report.keys_not_judged);
    for name in ["no-lost-write", "true-siblings", "unique-dots"] {
        assert!(held(&report, name) > 0, "{name} had no occasion");
    }

    // Had the node not said so, it would have come back with less than it acknowledged.
    let mut silent = recorded;
    let (_, lines) = silent.files.iter_mut().find(|(name, _)| name.starts_with("n1")).unwrap();
    let header = lines.iter().rposition(|line| line.starts_with(r#"{"node":{"#)).unwrap();
    lines[header] = lines[header].replace(r#","lost_disk":true"#, "");
    lines.truncate(header + 1);
    let refused = silent.validate().unwrap_err();
    assert!(matches!(refused.reason, Reason::CutOff { .. }), "{refused}");
}

#[test]
fn a_sloppy_cluster_whose_nodes_are_killed_under_load_and_take_over_hints_stays_within_the_model() {
    let setting = Setting { is_sloppy: true, ..Setting::default() };
    let mut cluster = TracedCluster::start(NODE, setting);
    let load = Load::start(&cluster, LoadSetting { clients: 8, operations: 60, keys: 6 });
    for (round, names) in [["n1", "n3"], ["n2", "n5"], ["n4", "n1"]].into_iter().enumerate() {
        wait_for("progress", || load.done() >= (round + 1) * 100);
        names.iter().for_each(|name| cluster.kill(name));
        wait_for("progress without them", || load.done() >= (round + 1) * 100 + 50);
        names.iter().for_each(|name| cluster.restart(name));
    }
    load.join();
    cluster.wait_until_handed_over();
    let traces = cluster.finish();
    let recorded = Recorded::read(&traces);
    let report = recorded.validate().unwrap_or_else(|refused| panic!("{refused}"));
    let lines = || recorded.files.iter().flat_map(|(_, lines)| lines);
    assert!(lines().any(|line| line.contains("HandoffAck")), "nothing was handed over");
    assert_eq!(report.nodes.iter().map(|node| node.restarts).sum::<u64>(), 6);
    assert_eq!(report.keys_judged, 6, "{:?}", report.keys_not_judged);
    for name in ["no-lost-write", "unique-dots"] {
        assert!(held(&report, name) > 0, "{name} had no occasion");
    }
    let freshness = report.properties.iter().find(|property| property.name == "read-freshness");
    assert_eq!(freshness.map(|property| property.keys_promised), Some(0));
}

#[test]
fn a_cluster_killed_under_sloppy_load_converges_by_handoff_and_anti_entropy_within_the_model() {
    // Without read repair, so that only those two bring a home what it missed.
    let setting = Setting {
        is_sloppy: true,
        read_repair: ReadRepair::Off,
        sync_ms: 100,
        ..Setting::default()
    };
    let mut cluster = TracedCluster::start(NODE, setting);
    let load = Load::start(&cluster, LoadSetting { clients: 8, operations: 100, keys: 12 });
    for (round, names) in [["n1", "n3"], ["n2", "n5"]].into_iter().enumerate() {
        wait_for("progress", || load.done() >= (round + 1) * 100);
        names.iter().for_each(|name| cluster.kill(name));
        wait_for("progress without them", || load.done() >= (round + 1) * 100 + 50);
        names.iter().for_each(|name| cluster.restart(name));
    }
    // The last ones come back to a cluster that nobody writes to any more.
    ["n3", "n4"].iter().for_each(|name| cluster.kill(name));
    assert!(load.done() < 800, "the load was over before the last nodes were killed");
    load.join();
    ["n3", "n4"].iter().for_each(|name| cluster.restart(name));
    cluster.wait_until_converged();

    let recorded = Recorded::read(&cluster.finish());
    let report = recorded.validate().unwrap_or_else(|refused| panic!("{refused}"));
    let steps: Vec<_> = recorded.node_steps().collect();
    // Steps that such a message changed a node in.
    let changed_by = |wanted: fn(&Message) -> bool| {
        let changes = |pair: &&[NodeStep]| match (&pair[0], &pair[1].input) {
            (before, Input::Receive { from: Peer::Node(_), message }) if wanted(message) => {
                pair[1].number == before.number + 1 && pair[1].digest != before.digest
            }
            _ => false,
        };
        steps.windows(2).filter(changes).count()
    };
    let synced = changed_by(|message| matches!(message, Message::SyncStates { .. }));
    let handed_over = changed_by(|message| matches!(message, Message::HandoffAck { .. }));
    assert!(synced > 0 && handed_over > 0, "{synced} synced, {handed_over} handed over");
    assert_eq!(report.nodes.iter().map(|node| node.restarts).collect::<Vec<_>>(), [1, 1, 2, 1, 1]);
    assert_eq!(report.keys_judged, 12, "{:?}", report.keys_not_judged);
    for name in ["no-lost-write", "unique-dots"] {
        assert!(held(&report, name) > 0, "{name} had no occasion");
    }
}
