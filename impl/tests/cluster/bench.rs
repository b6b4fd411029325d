//! `quorate bench`: what it measures, and what it leaves behind.

use std::fs;

use crate::support::{Ran, TestCluster, quorate};
use quorate::config::TemplateLeader;
use serde_json::Value;

fn bench(arguments: &[&str]) -> Ran {
    quorate().arg("bench").args(arguments).output().unwrap().into()
}

/// The row of the report for this kind of operation.
fn row<'a>(report: &'a Value, operation: &str) -> &'a Value {
    let rows = report["operations"].as_array().unwrap();
    rows.iter().find(|row| row["operation"] == operation).unwrap()
}

#[test]
fn a_cluster_of_its_own_is_measured_and_nothing_of_it_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().display().to_string();
    let ran = bench(&[
        "--dir",
        &dir,
        "--clients",
        "8",
        "--seconds",
        "1",
        "--warmup",
        "0",
        "--keys",
        "40",
        "--mix",
        "1:1:1",
        "--zipf",
        "0.99",
        "--json",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    for operation in ["put", "get", "update"] {
        let row = row(&report, operation);
        assert!(row["succeeded"].as_u64().unwrap() > 0, "{report}");
        assert_eq!((&row["absent"], &row["refused"]), (&0.into(), &0.into()), "{report}");
        assert!(row["p50_us"].as_f64().unwrap() <= row["max_us"].as_f64().unwrap(), "{report}");
    }
    assert!(report["datagrams"].as_u64().unwrap() > 0, "{report}");
    assert!(report["cpu_us_per_operation"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_running_cluster_keeps_what_was_written_and_is_not_stopped() {
    let cluster = TestCluster::running(3);
    let file = cluster.file.path.display().to_string();
    let ran = bench(&[
        "--cluster",
        &file,
        "--seconds",
        "0.5",
        "--warmup",
        "0",
        "--mix",
        "1:0",
        "--rate",
        "50",
        "--w",
        "3",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("N=3 R=2 W=3"), "{}", ran.out);
    // One every 20 ms, from the first moment on.
    let line = ran.out.lines().find(|line| line.trim_start().starts_with("put ")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("25"), "{}", ran.out);
    assert_eq!(cluster.status()["n1"]["status"]["keys"], 25);
}

#[test]
fn a_cluster_with_a_leader_is_measured_by_the_same_loop() {
    let asked = "--protocol leader --replication majority --election raft --clients 8 --keys 40 \
                 --mix 1:1:1 --seconds 1 --warmup 0 --json";
    let ran = bench(&asked.split_whitespace().collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    for operation in ["put", "get", "update"] {
        let row = row(&report, operation);
        assert!(row["succeeded"].as_u64().unwrap() > 0, "{report}");
        for failed in ["absent", "unavailable", "refused"] {
            assert_eq!(row[failed], 0, "{report}");
        }
    }
    for (field, has) in
        [("replication", "majority"), ("election", "raft"), ("reads", "confirmed"), ("log", "row")]
    {
        assert_eq!(report[field], has, "{report}");
    }
    assert!(report.get("n").is_none(), "{report}");
    assert!(report["datagrams"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn a_running_cluster_with_a_leader_holds_as_many_rows_as_are_counted() {
    let mut cluster = TestCluster::with_leader(3, TemplateLeader::default());
    cluster.start_all();
    let file = cluster.file.path.display().to_string();
    let asked = "--seconds 0.5 --warmup 0 --mix 1:0 --rate 50 --reads any --config";
    let asked: Vec<_> = asked.split_whitespace().chain([&*file]).collect();
    let ran = bench(&asked);
    assert_eq!(ran.code, 0, "{ran:?}");
    let setting = "3 nodes, majority replication, raft election, any reads, row log";
    assert!(ran.out.contains(setting), "{}", ran.out);
    let line = ran.out.lines().find(|line| line.trim_start().starts_with("put ")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("25"), "{}", ran.out);
    cluster.ok(&["status", "--wait-converged"]);
    for node in cluster.names() {
        assert_eq!(cluster.status()[&node]["rows"], 25, "{node}");
    }
    for flag in ["--r", "--w"] {
        let ran = bench(&["--config", &file, flag, "1"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(&format!("{flag}: this cluster has a leader")), "{ran:?}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_flag_that_says_so() {
    for (arguments, part) in [
        (&["--mix", "0:0"][..], "PUT:GET"),
        (&["--mix", "0:1", "--keys", "0"], "no keys"),
        (&["--zipf=-1", "--keys", "5"], "Zipf"),
        (&["--w", "4"], "w"),
        (&["--dir", "/nowhere/at/all"], "--dir"),
        (&["--seconds", "0"], "more than zero"),
        (&["--cluster", "absent.toml"], "absent.toml"),
        (&["--protocol", "leader", "--r", "1"], "--r: it is for clusters without a leader"),
        (&["--protocol", "leader", "--w", "1"], "--w: it is for clusters without a leader"),
        (&["--protocol", "leader", "--n", "3"], "--n: it is for clusters without a leader"),
        (&["--protocol", "leader", "--speculative-retry"], "--speculative-retry: it is for"),
        (&["--replication", "sync"], "--replication: it is for --protocol leader"),
        (&["--reads", "any"], "--reads: it is for --protocol leader"),
        (&["--protocol", "leader", "--replication", "most"], "--replication"),
        (&["--cluster", "absent.toml", "--election", "raft"], "--election"),
    ] {
        let ran = bench(arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(part), "{part:?} is not in {ran:?}");
    }
}
