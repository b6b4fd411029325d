//! Disks that are full or cannot be written: no acknowledgement, a message that says what to do, nothing lost.

use std::process::Command;

use quorate::client::{RunningClient, Session, SessionOptions};
use quorate::config::TemplateLeader;
use quorate::leader_based::{AskOptions, LeaderClient};
use quorate_leader::client::Task;
use quorate_leader::names;
use quorate_leader::statement::Statement;
use quorate_leader_model::refine::Answer;
use quorate_model::ids::{Key, Value};
use quorate_model::protocol::{Operation, Outcome};

use crate::support::{SmallDisk, TestCluster, wait_for};

/// One node, the only home of every key.
fn one_node() -> TestCluster {
    TestCluster::serving_http(1, |text| {
        let text = text
            .replace("n = 3 ", "n = 1 ")
            .replace("client_attempts = 40 ", "client_attempts = 2 ");
        text.replace("r = 2 ", "r = 1 ").replace("w = 2 ", "w = 1 ")
    })
}

/// The same, running on a small disk.
fn on_a_small_disk() -> Option<(TestCluster, SmallDisk)> {
    let mut cluster = one_node();
    let disk = SmallDisk::mount(&cluster.path("n1"), "7m")?;
    cluster.start_all();
    Some((cluster, disk))
}

fn session(cluster: &TestCluster) -> Session {
    let coordinator = cluster.file.cluster.nodes().first().copied();
    let options = SessionOptions { coordinator, ..SessionOptions::default() };
    Session::new(cluster.file.clone(), options).unwrap()
}

fn key(number: usize) -> Key {
    Key::from(&*format!("key{number}"))
}

fn value(number: usize) -> Value {
    Value(vec![(number % 251) as u8; 20_000].into())
}

fn put(session: &mut Session, number: usize) -> Outcome {
    let (value, context) = (Some(value(number)), Default::default());
    let operation = Operation::Put { key: key(number), value, context, w: None, sloppy: None };
    session.perform(operation).unwrap()
}

/// Puts until that is not acknowledged, the node having ended with a word on its full disk; how many puts were.
fn fill(cluster: &mut TestCluster, put: impl FnMut(&usize) -> bool) -> usize {
    let acknowledged = (0..5_000).take_while(put).count();
    assert!((1..5_000).contains(&acknowledged), "{acknowledged} puts");
    let last = last_word(cluster);
    assert!(last.contains("No space left") && last.contains("room"), "{last}");
    acknowledged
}

/// What a node said last that has ended by itself, since its disk failed.
fn last_word(cluster: &mut TestCluster) -> String {
    let mut node = cluster.processes.remove("n1").unwrap();
    wait_for("the node to end", || node.try_wait().unwrap().is_some());
    assert_eq!(node.wait().unwrap().code(), Some(1));
    let log = std::fs::read_to_string(cluster.path("n1.log")).unwrap();
    log.lines().last().unwrap().to_string()
}

/// Whether a node has all of these puts, and takes another.
fn assert_has_all(cluster: &TestCluster, acknowledged: usize) {
    let mut client = session(cluster);
    for number in 0..acknowledged {
        match client.perform(Operation::Get { key: key(number), r: None }).unwrap() {
            Outcome::GetOk { state: Some(state), .. } => {
                let values: Vec<_> = state.live().map(|(_, value)| value.clone()).collect();
                assert_eq!(values, [value(number)], "{number}");
            }
            other => panic!("{number} of {acknowledged}: {other:?}"),
        }
    }
    assert!(matches!(put(&mut client, 5_001), Outcome::PutOk { .. }));
}

/// What a node tells Prometheus of this metric.
fn metric(cluster: &TestCluster, name: &str) -> f64 {
    let address = cluster.file.node(cluster.file.node_named("n1").unwrap()).http.unwrap();
    let mut response = ureq::get(format!("http://{address}/metrics")).call().unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    let sample = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    sample.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
}

#[test]
fn a_node_whose_disk_is_full_stops_with_a_word_and_has_lost_nothing_once_there_is_room() {
    let Some((mut cluster, disk)) = on_a_small_disk() else { return };
    let mut client = session(&cluster);
    let acknowledged =
        fill(&mut cluster, |number| matches!(put(&mut client, *number), Outcome::PutOk { .. }));
    // What `quorate top` draws is what this prints.
    assert_eq!(cluster.status()["n1"]["up"], false);

    disk.remount("size=64m");
    cluster.start("n1");
    let keys = cluster.status()["n1"]["status"]["keys"].as_f64().unwrap();
    // The one that was not acknowledged may be there.
    assert!([0.0, 1.0].contains(&(keys - acknowledged as f64)), "{keys} of {acknowledged}");
    assert_eq!(metric(&cluster, "quorate_keys"), keys);
    let syncs = metric(&cluster, "quorate_log_sync_duration_seconds_count");
    assert_has_all(&cluster, acknowledged);
    assert!(metric(&cluster, "quorate_log_sync_duration_seconds_count") > syncs);
    assert_eq!(metric(&cluster, "quorate_keys"), keys + 1.0);
    cluster.kill("n1");
}

/// Lets no sync of a log succeed any more once there is a file of this name: what the C library does for a program that is
/// started with this loaded before.
const FAILING_SYNCS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
int fdatasync(int file) {
    const char *sign = getenv("SYNCS_FAIL_ONCE_THERE_IS");
    if (sign && access(sign, F_OK) == 0) { errno = EIO; return -1; }
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(file);
}
"#;

#[test]
fn a_node_whose_disk_fails_to_sync_stops_with_a_word_and_has_lost_nothing_of_what_it_acknowledged()
{
    let mut cluster = one_node();
    let [source, library, sign] = ["syncs.c", "syncs.so", "fail"].map(|name| cluster.path(name));
    std::fs::write(&source, FAILING_SYNCS).unwrap();
    // Whatever links programs for cargo.
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(built.unwrap().success());
    cluster.start_altered("n1", |command| {
        command.env("LD_PRELOAD", &library).env("SYNCS_FAIL_ONCE_THERE_IS", &sign);
    });
    let mut client = session(&cluster);
    assert!((0..5).all(|number| matches!(put(&mut client, number), Outcome::PutOk { .. })));
    std::fs::write(&sign, "").unwrap();
    let failed = put(&mut client, 5);
    assert!(!matches!(failed, Outcome::PutOk { .. }), "{failed:?}");
    let last = last_word(&mut cluster);
    assert!(last.contains("Input/output error") && last.contains("log-"), "{last}");

    cluster.start("n1");
    assert_has_all(&cluster, 5);
    cluster.kill("n1");
}

#[test]
fn a_leader_whose_disk_is_full_stops_with_a_word_and_has_lost_nothing_once_there_is_room() {
    let mut cluster = TestCluster::with_leader_edited(1, TemplateLeader::default(), |text| {
        text.replace("client_attempts = 40 ", "client_attempts = 2 ")
    });
    let Some(disk) = SmallDisk::mount(&cluster.path("n1"), "7m") else { return };
    cluster.start_all();
    let key = |number: usize| names::Key::from(&*format!("key{number}"));
    let text = |number: usize| format!("{number:020000}");
    let client = |cluster: &TestCluster| {
        RunningClient::<LeaderClient>::new(cluster.file.clone(), AskOptions::default()).unwrap()
    };
    let mut writer = client(&cluster);
    let acknowledged = fill(&mut cluster, |number| {
        let statement = Statement::Set(text(*number).into());
        let written = writer.perform(Task::Write { key: key(*number), statement });
        matches!(written, Ok(Answer::Written { .. }))
    });

    disk.remount("size=64m");
    cluster.start("n1");
    let mut reader = client(&cluster);
    for number in 0..acknowledged {
        let mut found = None;
        // It has to be elected again first.
        wait_for("an answer", || {
            found = match reader.perform(Task::Read { key: key(number) }).unwrap() {
                Answer::Found { value, .. } => Some(value),
                _ => None,
            };
            found.is_some()
        });
        assert_eq!(found, Some(Some(names::Value::Text(text(number).into()))), "{number}");
    }
    cluster.kill("n1");
}

#[test]
fn a_node_on_a_disk_that_cannot_be_written_does_not_start_and_says_why() {
    let Some((mut cluster, disk)) = on_a_small_disk() else { return };
    assert!(matches!(put(&mut session(&cluster), 1), Outcome::PutOk { .. }));
    cluster.kill("n1");
    disk.remount("ro");
    let refused = cluster.node("n1").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_ne!(refused.status.code(), Some(0), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
    disk.remount("rw");
    cluster.start("n1");
    let read = session(&cluster).perform(Operation::Get { key: key(1), r: None }).unwrap();
    assert!(matches!(read, Outcome::GetOk { state: Some(_), .. }), "{read:?}");
    cluster.kill("n1");
}
