//! A sloppy cluster stays writable while homes are down, and hands over what it kept for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;

use crate::support::{Ran, TestCluster, quorate, wait_for};
use quorate::client::{ClientTrace, Session, SessionOptions};
use quorate_model::ids::{Key, NodeId, NodeSet, Value};
use quorate_model::protocol::{Operation, Outcome};

const DOWN: [&str; 2] = ["n2", "n4"];

/// How many clients ask at a time: a put that finds too few of its homes up waits until its
/// coordinator turns to fallbacks.
const CLIENTS: usize = 20;

/// A cluster of five that soon turns to fallbacks and soon hands off.
fn sloppy() -> TestCluster {
    sloppy_with(|text| text)
}

/// The same, with a configuration that is edited further.
fn sloppy_with(edit: impl FnOnce(String) -> String) -> TestCluster {
    let mut cluster = TestCluster::configured(5, |text| {
        edit(text)
            .replace("sloppy = false", "sloppy = true")
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

/// Does the same for every one of so many keys, several at a time, as clients that trace to files
/// whose names start with `trace`. Gives what came of each.
fn for_each_key<T: Send>(
    cluster: &TestCluster,
    trace: &str,
    options: SessionOptions,
    count: usize,
    ask: impl Fn(&mut Session, usize) -> T + Sync,
) -> BTreeMap<usize, T> {
    let client = |first: usize| {
        let path = cluster.path(&format!("{trace}{first}.jsonl"));
        let session = Session::new(cluster.file.clone(), options).unwrap();
        let mut session = session.traced(ClientTrace::open(&path).unwrap()).unwrap();
        let keys = (first..count).step_by(CLIENTS);
        keys.map(|index| (index, ask(&mut session, index))).collect::<Vec<_>>()
    };
    let client = &client;
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|first| scope.spawn(move || client(first))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// Writes this many keys, each with its number; who acknowledged each.
fn write(cluster: &TestCluster, count: usize, w: Option<usize>) -> BTreeMap<usize, NodeSet> {
    for_each_key(cluster, "writer", SessionOptions::default(), count, |session, index| {
        let (value, context) = (Some(Value::from(&*index.to_string())), Default::default());
        let operation = Operation::Put { key: key(index), value, context, w, sloppy: None };
        match session.perform(operation).unwrap() {
            Outcome::PutOk { acked } => acked,
            other => panic!("{}: {other:?}", key(index)),
        }
    })
}

/// How many hints all nodes that answer hold.
fn hints(cluster: &TestCluster) -> u64 {
    let held = |row: &serde_json::Value| row["status"]["hints"].as_u64().unwrap_or_default();
    cluster.status().values().map(held).sum()
}

#[test]
fn writes_with_two_homes_down_are_acknowledged_and_reach_those_homes_when_they_are_back() {
    // Without anti-entropy, so that handoff alone must do, and nodes agree without its trees.
    let mut cluster =
        sloppy_with(|text| text.replace("anti_entropy = true", "anti_entropy = false"));
    DOWN.iter().for_each(|name| cluster.kill(name));
    // W = 3 of three homes, so that every write needs a fallback for each home that is down. With
    // fewer, a write may be acknowledged without one, and is then for anti-entropy to bring.
    let acked = write(&cluster, 200, Some(3));
    let down = down(&cluster);
    assert!(acked.values().all(|acked| acked.len() >= 3 && acked.intersection(down).is_empty()));
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
    assert!(converged.err.starts_with("converged: "), "{converged:?}");
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

/// Reads this many keys, those that the node is a home of, from this node and nobody else.
fn read_alone(cluster: &TestCluster, node: NodeId, count: usize) {
    let trace = format!("reader{}-", node.0);
    let options = SessionOptions { coordinator: Some(node), ..SessionOptions::default() };
    for_each_key(cluster, &trace, options, count, |session, index| {
        if !cluster.file.cluster.homes(&key(index)).contains(node) {
            return;
        }
        match session.perform(Operation::Get { key: key(index), r: Some(1) }).unwrap() {
            Outcome::GetOk { state: Some(state), replied } => {
                assert_eq!(replied, [node].into_iter().collect(), "{}", key(index));
                let values: Vec<_> = state.versions().map(|(_, value)| value.cloned()).collect();
                assert_eq!(values, [Some(Value::from(&*index.to_string()))], "{}", key(index));
            }
            other => panic!("{} at {node}: {other:?}", key(index)),
        }
    });
}

#[test]
fn a_thousand_writes_with_two_nodes_killed_are_at_every_home_after_their_return_and_validated() {
    const KEYS: usize = 1_000;
    // Without read repair, so that no read brings a home what another one is then asked for.
    let mut cluster = sloppy_with(|text| {
        let text = text.replace("read_repair = \"async\"", "read_repair = \"off\"");
        (1..=5).fold(text, |text, node| {
            let data = format!("data = \"n{node}\"");
            text.replace(&data, &format!("trace = \"n{node}.jsonl\"\n{data}"))
        })
    });
    DOWN.iter().for_each(|name| cluster.kill(name));
    let acked = write(&cluster, KEYS, None);
    assert_eq!(acked.len(), KEYS);
    DOWN.iter().for_each(|name| cluster.start(name));
    cluster.ok(&["status", "--wait-converged", "--timeout", "60s"]);
    for node in cluster.file.cluster.nodes() {
        read_alone(&cluster, *node, KEYS);
    }
    cluster.names().iter().for_each(|name| cluster.kill(name));
    let files = std::fs::read_dir(cluster.path(".")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let traces: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    assert_eq!(traces.len(), 5 + 6 * CLIENTS);
    let validated: Ran =
        quorate().args(["validate", "--json"]).args(&traces).output().unwrap().into();
    assert_eq!(validated.code, 0, "{validated:?}");
    let report: serde_json::Value = serde_json::from_str(&validated.out).unwrap();
    assert_eq!(report["accepted"]["keys_judged"], KEYS);
    assert_eq!(report["accepted"]["clients"]["writes_acknowledged"], KEYS);
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

#[test]
fn a_sloppy_request_is_refused_where_nothing_is_ever_handed_off() {
    let cluster =
        TestCluster::configured(3, |text| text.replace("handoff = true", "handoff = false"));
    let refused = cluster.run(&["put", "key", "value", "--sloppy"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("background.handoff = false"), "{refused:?}");
}

#[test]
fn two_nodes_that_lost_their_disks_say_what_they_wait_for_until_an_operator_accepts_the_loss() {
    let mut cluster = sloppy();
    write(&cluster, 20, Some(3));
    let homes = cluster.file.cluster.homes(&key(0));
    let homes: Vec<_> =
        homes.iter().map(|home| cluster.file.cluster.name(home).to_string()).collect();
    let (one, other) = (homes[0].as_str(), homes[1].as_str());
    for name in [one, other] {
        cluster.kill(name);
        std::fs::remove_dir_all(cluster.path(name)).unwrap();
    }
    cluster.start(one);
    cluster.start(other);
    let waited = cluster.run(&["status", "--wait-converged", "--timeout", "1s"]);
    assert_eq!(waited.code, 1, "{waited:?}");
    let never = format!("but {other} catch up too, so that this never ends; `quorate accept-loss");
    assert!(waited.err.contains(&never), "{waited:?}");
    assert!(cluster.run(&["status"]).err.contains(&never));
    let status = &cluster.status()[one]["status"];
    assert_eq!(status["catching_up"], true);
    let waits_for = status["waits_for"].as_array().unwrap();
    assert!(waits_for.iter().any(|range| range["waits_for"] == serde_json::json!([other])));
    wait_for("the log to say so", || {
        let log = std::fs::read_to_string(cluster.path(&format!("{one}.log"))).unwrap();
        log.contains("still catching up") && log.contains("themselves_catching_up")
    });

    let bystander = homes[2].as_str();
    let serves = cluster.run(&["accept-loss", "--node", bystander]);
    assert_eq!((serves.code, serves.err.contains("waits for nobody")), (2, true), "{serves:?}");
    let unconfirmed = cluster.run(&["accept-loss", "--node", one]);
    assert_eq!(unconfirmed.code, 2, "{unconfirmed:?}");
    assert!(unconfirmed.err.contains("--acknowledged-writes-may-be-lost"), "{unconfirmed:?}");
    assert_eq!(cluster.status()[one]["status"]["catching_up"], true);

    cluster.ok(&["accept-loss", "--node", one, "--acknowledged-writes-may-be-lost"]);
    cluster.ok(&["status", "--wait-converged"]);
    for index in 0..20 {
        let name = key(index).to_string();
        assert_eq!(cluster.ok(&["get", &name]).out, format!("{index}\n"));
    }
}
