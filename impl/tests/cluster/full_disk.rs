//! Disks that are full or cannot be written: no acknowledgement, a message that says what to do, nothing lost.

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

/// One node, the only home of every key, on a small disk.
fn one_node() -> Option<(TestCluster, SmallDisk)> {
    let mut cluster = TestCluster::configured(1, |text| {
        let text = text
            .replace("n = 3 ", "n = 1 ")
            .replace("client_attempts = 40 ", "client_attempts = 2 ");
        text.replace("r = 2 ", "r = 1 ").replace("w = 2 ", "w = 1 ")
    });
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
    let mut node = cluster.processes.remove("n1").unwrap();
    wait_for("the node to end", || node.try_wait().unwrap().is_some());
    assert_eq!(node.wait().unwrap().code(), Some(1));
    let log = std::fs::read_to_string(cluster.path("n1.log")).unwrap();
    let last = log.lines().last().unwrap();
    assert!(last.contains("No space left") && last.contains("room"), "{log}");
    acknowledged
}

#[test]
fn a_node_whose_disk_is_full_stops_with_a_word_and_has_lost_nothing_once_there_is_room() {
    let Some((mut cluster, disk)) = one_node() else { return };
    let mut client = session(&cluster);
    let acknowledged =
        fill(&mut cluster, |number| matches!(put(&mut client, *number), Outcome::PutOk { .. }));

    disk.remount("size=64m");
    cluster.start("n1");
    let mut client = session(&cluster);
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
    let Some((mut cluster, disk)) = one_node() else { return };
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
