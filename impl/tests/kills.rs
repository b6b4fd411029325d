//! Nodes that are killed two at a time under load, one of them on a disk that fills up in between: nothing that was
//! acknowledged is lost, all agree in the end, and the traces are those of the model.

mod support;
mod with_leader;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quorate::client::{ClientTrace, Session, SessionOptions};
use quorate::config::ClusterFile;
use quorate_model::ids::{Key, NodeId, Value};
use quorate_model::protocol::{Operation, Outcome};
use rand::seq::IndexedRandom;
use support::{Ran, SmallDisk, TestCluster, quorate, wait_for};

const CLIENTS: usize = 4;

/// The node whose disk fills up.
const SMALL: &str = "n5";

fn key(number: u64) -> Key {
    Key::from(&*format!("key{number}"))
}

fn value(number: u64) -> Value {
    Value::from(&*format!("value of {number:01000}"))
}

/// Five nodes that soon turn to fallbacks and soon hand off, and trace if they should.
fn five(is_traced: bool) -> TestCluster {
    TestCluster::configured(5, |text| {
        let text = text
            .replace("sloppy = false", "sloppy = true")
            .replace("request_ms = 10000", "request_ms = 300")
            .replace("ping_ms = 10000", "ping_ms = 300")
            .replace("handoff_ms = 500", "handoff_ms = 50");
        (1..=5).filter(|_| is_traced).fold(text, |text, node| {
            let data = format!("data = \"n{node}\"");
            text.replace(&data, &format!("trace = \"n{node}.jsonl\"\n{data}"))
        })
    })
}

/// How long a client that traces waits before it writes again. Every write is read from every home and replayed
/// afterwards, which takes several times as long as to write it.
const PAUSE: Duration = Duration::from_millis(2);

/// Writes a key of its own each time until it is told to stop; those that were acknowledged.
fn write_until(
    cluster: &ClusterFile,
    trace: Option<PathBuf>,
    next: &AtomicU64,
    stop: &AtomicBool,
) -> Vec<u64> {
    let mut session = Session::new(cluster.clone(), SessionOptions::default()).unwrap();
    let pause = trace.is_some().then_some(PAUSE);
    if let Some(trace) = trace {
        session = session.traced(ClientTrace::open(&trace).unwrap()).unwrap();
    }
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let (value, context) = (Some(value(number)), Default::default());
        let operation = Operation::Put { key: key(number), value, context, w: None, sloppy: None };
        // Nobody may be there to ask.
        if let Ok(Outcome::PutOk { .. }) = session.perform(operation) {
            acknowledged.push(number);
        }
        if let Some(pause) = pause {
            thread::sleep(pause);
        }
    }
    acknowledged
}

/// Kills any two of five every second, and fills the disk of one half-way.
fn kill_two_of_five(rounds: usize, is_traced: bool) {
    let mut cluster = five(is_traced);
    let disk = SmallDisk::mount(&cluster.path(SMALL), "1g");
    cluster.start_all();
    let (file, next, stop) = (cluster.file.clone(), AtomicU64::new(0), AtomicBool::new(false));
    let traces: Vec<_> =
        (0..CLIENTS).map(|client| cluster.path(&format!("client{client}.jsonl"))).collect();
    let acknowledged: Vec<u64> = thread::scope(|scope| {
        let clients: Vec<_> = traces
            .iter()
            .map(|trace| {
                let trace = is_traced.then(|| trace.clone());
                let (file, next, stop) = (&file, &next, &stop);
                scope.spawn(move || write_until(file, trace, next, stop))
            })
            .collect();
        // Whatever fails here must not leave the clients writing for ever.
        let stopping = Stopping(&stop);
        for round in 0..rounds {
            let began = Instant::now();
            let victims: Vec<String> =
                cluster.names().choose_multiple(&mut rand::rng(), 2).cloned().collect();
            for victim in &victims {
                kill(&mut cluster, victim);
            }
            if disk.is_some() && round == rounds / 2 {
                fill_up(&mut cluster);
            }
            for victim in &victims {
                if !cluster.processes.contains_key(victim) {
                    cluster.start(victim);
                }
            }
            thread::sleep(Duration::from_secs(1).saturating_sub(began.elapsed()));
        }
        drop(stopping);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(!acknowledged.is_empty());
    println!("{} writes acknowledged over {rounds} rounds", acknowledged.len());
    cluster.ok(&["status", "--wait-converged", "--timeout", "120s"]);
    read_everywhere(&cluster, &acknowledged);
    cluster.names().iter().for_each(|name| cluster.kill(name));
    if is_traced {
        validate(&cluster, acknowledged.len());
    }
}

/// Tells the clients to stop when it goes.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Kills a node, unless its disk has ended it already.
fn kill(cluster: &mut TestCluster, name: &str) {
    if cluster.processes.contains_key(name) {
        cluster.kill(name);
    }
}

/// Leaves no room on the small disk until its node has ended for that, and starts it when there is room again.
fn fill_up(cluster: &mut TestCluster) {
    if !cluster.processes.contains_key(SMALL) {
        cluster.start(SMALL);
    }
    let ballast = cluster.path(SMALL).join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    // More than what is left of a segment of the log, so that it needs another one.
    let small = cluster.file.node_named(SMALL).unwrap();
    let options = SessionOptions { coordinator: Some(small), ..SessionOptions::default() };
    let mut session = Session::new(cluster.file.clone(), options).unwrap();
    let mut filler = (0..1_000).map(|number| Key::from(&*format!("filler{number}")));
    wait_for("the full disk to end its node", || {
        let key = filler.next().expect("the disk takes no more than a few segments");
        let (value, context) = (Some(Value(vec![b'x'; 50_000].into())), Default::default());
        let put = Operation::Put { key, value, context, w: Some(1), sloppy: None };
        // It does not answer once it has ended.
        let _ = session.perform(put);
        cluster.processes.get_mut(SMALL).unwrap().try_wait().unwrap().is_some()
    });
    let ended = cluster.processes.remove(SMALL).unwrap().wait().unwrap();
    assert_eq!(ended.code(), Some(1));
    let log = fs::read_to_string(cluster.path(&format!("{SMALL}.log"))).unwrap();
    assert!(log.lines().last().unwrap().contains("No space left"), "{log}");
    fs::remove_file(&ballast).unwrap();
    cluster.start(SMALL);
}

/// Every home of a key alone says what was written.
fn read_everywhere(cluster: &TestCluster, acknowledged: &[u64]) {
    let mut sessions: BTreeMap<NodeId, Session> = BTreeMap::new();
    for number in acknowledged {
        for home in cluster.file.cluster.homes(&key(*number)).iter() {
            let session = sessions.entry(home).or_insert_with(|| {
                let options =
                    SessionOptions { coordinator: Some(home), ..SessionOptions::default() };
                Session::new(cluster.file.clone(), options).unwrap()
            });
            match session.perform(Operation::Get { key: key(*number), r: Some(1) }).unwrap() {
                Outcome::GetOk { state: Some(state), .. } => {
                    let values: Vec<_> = state.live().map(|(_, value)| value.clone()).collect();
                    assert_eq!(values, [value(*number)], "{} at {home}", key(*number));
                }
                other => panic!("{} at {home}: {other:?}", key(*number)),
            }
        }
    }
}

fn validate(cluster: &TestCluster, acknowledged: usize) {
    let files = fs::read_dir(cluster.path(".")).unwrap();
    let traces = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let validated: Ran =
        quorate().args(["validate", "--json"]).args(traces).output().unwrap().into();
    assert_eq!(validated.code, 0, "{validated:?}");
    let report: serde_json::Value = serde_json::from_str(&validated.out).unwrap();
    let judged = &report["accepted"]["clients"]["writes_acknowledged"];
    assert_eq!(judged.as_u64().unwrap(), acknowledged as u64);
}

#[test]
fn two_of_five_nodes_killed_again_and_again_and_a_full_disk_lose_nothing_and_validate() {
    kill_two_of_five(6, true);
}

/// The same for ten minutes, without traces, which would not fit in memory: `cargo test --release --test kills --
/// --ignored --nocapture`.
#[test]
#[ignore = "takes ten minutes"]
fn two_of_five_nodes_killed_every_second_for_ten_minutes_lose_nothing() {
    kill_two_of_five(600, false);
}
