//! A sloppy cluster stays writable while homes are down, and hands over what it kept for them.

mod support;

use std::collections::BTreeMap;
use std::thread;

use quorate::client::{Session, SessionOptions};
use quorate_model::ids::{Key, NodeId, NodeSet, Value};
use quorate_model::protocol::{Operation, Outcome};
use support::{TestCluster, wait_for};

const DOWN: [&str; 2] = ["n2", "n4"];

/// A cluster of five that soon turns to fallbacks and soon hands off.
fn sloppy() -> TestCluster {
    let mut cluster = TestCluster::configured(5, |text| {
        text.replace("sloppy = false", "sloppy = true")
            .replace("request_ms = 10000", "request_ms = 500")
            .replace("ping_ms = 10000", "ping_ms = 500")
            .replace("handoff_ms = 500", "handoff_ms = 50")
    });
    cluster.start_all();
    cluster
}

fn key(index: usize) -> Key {
    Key::from(&*format!("key{index}"))
}

/// The nodes that are down.
fn down(cluster: &TestCluster) -> NodeSet {
    DOWN.iter().map(|name| cluster.file.node_named(name).unwrap()).collect()
}

/// Writes this many keys, each with its number, several at a time; who acknowledged each.
fn write(cluster: &TestCluster, count: usize, w: Option<usize>) -> Vec<NodeSet> {
    const WRITERS: usize = 20;
    let writer = |first: usize| {
        let mut session = Session::new(cluster.file.clone(), SessionOptions::default()).unwrap();
        let mut put = |index: usize| {
            let (value, context) = (Some(Value::from(&*index.to_string())), Default::default());
            let operation = Operation::Put { key: key(index), value, context, w, sloppy: None };
            match session.perform(operation).unwrap() {
                Outcome::PutOk { acked } => acked,
                other => panic!("{}: {other:?}", key(index)),
            }
        };
        (first..count).step_by(WRITERS).map(&mut put).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let writers: Vec<_> =
            (0..WRITERS).map(|first| scope.spawn(move || writer(first))).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    })
}

/// How many hints all nodes that answer hold.
fn hints(cluster: &TestCluster) -> u64 {
    let held = |row: &serde_json::Value| row["status"]["hints"].as_u64().unwrap_or_default();
    cluster.status().values().map(held).sum()
}

#[test]
fn writes_with_two_homes_down_are_acknowledged_and_reach_those_homes_when_they_are_back() {
    let mut cluster = sloppy();
    DOWN.iter().for_each(|name| cluster.kill(name));
    // W = 3 of three homes, so that every write needs a fallback for each home that is down. With
    // fewer, a write may be acknowledged without one, and is then for anti-entropy to bring.
    let acked = write(&cluster, 200, Some(3));
    let down = down(&cluster);
    assert!(acked.iter().all(|acked| acked.len() >= 3 && acked.intersection(down).is_empty()));
    let missing: usize = (0..200)
        .map(|index| cluster.file.cluster.homes(&key(index)).intersection(down).len())
        .sum();
    assert_eq!(hints(&cluster), missing as u64);
    let waiting = cluster.run(&["status", "--wait-converged", "--timeout", "300ms"]);
    assert_eq!(waiting.code, 1);
    assert!(waiting.err.contains("n2 does not answer"), "{}", waiting.err);
    assert!(waiting.err.contains("hints for n2"), "{}", waiting.err);

    DOWN.iter().for_each(|name| cluster.start(name));
    let converged = cluster.ok(&["status", "--wait-converged", "--timeout", "60s", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&converged.out).unwrap();
    let mut keys = BTreeMap::new();
    for row in &rows {
        assert_eq!(
            (&row["status"]["hints"], &row["status"]["catching_up"]),
            (&0.into(), &false.into())
        );
        keys.insert(row["node"].as_str().unwrap(), row["status"]["keys"].as_u64().unwrap());
    }
    for (index, node) in cluster.file.cluster.nodes().iter().enumerate() {
        let is_home = |index: &usize| cluster.file.cluster.homes(&key(*index)).contains(*node);
        let expected = (0..200).filter(is_home).count() as u64;
        assert_eq!(keys[&*format!("n{}", index + 1)], expected);
    }
}

#[test]
fn every_home_answers_alone_with_what_was_written_while_it_was_down() {
    let mut cluster = sloppy();
    DOWN.iter().for_each(|name| cluster.kill(name));
    write(&cluster, 20, Some(3));
    DOWN.iter().for_each(|name| cluster.start(name));
    cluster.ok(&["status", "--wait-converged"]);
    let others: Vec<_> =
        cluster.names().into_iter().filter(|name| !DOWN.contains(&name.as_str())).collect();
    others.iter().for_each(|name| cluster.kill(name));
    for index in 0..20 {
        let homes = cluster.file.cluster.homes(&key(index));
        for node in homes.intersection(down(&cluster)).iter() {
            let coordinator = cluster.file.cluster.name(node);
            let name = key(index).to_string();
            let read = cluster.ok(&["get", &name, "--r", "1", "--coordinator", coordinator]);
            assert_eq!(read.out, format!("{index}\n"));
        }
    }
}

#[test]
fn a_write_without_any_home_is_kept_unless_it_is_strict() {
    let mut cluster = sloppy();
    let homes = cluster.file.cluster.homes(&key(0));
    let names: Vec<_> =
        homes.iter().map(|home| cluster.file.cluster.name(home).to_string()).collect();
    names.iter().for_each(|name| cluster.kill(name));
    let name = key(0).to_string();
    let strict = cluster.run(&["put", &name, "strict", "--strict"]);
    assert_eq!(strict.code, 1, "{strict:?}");
    let sloppy = cluster.ok(&["put", &name, "kept"]);
    assert!(sloppy.out.starts_with("ok, acknowledged by "), "{sloppy:?}");
    names.iter().for_each(|name| cluster.start(name));
    wait_for("the hints to be handed over", || hints(&cluster) == 0);
    assert_eq!(cluster.ok(&["get", &name]).out, "kept\n");
}

#[test]
fn a_node_that_lost_its_directory_catches_up_and_says_so() {
    let mut cluster = sloppy();
    write(&cluster, 50, Some(3));
    cluster.kill("n1");
    std::fs::remove_dir_all(cluster.path("n1")).unwrap();
    cluster.start("n1");
    cluster.ok(&["status", "--wait-converged"]);
    let log = std::fs::read_to_string(cluster.path("n1.log")).unwrap();
    assert!(log.contains("catching up") && log.contains("caught up"), "{log}");
    let homes = |index: &usize| cluster.file.cluster.homes(&key(*index)).contains(NodeId(0));
    let expected = (0..50).filter(homes).count();
    assert_eq!(cluster.status()["n1"]["status"]["keys"], expected);
}

#[test]
fn a_sloppy_request_and_one_that_a_client_fans_out_exclude_each_other() {
    let cluster = TestCluster::configured(3, |text| text);
    for flags in [["--sloppy", "--strict"], ["--sloppy", "--client-driven"]] {
        let refused = cluster.run(&[&["put", "key", "value"][..], &flags[..]].concat());
        assert_eq!(refused.code, 2, "{refused:?}");
    }
}
