//! What is wrong is said in one line that names it, with exit code 2.

mod support;

use std::process::{Command, Stdio};

use support::{Ran, TestCluster, quorate};

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
