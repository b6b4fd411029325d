//! Records that no datagram carries: they are read, resolved, deleted, repaired, handed off and
//! caught up like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{TestCluster, once_free};
use quorate::client::{Session, SessionOptions, collect_status, obstacles};
use quorate::node::{Node, NodeHandle, NodeSettings};
use quorate_model::ids::{Key, NodeId, Value};
use quorate_model::protocol::{Operation, Outcome, Refusal};
use quorate_model::versions::VersionVector;

const DEADLINE: Duration = Duration::from_secs(60);

/// Nodes of this process, which are quick to start and to stop.
struct Nodes {
    cluster: TestCluster,
    running: BTreeMap<NodeId, NodeHandle>,
}

impl Nodes {
    fn of(cluster: TestCluster) -> Self {
        let mut nodes = Nodes { cluster, running: BTreeMap::new() };
        for node in nodes.cluster.file.cluster.nodes().to_vec() {
            nodes.start(node, true);
        }
        nodes
    }

    fn start(&mut self, node: NodeId, is_founding: bool) {
        let name = self.cluster.file.cluster.name(node);
        let settings = NodeSettings::new(self.cluster.file.clone(), name).unwrap();
        let settings = NodeSettings { is_founding, ..settings };
        let handle = once_free(|| Node::spawn(settings.clone()));
        self.running.insert(node, handle);
    }

    fn stop(&mut self, node: NodeId) {
        self.running.remove(&node).unwrap().stop().unwrap();
    }

    fn lose_disk(&self, node: NodeId) {
        std::fs::remove_dir_all(&self.cluster.file.node(node).data).unwrap();
    }

    fn session(&self, coordinator: Option<NodeId>) -> Session {
        let options = SessionOptions { coordinator, ..SessionOptions::default() };
        Session::new(self.cluster.file.clone(), options).unwrap()
    }

    fn homes(&self, key: &Key) -> Vec<NodeId> {
        self.cluster.file.cluster.homes(key).iter().collect()
    }

    fn wait_converged(&self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let file = &self.cluster.file;
            let statuses = collect_status(file, Duration::from_secs(2)).unwrap();
            let missing = obstacles(file, &statuses);
            if missing.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{missing:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn configured(edit: impl FnOnce(String) -> String) -> TestCluster {
    TestCluster::configured(5, |text| {
        edit(text)
            .replace("handoff_ms = 500", "handoff_ms = 50")
            .replace("sync_ms = 2000", "sync_ms = 200")
            .replace("catch_up_ms = 500", "catch_up_ms = 100")
    })
}

/// A value of so many bytes.
fn value(bytes: usize, start: &str) -> Value {
    Value::from(&*format!("{start}{}", "x".repeat(bytes - start.len())))
}

fn put(key: &Key, value: Option<Value>, context: VersionVector) -> Operation {
    Operation::Put { key: key.clone(), value, context, w: None, sloppy: None }
}

/// The values of a key and what a read of it has seen.
fn read(session: &mut Session, key: &Key) -> (BTreeSet<Value>, VersionVector) {
    match session.perform(Operation::Get { key: key.clone(), r: None }).unwrap() {
        Outcome::GetOk { state: Some(state), .. } => {
            (state.live().map(|(_, value)| value.clone()).collect(), state.context())
        }
        outcome => panic!("{key}: {outcome:?}"),
    }
}

/// Two clients write a key at the same time through different homes, and neither has seen what the
/// other wrote. Gives what they wrote.
fn race(nodes: &Nodes, key: &Key, bytes: usize) -> BTreeSet<Value> {
    let barrier = Barrier::new(2);
    let homes = nodes.homes(key);
    let write = |coordinator: NodeId| {
        let mut session = nodes.session(Some(coordinator));
        let value = value(bytes, &format!("{coordinator}"));
        barrier.wait();
        match session.perform(put(key, Some(value.clone()), VersionVector::new())).unwrap() {
            Outcome::PutOk { .. } => value,
            outcome => panic!("{key}: {outcome:?}"),
        }
    };
    let write = &write;
    thread::scope(|scope| {
        let writers: Vec<_> = homes[..2].iter().map(|home| scope.spawn(|| write(*home))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

/// Large siblings of so many keys are read, survive a lost disk, are resolved and deleted.
fn large_siblings_do_not_stop_anything(nodes: &mut Nodes, count: usize, bytes: usize) {
    let keys: Vec<_> = (0..count).map(|index| Key::from(&*format!("key{index}"))).collect();
    let written: Vec<_> = keys.iter().map(|key| race(nodes, key, bytes)).collect();
    nodes.wait_converged();
    for (key, written) in keys.iter().zip(&written) {
        assert_eq!(read(&mut nodes.session(None), key).0, *written, "{key}");
        for home in nodes.homes(key) {
            assert_eq!(read(&mut nodes.session(Some(home)), key).0, *written, "{key} at {home}");
        }
    }

    let lost = nodes.homes(&keys[0])[0];
    nodes.stop(lost);
    nodes.lose_disk(lost);
    nodes.start(lost, false);
    nodes.wait_converged();

    for (index, key) in keys.iter().enumerate() {
        let mut session = nodes.session(None);
        let (values, context) = read(&mut session, key);
        assert_eq!(values, written[index], "{key}");
        let resolved = (index % 2 == 0).then(|| value(bytes, "resolved"));
        let outcome = session.perform(put(key, resolved.clone(), context)).unwrap();
        assert!(matches!(outcome, Outcome::PutOk { .. }), "{key}: {outcome:?}");
        assert_eq!(read(&mut session, key).0, resolved.into_iter().collect(), "{key}");
    }
    nodes.wait_converged();
}

#[test]
fn siblings_that_no_datagram_carries_are_read_resolved_deleted_and_caught_up() {
    let mut nodes = Nodes::of(configured(|text| text));
    large_siblings_do_not_stop_anything(&mut nodes, 6, 40_000);
    let statuses = collect_status(&nodes.cluster.file, DEADLINE).unwrap();
    assert!(statuses.values().any(|status| status.traffic.streamed > 0));
    assert!(statuses.values().all(|status| status.traffic.too_large == 0));
}

#[test]
fn the_same_with_values_of_the_most_bytes_permitted() {
    let mut nodes = Nodes::of(configured(|text| text));
    let bytes_max = nodes.cluster.file.cluster.limits().value_bytes_max;
    large_siblings_do_not_stop_anything(&mut nodes, 2, bytes_max);
}

#[test]
fn the_longest_key_and_value_come_out_unchanged_and_one_byte_more_is_refused() {
    let nodes = Nodes::of(configured(|text| text));
    let limits = nodes.cluster.file.cluster.limits();
    let longest = Key::from(&*"k".repeat(limits.key_bytes_max));
    let largest = value(limits.value_bytes_max, "largest");
    let mut session = nodes.session(None);
    let mut write = |key: &Key, value: &Value| {
        session.perform(put(key, Some(value.clone()), VersionVector::new())).unwrap()
    };
    let outcome = write(&longest, &largest);
    assert!(matches!(outcome, Outcome::PutOk { .. }), "{outcome:?}");
    let too_long = Key::from(&*"k".repeat(limits.key_bytes_max + 1));
    let outcome = write(&too_long, &largest);
    assert!(matches!(outcome, Outcome::Refused(Refusal::KeyTooLong { .. })), "{outcome:?}");
    let outcome = write(&longest, &value(limits.value_bytes_max + 1, "larger"));
    assert!(matches!(outcome, Outcome::Refused(Refusal::ValueTooLarge { .. })), "{outcome:?}");

    nodes.wait_converged();
    for home in nodes.homes(&longest) {
        let (values, _) = read(&mut nodes.session(Some(home)), &longest);
        assert!(values == BTreeSet::from([largest.clone()]), "at {home}: {} values", values.len());
    }
}

#[test]
#[ignore = "takes a while: sixty keys, as in docs/running.md"]
fn the_same_with_sixty_keys() {
    large_siblings_do_not_stop_anything(&mut Nodes::of(configured(|text| text)), 60, 40_000);
}

#[test]
fn the_same_where_datagrams_and_streams_lose_double_and_delay() {
    let mut nodes = Nodes::of(configured(|text| {
        let faults = "[faults]\ndrop = 0.1\nduplicate = 0.1\ndelay = 0.2\ndelay_ms_max = 20\n\
                      seed = 5\n[timeouts]";
        text.replace("[timeouts]", faults)
            .replace("client_attempt_ms = 400", "client_attempt_ms = 100")
    }));
    large_siblings_do_not_stop_anything(&mut nodes, 3, 40_000);
}

#[test]
fn states_that_cannot_be_sent_are_told_and_keep_a_cluster_from_converging_though_all_are_up() {
    let nodes = Nodes::of(configured(|text| {
        format!("message_bytes_max = 65507\n{text}")
            .replace("request_ms = 10000", "request_ms = 300")
            .replace("client_attempts = 40 ", "client_attempts = 2 ")
    }));
    let key = Key::from("key");
    let homes = nodes.homes(&key);
    let write = |coordinator: NodeId| {
        let (context, value) = (VersionVector::new(), value(40_000, &format!("{coordinator}")));
        // Whether it is acknowledged depends on whether the states met before they were sent.
        nodes.session(Some(coordinator)).perform(put(&key, Some(value), context)).unwrap();
    };
    let write = &write;
    thread::scope(|scope| {
        homes[..2].iter().for_each(|home| drop(scope.spawn(|| write(*home))));
    });
    crate::support::wait_for("a state to be too large", || {
        let statuses = collect_status(&nodes.cluster.file, DEADLINE).unwrap();
        statuses.values().any(|status| status.oversized == 1)
    });
    let waited = nodes.cluster.run(&["status", "--wait-converged", "--timeout", "1ms"]);
    assert_eq!(waited.code, 1, "{waited:?}");
    assert!(waited.err.contains("cannot be sent"), "{waited:?}");
    assert!(!waited.out.contains("down") && !waited.err.contains("does not answer"), "{waited:?}");
}

#[test]
fn every_large_sloppy_write_reaches_the_homes_that_were_down() {
    let mut nodes = Nodes::of(configured(|text| {
        text.replace("sloppy = false", "sloppy = true")
            .replace("request_ms = 10000", "request_ms = 300")
            .replace("ping_ms = 10000", "ping_ms = 100")
    }));
    let key = Key::from("key");
    let homes = nodes.homes(&key);
    homes.iter().for_each(|home| nodes.stop(*home));
    let written: BTreeSet<_> = (0..8).map(|index| value(10_000, &index.to_string())).collect();
    for value in &written {
        // A client of its own for each: nobody has seen what the others wrote.
        let outcome =
            nodes.session(None).perform(put(&key, Some(value.clone()), VersionVector::new()));
        assert!(matches!(outcome, Ok(Outcome::PutOk { .. })), "{outcome:?}");
    }
    homes.iter().for_each(|home| nodes.start(*home, false));
    nodes.wait_converged();
    let statuses = collect_status(&nodes.cluster.file, DEADLINE).unwrap();
    assert!(statuses.values().any(|status| status.traffic.streamed > 0));
    for home in homes {
        assert_eq!(read(&mut nodes.session(Some(home)), &key).0, written, "at {home}");
    }
}
