//! Nodes that are killed, restarted and stopped.

use std::sync::Arc;

use crate::support::{TestCluster, quorate, signal, wait_for};
use quorate_model::ids::NodeId;
use quorate_model::protocol::{MemoryStore, NodeConfig, Replica};
use quorate_model::refine::digest::{StateDigest, StoreDigest};
use quorate_model::refine::trace::TraceLine;

#[test]
fn a_write_made_while_a_home_was_down_is_read_through_that_home_after_its_return() {
    let mut cluster = TestCluster::running(3);
    cluster.ok(&["put", "key", "before"]);
    cluster.kill("n2");
    let token = cluster.token("key");
    cluster.ok(&["put", "key", "after", "--context", &token]);
    cluster.start("n2");
    let read = cluster.ok(&["get", "key", "--r", "2", "--coordinator", "n2"]);
    assert_eq!(read.out, "after\n");
}

#[test]
fn what_anti_entropy_repaired_at_a_node_that_was_down_and_from_whom_is_in_its_status() {
    let mut cluster =
        TestCluster::configured(3, |text| text.replace("sync_ms = 2000", "sync_ms = 50"));
    cluster.start_all();
    cluster.kill("n3");
    for index in 0..20 {
        cluster.ok(&["put", &format!("key{index}"), "value"]);
    }
    // Only n1 is left to bring n3 what it missed: W = 2, so it holds everything.
    cluster.kill("n2");
    cluster.start("n3");
    let syncs = || cluster.status()["n3"]["status"].clone();
    wait_for("the repair", || syncs()["keys"] == 20);
    let status = syncs();
    assert_eq!(
        (&status["keys_repaired"], &status["syncs"]["n1"]["keys_repaired"]),
        (&20.into(), &20.into())
    );
    assert!(status["syncs"]["n1"]["last_ms"].is_u64(), "{status}");
    let silent = serde_json::json!({ "last_ms": null, "keys_repaired": 0 });
    assert_eq!(status["syncs"]["n2"], silent);
    let table = cluster.run(&["status", "--timeout", "2s"]).out;
    let row = table.lines().find(|line| line.trim_start().starts_with("n3 ")).unwrap();
    assert!(row.contains("n2 never") && row.contains("20 (n1 20)"), "{table}");
}

#[test]
fn everything_acknowledged_is_there_after_all_nodes_were_killed_and_started_again() {
    let mut cluster = TestCluster::running(5);
    let written: Vec<_> = (0..8).map(|index| (format!("key{index}"), index.to_string())).collect();
    for (key, value) in &written {
        cluster.ok(&["put", key, value]);
    }
    for name in cluster.names() {
        cluster.kill(&name);
    }
    cluster.start_all();
    for (key, value) in &written {
        assert_eq!(cluster.ok(&["get", key]).out, format!("{value}\n"));
    }
}

#[test]
fn a_node_keeps_its_incarnation_over_a_restart_and_takes_a_fresh_one_on_an_empty_disk() {
    let mut cluster = TestCluster::running(3);
    let incarnation = |cluster: &TestCluster| {
        cluster.status()["n1"]["status"]["incarnation"].as_u64().expect("n1 is up")
    };
    let first = incarnation(&cluster);
    assert_ne!(first, 0);
    for life in 1..3 {
        cluster.kill("n1");
        cluster.start("n1");
        cluster.ok(&["put", "key", "value", "--coordinator", "n1"]);
        assert_eq!(incarnation(&cluster), first);
        assert_eq!(cluster.status()["n1"]["status"]["life"], life);
    }
    cluster.kill("n1");
    std::fs::remove_dir_all(cluster.path("n1")).unwrap();
    cluster.start("n1");
    assert_ne!(incarnation(&cluster), first);
}

#[test]
fn sigterm_and_sigint_stop_a_node_cleanly() {
    let mut cluster = TestCluster::running(3);
    for (name, sent) in [("n1", "TERM"), ("n2", "INT")] {
        let mut child = cluster.processes.remove(name).unwrap();
        signal(sent, child.id());
        wait_for("the node to stop", || child.try_wait().unwrap().is_some());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let log = std::fs::read_to_string(cluster.path(&format!("{name}.log"))).unwrap();
        assert!(log.contains("stopped"), "{log}");
    }
}

#[test]
fn a_cluster_of_processes_reports_one_that_dies_and_takes_the_others_with_it_when_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let base = crate::support::free_base_port(3);
    let start = || {
        let output = directory.path().join("output");
        let file = std::fs::File::create(&output).unwrap();
        let mut command = quorate();
        command.args(["cluster", "--nodes", "3", "--base-port", &base.to_string()]);
        let dir = directory.path().join("data");
        let child = command.arg("--dir").arg(dir).stdout(file).spawn().unwrap();
        (child, move || std::fs::read_to_string(&output).unwrap())
    };
    let (mut child, output) = start();
    wait_for("the cluster to start", || output().contains("Ctrl-C"));
    let line = output().lines().find(|line| line.contains(" n2 ")).unwrap().to_string();
    signal("KILL", line.rsplit(' ').next().unwrap().parse().unwrap());
    wait_for("the report of a death", || output().contains("n2 ended"));
    signal("TERM", child.id());
    wait_for("the cluster to stop", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let (mut child, output) = start();
    wait_for("the cluster to start again", || output().contains("Ctrl-C"));
    assert!(output().contains("as it is"), "{}", output());
    signal("INT", child.id());
    wait_for("the cluster to stop again", || child.try_wait().unwrap().is_some());
}

#[test]
fn a_trace_goes_on_after_a_crash_from_what_was_durable_and_replays_on_the_protocol() {
    let mut cluster = TestCluster::configured(3, |text| {
        text.replacen("data = \"n1\"", "trace = \"n1.jsonl\"\ndata = \"n1\"", 1)
    });
    cluster.start_all();
    cluster.ok(&["put", "key", "value", "--coordinator", "n1", "--w", "3"]);
    cluster.kill("n1");
    let trace = cluster.path("n1.jsonl");
    let mut torn = std::fs::read(&trace).unwrap();
    torn.extend(b"{\"step\":{\"numb");
    std::fs::write(&trace, torn).unwrap();
    cluster.start("n1");
    cluster.ok(&["get", "key", "--coordinator", "n1"]);
    cluster.kill("n1");

    let text = std::fs::read_to_string(&trace).unwrap();
    let mut headers = Vec::new();
    // The store as each step left it; the protocol itself says what the steps must have done.
    let mut stores = vec![(MemoryStore::default(), StoreDigest::default())];
    let mut replica = Replica::default();
    let config = NodeConfig::new(NodeId(0), Arc::clone(&cluster.file.cluster));
    for line in text.lines() {
        match serde_json::from_str(line).unwrap() {
            TraceLine::Node(header) => {
                // What was not durable is gone, and has sent nothing.
                let durable = usize::try_from(header.durable_step).unwrap();
                assert!(durable < stores.len());
                stores.truncate(durable + 1);
                headers.push(header);
            }
            TraceLine::Step(step) => {
                assert_eq!(step.number, stores.len() as u64);
                let (mut store, mut digest) = stores.last().unwrap().clone();
                let Ok(taken) = replica.step(&config, &store, step.now, step.input);
                assert_eq!(taken.effects, step.effects);
                let Ok(()) = digest.follow(&store, &taken.changes);
                store.apply(taken.changes);
                assert_eq!(StateDigest::new(&replica, digest), step.digest);
                stores.push((store, digest));
            }
            line => panic!("not of a node: {line:?}"),
        }
    }
    assert_eq!(headers.len(), 2);
    // Its start, the put and at least one acknowledgement from elsewhere.
    assert!(headers[1].durable_step >= 3, "{:?}", headers[1]);
}
