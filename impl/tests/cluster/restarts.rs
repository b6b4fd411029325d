//! Coordinators that start again and again, each time with a read-modify-write of one key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{TestCluster, once_free};
use quorate::client::{Session, SessionOptions, collect_status};
use quorate::config::ClusterFile;
use quorate::node::{Node, NodeHandle, NodeSettings};
use quorate_model::ids::{Key, NodeId, Value};
use quorate_model::protocol::{Operation, Outcome};
use quorate_model::versions::Record;

/// A node in this process, on a disk and a socket of its own.
fn start(cluster: &ClusterFile, name: &str, is_founding: bool) -> NodeHandle {
    let settings = NodeSettings::new(cluster.clone(), name).unwrap();
    let settings = NodeSettings { is_founding, ..settings };
    once_free(|| Node::spawn(settings.clone()))
}

fn operate(cluster: &ClusterFile, coordinator: NodeId, operation: Operation) -> Outcome {
    let coordinator = Some(coordinator);
    let options = SessionOptions { coordinator, ..SessionOptions::default() };
    Session::new(cluster.clone(), options).unwrap().perform(operation).unwrap()
}

fn read(cluster: &ClusterFile, coordinator: NodeId) -> Option<Arc<Record>> {
    match operate(cluster, coordinator, Operation::Get { key: Key::from("k"), r: None }) {
        Outcome::GetOk { state, .. } => state,
        other => panic!("a quorum is up: {other:?}"),
    }
}

/// Restarts the nodes in turn, each time with a read-modify-write through the one that has just
/// started. Says how many entries the key's version vector has in the end.
fn entries_after(restarts: usize) -> usize {
    let configured = TestCluster::configured(3, |text| text);
    let cluster = &configured.file;
    let names = configured.names();
    let ids = cluster.cluster.nodes();
    let mut nodes: Vec<Option<NodeHandle>> =
        names.iter().map(|name| Some(start(cluster, name, true))).collect();
    for restart in 0..restarts {
        let at = restart % nodes.len();
        let node = nodes[at].take().expect("every node is up between two rounds");
        if restart % 2 == 0 { node.kill() } else { node.stop() }.unwrap();
        nodes[at] = Some(start(cluster, &names[at], false));
        let before = read(cluster, ids[at]);
        let context = before.map(|state| state.context()).unwrap_or_default();
        let value = Some(Value::from(&*format!("after restart {restart}")));
        let key = Key::from("k");
        let put = Operation::Put { key, value, context, w: None, sloppy: None };
        let outcome = operate(cluster, ids[at], put);
        assert!(matches!(outcome, Outcome::PutOk { .. }), "{restart}: {outcome:?}");
        if (restart + 1) % 1_000 == 0 {
            let entries = read(cluster, ids[0]).unwrap().context().iter().count();
            println!("{} restarts: {entries} entries", restart + 1);
        }
    }
    let state = read(cluster, ids[0]).unwrap();
    let last = format!("after restart {}", restarts - 1);
    let values: Vec<String> = state.live().map(|(_, value)| value.to_string()).collect();
    assert_eq!(values, [last], "every write had seen the one before");
    let lives: Vec<u32> = collect_status(cluster, Duration::from_secs(10))
        .unwrap()
        .values()
        .map(|status| status.life.0)
        .collect();
    assert_eq!(
        lives.iter().sum::<u32>() as usize,
        restarts,
        "each kept its incarnation: {lives:?}"
    );
    state.context().iter().count()
}

#[test]
fn restarts_between_read_modify_writes_leave_one_entry_of_each_home() {
    assert_eq!(entries_after(50), 3);
}

/// The same, as long as it takes to be convinced: `cargo test --release --test cluster restarts -- --ignored
/// --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn ten_thousand_restarts_leave_one_entry_of_each_home() {
    let start = Instant::now();
    assert_eq!(entries_after(10_000), 3);
    println!("in {:.0} s", start.elapsed().as_secs_f64());
}
