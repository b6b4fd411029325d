//! What is wrong is said in one line that names it, with exit code 2.

use std::process::{Command, Stdio};

use quorate::config::TemplateLeader;

use crate::support::{Ran, TestCluster, quorate};

fn ran(command: &mut Command) -> Ran {
    command.stdin(Stdio::null()).output().unwrap().into()
}

fn assert_refused(ran: &Ran, parts: &[&str]) {
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{ran:?}");
    for part in parts {
        assert!(ran.err.contains(part), "{part:?} is not in {ran:?}");
    }
}

#[test]
fn a_port_in_use_names_the_address_and_the_node() {
    let cluster = TestCluster::running(3);
    let address = cluster.file.nodes[0].address.to_string();
    assert_refused(&ran(&mut cluster.node("n1")), &[&address, "n1", "in use"]);
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let mut cluster = TestCluster::running(3);
    cluster.kill("n2");
    let data = cluster.path("n1");
    let refused = ran(cluster.node("n2").arg("--data").arg(&data));
    assert_refused(&refused, &[&data.display().to_string(), "in use"]);
}

#[test]
fn a_damaged_store_is_not_taken_for_an_empty_one() {
    let mut cluster = TestCluster::running(3);
    cluster.kill("n2");
    std::fs::write(cluster.path("n2/store.redb"), b"damaged").unwrap();
    let failed = ran(&mut cluster.node("n2"));
    assert_eq!((failed.code, failed.err.lines().count()), (1, 1), "{failed:?}");
    assert!(failed.err.contains("store.redb is damaged"), "{failed:?}");
}

#[test]
fn an_unknown_key_of_the_configuration_is_named_with_its_line() {
    let cluster = TestCluster::configured(3, |text| text);
    let text = std::fs::read_to_string(&cluster.file.path).unwrap();
    let edited = cluster.path("edited.toml");
    std::fs::write(&edited, text.replace("read_repair =", "read_repairs =")).unwrap();
    let mut command = quorate();
    command.args(["node", "--name", "n1", "--config"]).arg(&edited);
    assert_refused(&ran(&mut command), &["edited.toml:8: ", "unknown field `read_repairs`"]);
}

#[test]
fn an_unknown_node_is_answered_with_the_known_ones() {
    let cluster = TestCluster::configured(3, |text| text);
    assert_refused(&ran(&mut cluster.node("n9")), &["no node \"n9\"", "n1, n2, n3"]);
    let asked = cluster.run(&["get", "key", "--coordinator", "n9"]);
    assert_refused(&asked, &["no node \"n9\""]);
}

#[test]
fn a_configuration_that_is_not_there_says_how_to_get_one() {
    let mut command = quorate();
    let absent = ran(command.args(["get", "key", "--config", "absent.toml"]));
    assert_refused(&absent, &["absent.toml", "`quorate cluster` writes one"]);
}

#[test]
fn flags_that_contradict_an_existing_cluster_or_make_none_are_refused() {
    let cluster = TestCluster::configured(3, |text| text);
    let mut command = quorate();
    command.args(["cluster", "--nodes", "5", "--dir"]).arg(cluster.directory.path());
    assert_refused(&ran(&mut command), &["--nodes is 5", "has 3"]);
    let mut command = quorate();
    command.args(["cluster", "--nodes", "2", "--dir"]).arg(cluster.path("new"));
    assert_refused(&ran(&mut command), &["n = 3", "only 2 nodes"]);
    assert!(!cluster.path("new").exists());
}

#[test]
fn a_cluster_that_does_not_start_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let base = crate::support::free_base_port(3);
    // What another process has taken is not this cluster's.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", base + 1_002)).unwrap();
    let start = |dir: &std::path::Path| {
        let mut command = quorate();
        command.args(["cluster", "--nodes", "3", "--base-port", &base.to_string(), "--dir"]);
        ran(command.arg(dir))
    };
    let failed = start(&directory.path().join("new/data"));
    assert_eq!((failed.code, failed.err.lines().count()), (1, 1), "{failed:?}");
    for part in ["n2 did not start", &format!("127.0.0.1:{}", base + 1_002), "nothing is left"] {
        assert!(failed.err.contains(part), "{part:?} is not in {failed:?}");
    }
    assert!(!directory.path().join("new").exists());
    std::fs::write(directory.path().join("notes"), "mine").unwrap();
    assert_eq!(start(directory.path()).code, 1);
    let left = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["notes"]);
}

#[test]
fn a_configuration_is_checked_without_a_cluster() {
    let cluster = TestCluster::configured(3, |text| text);
    let checked = cluster.run(&["config", "check"]);
    assert_eq!(checked.code, 2, "--config belongs to check: {checked:?}");
    let check = |text: &str| {
        let edited = cluster.path("edited.toml");
        std::fs::write(&edited, text).unwrap();
        let mut command = quorate();
        ran(command.args(["config", "check", "--config"]).arg(&edited))
    };
    let text = std::fs::read_to_string(&cluster.file.path).unwrap();
    let fine = check(&text);
    assert!(fine.code == 0 && fine.out.contains("can be used: 3 nodes, N=3 R=2 W=2"), "{fine:?}");
    let weak = check(&text.replace("\nr = 2", "\nr = 1").replace("\nw = 2", "\nw = 1"));
    assert!(weak.code == 0 && weak.out.contains("R + W = 2 is not more than N = 3"), "{weak:?}");
    for line in
        ["read-freshness          quorate check r1-w1", "no-lost-write           while no disk"]
    {
        assert!(weak.out.contains(line), "{line}: {weak:?}");
    }
    let promised = |text: &str, property: &str| {
        let edited = cluster.path("edited.toml");
        std::fs::write(&edited, text).unwrap();
        let said = ran(quorate().args(["config", "check", "--json", "--config"]).arg(&edited));
        let said: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let promises = said["promises"].as_array().unwrap();
        promises.iter().find(|promise| promise["property"] == property).unwrap().clone()
    };
    let fresh = promised(&text, "read-freshness");
    assert_eq!((&fresh["promised"], &fresh["lost_disks"]), (&true.into(), &1.into()), "{fresh}");
    let sloppy = promised(&text.replace("sloppy = false", "sloppy = true"), "read-freshness");
    assert_eq!(sloppy["promised"], false);
    assert_eq!(sloppy["counterexample"], "sloppy-partition");
    assert_refused(&check(&text.replace("\nw = 2", "\nw = 4")), &["edited.toml:", "W"]);
    let kebab = check(&text.replace("read_repair =", "read-repair ="));
    assert_refused(&kebab, &["edited.toml:", "did you mean `read_repair`?"]);
    let old = check(&text.replace("anti_entropy =", "anti-entropy ="));
    assert_eq!(old.code, 0, "written before: {old:?}");
}

#[test]
fn what_is_promised_of_a_cluster_with_a_leader_is_told_too() {
    let cluster = TestCluster::with_leader(3, TemplateLeader::default());
    let text = std::fs::read_to_string(&cluster.file.path).unwrap();
    let check = |text: &str, more: &[&str]| {
        let edited = cluster.path("edited.toml");
        std::fs::write(&edited, text).unwrap();
        ran(quorate().args(["config", "check"]).arg(&edited).args(more))
    };
    let fine = check(&text, &[]);
    let line = "linearizable          even if one of the nodes loses its disk";
    assert!(fine.code == 0 && fine.out.contains(line), "{fine:?}");
    let from_leader = text.replace("reads = \"confirmed\"", "reads = \"leader\"");
    let stale = check(&from_leader, &[]);
    let line = "linearizable          quorate check raft-stale-leader";
    assert!(stale.code == 0 && stale.out.contains(line), "{stale:?}");
    let asynchronous = text.replace("replication = \"majority\"", "replication = \"async\"");
    let said = check(&asynchronous, &["--json"]);
    let said: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let promises = said["promises"].as_array().unwrap();
    let of = |property| promises.iter().find(|promise| promise["property"] == property).unwrap();
    assert_eq!(of("no-lost-write")["promised"], false);
    assert_eq!(of("no-lost-write")["counterexample"], "async-leader-returns-compacted");
    assert_eq!(of("log-matching")["lost_disks"], 0);
}

#[test]
fn shells_and_man_are_served() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = ran(quorate().args(["completions", shell]));
        assert!(
            completions.code == 0 && completions.out.contains("accept-loss"),
            "{completions:?}"
        );
    }
    let page = ran(quorate().arg("man"));
    assert!(page.code == 0 && page.out.contains(".TH quorate"), "{page:?}");
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(ran(quorate().args(["man", "--dir"]).arg(directory.path())).code, 0);
    let page = std::fs::read_to_string(directory.path().join("quorate-put.1")).unwrap();
    assert!(page.contains("replace"), "{page}");
}
