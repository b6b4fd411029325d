//! Clusters with a leader, which is killed: what was acknowledged, what may be lost, and what the traces say.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quorate::client::{ClientTrace, RunningClient};
use quorate::config::{ClusterFile, TemplateLeader};
use quorate::leader_based::{AskOptions, LeaderClient, LeaderStatus, RoleName, statuses};
use quorate::refine::validate_files_of;
use quorate_checker::refine::report::{PropertyReport, Report};
use quorate_leader::client::Task;
use quorate_leader::config::{ElectionKind, Reads, Replication};
use quorate_leader::limits::Refusal;
use quorate_leader::names::{Key, Value};
use quorate_leader::statement::Statement;
use quorate_leader_model::refine::{Answer, LeaderTraces};

use super::support::{TestCluster, quorate, wait_for};

/// How long nodes may take to say whether they lead. One that is down never does.
const LOOK: Duration = Duration::from_millis(50);

fn cluster(replication: Replication, election: ElectionKind) -> TestCluster {
    TestCluster::with_leader(3, TemplateLeader { replication, election, ..Default::default() })
}

/// The name of the node that leads in the latest epoch, once there is one among those that run.
fn leader(cluster: &TestCluster) -> String {
    let mut found = None;
    wait_for("a leader", || {
        let all = statuses(&cluster.file, LOOK).unwrap();
        let leads = all.iter().filter(|(node, status)| status.leader == Some(**node));
        let latest = leads.max_by_key(|(_, status)| status.epoch);
        found = latest.map(|(node, _)| cluster.file.cluster.name(*node).to_string());
        found.is_some()
    });
    found.unwrap()
}

fn traces(cluster: &TestCluster, clients: &[&str]) -> Vec<PathBuf> {
    let nodes = cluster.names().into_iter().map(|name| format!("{name}.trace.jsonl"));
    nodes.chain(clients.iter().map(ToString::to_string)).map(|name| cluster.path(&name)).collect()
}

/// What `quorate validate` says of all traces, which it must accept.
fn validated(cluster: &TestCluster, clients: &[&str]) -> Report {
    let accepted = validate_files_of::<LeaderTraces>(&traces(cluster, clients));
    accepted.unwrap_or_else(|error| panic!("{error}"))
}

fn property<'a>(report: &'a Report, name: &str) -> &'a PropertyReport {
    report.properties.iter().find(|property| property.name == name).unwrap()
}

/// Asks a node over HTTP; gives the status and the body.
fn http(cluster: &TestCluster, name: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let node = cluster.file.node(cluster.file.node_named(name).unwrap());
    let uri = format!("http://{}{path}", node.http.unwrap());
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let sent = match method {
        "PUT" => agent.put(&uri).send(body),
        _ => agent.get(&uri).call(),
    };
    let mut response = sent.unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// What a node serves is what it says that it serves.
#[track_caller]
fn described(cluster: &TestCluster, name: &str) {
    let described = http(cluster, name, "GET", "/openapi.json", "").1;
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    for path in described["paths"].as_object().unwrap().keys() {
        let (status, body) = http(cluster, name, "GET", &path.replace("{key}", "sum"), "");
        assert_eq!(status, 200, "{path}: {body}");
    }
    let row = http(cluster, name, "GET", "/keys/sum", "").1;
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    let fields =
        |of: &serde_json::Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let schema = &described["components"]["schemas"]["Row"]["properties"];
    let (mut told, mut said) = (fields(&row), fields(schema));
    told.sort();
    said.sort();
    assert_eq!(told, said);
    assert!(http(cluster, name, "GET", "/keyz", "").1.contains("/openapi.json says what is"));
}

#[test]
fn what_a_leader_acknowledged_is_read_after_it_was_killed_and_the_traces_are_validated() {
    let mut cluster = cluster(Replication::Majority, ElectionKind::Raft);
    cluster.start_all();
    let trace = cluster.path("clients.jsonl");
    let trace = trace.to_str().unwrap().to_string();
    cluster.ok(&["put", "first", "hello", "--trace", &trace]);
    let old = leader(&cluster);
    cluster.kill(&old);
    cluster.ok(&["put", "second", "world", "--trace", &trace]);
    assert_eq!(
        cluster.ok(&["add", "sum", "3", "--trace", &trace]).out.trim().rsplit(' ').next(),
        Some("3")
    );
    for (key, value) in [("first", "hello\n"), ("second", "world\n"), ("sum", "3\n")] {
        assert_eq!(cluster.ok(&["get", key, "--trace", &trace]).out, value);
    }
    let new = leader(&cluster);
    assert_ne!(new, old);

    // Over HTTP, any node sends on to the leader.
    let names = cluster.names();
    let other = names.iter().find(|name| **name != old && **name != new).unwrap();
    let [(status, written), (_, found), (absent, _)] = [
        http(&cluster, other, "PUT", "/keys/sum?statement=add", "4"),
        http(&cluster, other, "GET", "/keys/sum?reads=confirmed", ""),
        http(&cluster, other, "GET", "/keys/nothing", ""),
    ];
    assert_eq!((status, absent), (200, 404), "{written}");
    for body in [written, found] {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["value"], &body["key"]), (&"7".into(), &"sum".into()), "{body}");
    }
    assert_eq!(http(&cluster, other, "GET", "/keys/sum?read=any", "").0, 400);
    // What is too large, no node takes, whoever leads.
    let (long, large) = ("k".repeat(4097), "v".repeat((1 << 20) + 1));
    let refused = cluster.run(&["put", &long, "value"]);
    assert!(refused.code == 1 && refused.err.contains("a key of 4097 bytes"), "{refused:?}");
    for (path, body, said) in [
        (&*format!("/keys/{long}"), "value", "a key of 4097 bytes"),
        ("/keys/large", &*large, "a value has at most 1048576 bytes"),
    ] {
        let (status, refused) = http(&cluster, other, "PUT", path, body);
        let is_told = refused.contains(said) && refused.contains("\"indeterminate\":false");
        assert!(status == 413 && is_told, "{status} {refused}");
    }
    assert_eq!(http(&cluster, other, "GET", &format!("/keys/{long}"), "").0, 413);
    assert_eq!(http(&cluster, other, "PUT", "/status", "").0, 405);
    described(&cluster, other);
    assert_eq!(http(&cluster, other, "GET", "/readyz", "").1, "ready\n");
    assert!(http(&cluster, other, "GET", "/status", "").1.contains("\"lag_ms\""));
    let metrics = http(&cluster, &new, "GET", "/metrics", "").1;
    let lag = format!("quorate_follower_lag_entries{{follower=\"{old}\"}} ");
    let lags = metrics.lines().find_map(|line| line.strip_prefix(&lag)).unwrap();
    assert!(lags.parse::<u64>().unwrap() > 0 && metrics.contains("quorate_leads 1"), "{metrics}");

    // It says so, and how far the others are.
    let status = cluster.run(&["status", "--json"]);
    assert_eq!(status.code, 1, "one is down: {status:?}");
    cluster.start(&old);
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    let status = cluster.status();
    let led = &status[&leader(&cluster)];
    assert_eq!(led["followers"].as_object().unwrap().len(), 2, "{led}");
    assert!(led["epoch"].as_u64() > Some(1), "{led}");
    assert_eq!(led["followers"][&old]["lag_entries"], 0, "{led}");
    assert_eq!(status[&old]["leader"], led["leader"], "{status:?}");
    assert!(cluster.run(&["delete", "first"]).err.contains("without one"));

    cluster.names().iter().for_each(|name| cluster.kill(name));
    let ran =
        quorate().arg("validate").args(traces(&cluster, &["clients.jsonl"])).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let report = validated(&cluster, &["clients.jsonl"]);
    for name in ["no-lost-write", "leader-completeness", "log-matching", "one-leader-per-epoch"] {
        let property = property(&report, name);
        assert!(property.occasions_promised > 0 && property.broken == 0, "{property:?}");
    }
    assert_eq!(report.nodes.iter().map(|node| node.restarts).sum::<u64>(), 1);
}

#[test]
fn what_an_asynchronous_leader_alone_held_is_lost_with_it_which_is_found_and_permitted() {
    let mut cluster = cluster(Replication::Async, ElectionKind::Raft);
    cluster.start_all();
    let trace = cluster.path("clients.jsonl");
    let trace = trace.to_str().unwrap().to_string();
    cluster.ok(&["put", "kept", "hello", "--trace", &trace]);
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    let first = leave_alone_who_leads(&mut cluster);
    cluster.ok(&["put", "lost", "gone", "--trace", &trace]);
    cluster.kill(&first);
    let others: Vec<_> = cluster.names().into_iter().filter(|name| *name != first).collect();
    others.iter().for_each(|other| cluster.start(other));
    leader(&cluster);
    cluster.ok(&["put", "later", "there", "--trace", &trace]);
    assert_eq!(cluster.ok(&["get", "lost", "--reads", "leader", "--trace", &trace]).out, "");
    assert_eq!(cluster.ok(&["get", "kept", "--reads", "leader", "--trace", &trace]).out, "hello\n");
    let lost = |cluster: &TestCluster| {
        let report = validated(cluster, &["clients.jsonl"]);
        let lost = property(&report, "no-lost-write");
        assert_eq!(lost.keys_promised, 0, "{lost:?}");
        lost.broken
    };
    others.iter().for_each(|other| cluster.kill(other));
    assert_eq!(lost(&cluster), 1);

    // The leader that is deposed discards what nobody else has, and holds what the others do.
    cluster.names().iter().for_each(|name| cluster.start(name));
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    assert_eq!(cluster.ok(&["get", "lost", "--reads", "any", "--coordinator", &first]).out, "");
    cluster.names().iter().for_each(|name| cluster.kill(name));
    assert_eq!(lost(&cluster), 1);
}

#[test]
fn a_client_sees_what_it_wrote_as_long_as_it_reads_that_from_the_leader() {
    let mut cluster = cluster(Replication::Async, ElectionKind::Raft);
    cluster.start_all();
    let trace = ClientTrace::open(&cluster.path("session.jsonl")).unwrap();
    let client = RunningClient::<LeaderClient>::new(cluster.file.clone(), AskOptions::default());
    let mut client = client.unwrap().traced(trace).unwrap();
    let mut ask = |task, own_writes_window, node| {
        let reads = Some(Reads::OwnWrites);
        let timeout = Some(Duration::from_secs(2));
        client.set_options(AskOptions { reads, node, timeout, own_writes_window }).unwrap();
        client.perform(task).unwrap()
    };
    let write =
        |text: &str| Task::Write { key: "own".into(), statement: Statement::Set(text.into()) };
    let read = || Task::Read { key: "own".into() };
    let text = |answer: Answer| match answer {
        Answer::Found { value: Some(Value::Text(text)), .. } => text.to_string(),
        Answer::Written { .. } => "written".to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(text(ask(write("old"), None, None)), "written");
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    let first = leave_alone_who_leads(&mut cluster);
    let node = |cluster: &TestCluster, name: &str| Some(cluster.file.node_named(name).unwrap());
    assert_eq!(text(ask(write("new"), None, node(&cluster, &first))), "written");
    assert_eq!(text(ask(read(), None, None)), "new");
    cluster.kill(&first);

    // A follower that lags: it answers a client that takes its own writes for old, and nobody answers one that does not.
    let behind = cluster.names().into_iter().find(|name| *name != first).unwrap();
    cluster.start(&behind);
    let lags = node(&cluster, &behind);
    assert_eq!(ask(read(), None, lags), Answer::Unknown);
    assert_eq!(text(ask(read(), Some(Duration::ZERO), lags)), "old");
    cluster.kill(&behind);
    let report = validated(&cluster, &["session.jsonl"]);
    let own = property(&report, "read-your-writes");
    assert_eq!((own.occasions_promised, own.broken), (0, 1), "{own:?}");
    assert_eq!(own.occasions, 2, "{own:?}");
}

/// Kills all but the node that leads, and gives its name: it goes on to lead, since nobody is left to depose it.
fn leave_alone_who_leads(cluster: &mut TestCluster) -> String {
    loop {
        let first = leader(cluster);
        let others: Vec<_> = cluster.names().into_iter().filter(|name| *name != first).collect();
        others.iter().for_each(|other| cluster.kill(other));
        // On a busy machine another may have come to lead in between.
        let leads = statuses(&cluster.file, Duration::from_secs(1)).unwrap();
        if leads.values().any(|status| status.role == RoleName::Leader) {
            return first;
        }
        others.iter().for_each(|other| cluster.start(other));
    }
}

#[test]
fn requests_that_wait_at_a_leader_take_no_more_than_they_may_and_find_room_once_it_is_followed() {
    let mut cluster = TestCluster::with_leader_edited(3, TemplateLeader::default(), |text| {
        text.replace("pending_bytes_max = 268435456 ", "pending_bytes_max = 1100000 ")
    });
    cluster.start_all();
    let alone = leave_alone_who_leads(&mut cluster);
    let (file, node) = (cluster.file.clone(), cluster.file.node_named(&alone).unwrap());
    let write = move |bytes: usize, timeout| {
        let options = AskOptions { node: Some(node), timeout, ..AskOptions::default() };
        let mut client = RunningClient::<LeaderClient>::new(file.clone(), options).unwrap();
        let statement = Statement::Set("v".repeat(bytes).into());
        client.perform(Task::Write { key: Key::from("key"), statement }).unwrap()
    };
    let too_large = Refusal::ValueTooLarge { bytes: (1 << 20) + 1, bytes_max: 1 << 20 };
    assert_eq!(write((1 << 20) + 1, None), Answer::Refused(too_large));
    // Nobody holds it but the leader, so it waits.
    let begin = |bytes: usize| {
        let write = write.clone();
        std::thread::spawn(move || write(bytes, Some(Duration::from_secs(60))))
    };
    let waiting = |cluster: &TestCluster| cluster.status()[&alone]["waiting"].as_u64();
    let large = begin(1 << 20);
    wait_for("the large write to wait", || waiting(&cluster) == Some(1));
    // On a busy machine the answer to the first attempt may come too late to be the answer.
    let is_late = |answer: &Answer| matches!(answer, Answer::Unknown);
    let mut refused = Answer::Unknown;
    wait_for("a refusal", || {
        refused = write(100_000, None);
        !is_late(&refused)
    });
    let is_busy = |answer: &Answer| {
        matches!(
            answer,
            Answer::Refused(Refusal::TooMuchWaits { pending_bytes_max: 1_100_000, .. })
        )
    };
    assert!(is_busy(&refused), "{refused:?}");
    wait_for("HTTP to say that there is no room", || {
        let (status, said) = http(&cluster, &alone, "PUT", "/keys/key", &"v".repeat(100_000));
        assert!(status == 503 && said.contains("\"indeterminate\":true"), "{status} {said}");
        said.contains("retry later")
    });
    // What is small still has room.
    let small = begin(1);
    wait_for("the small write to wait too", || waiting(&cluster) == Some(2));

    for name in cluster.names().into_iter().filter(|name| *name != alone) {
        cluster.start(&name);
    }
    wait_for("those that waited", || waiting(&cluster) == Some(0));
    for answer in [large, small].map(|writer| writer.join().unwrap()) {
        assert!(matches!(answer, Answer::Written { .. }), "{answer:?}");
    }
    cluster.ok(&["put", "key", &"v".repeat(100_000)]);
    assert_eq!(cluster.ok(&["get", "key", "--raw"]).out.len(), 100_000);
}

/// What a node says of itself, if it does.
fn said(cluster: &TestCluster, name: &str) -> Option<LeaderStatus> {
    let mut all = statuses(&cluster.file, Duration::from_millis(200)).unwrap();
    all.remove(&cluster.file.node_named(name).unwrap())
}

#[test]
fn a_node_whose_disk_was_wiped_leads_in_an_epoch_of_its_own_where_nobody_votes() {
    let mut cluster = cluster(Replication::Sync, ElectionKind::Bully);
    cluster.start_all();
    let trace = cluster.path("clients.jsonl").display().to_string();
    let highest = cluster.names().last().unwrap().clone();
    let leads = |cluster: &TestCluster| {
        said(cluster, &highest).is_some_and(|said| said.role == RoleName::Leader)
    };
    // Twice, since the first leader is another node: what the highest one claims first is then what it claims again.
    for value in ["red", "green"] {
        cluster.kill(&highest);
        if value == "green" {
            std::fs::remove_dir_all(cluster.path(&highest)).unwrap();
        }
        cluster.start(&highest);
        wait_for("the highest node to lead", || leads(&cluster));
        cluster.ok(&["put", "key", value, "--trace", &trace]);
        cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    }
    let report = validated(&cluster, &["clients.jsonl"]);
    let lost = report.nodes.iter().filter(|node| node.lost_disks == 1).map(|node| &node.name);
    assert_eq!(lost.collect::<Vec<_>>(), [&highest]);
    for name in ["one-leader-per-epoch", "log-matching"] {
        let property = property(&report, name);
        assert!(property.occasions_promised > 0, "{property:?}");
        assert_eq!((property.keys_promised, property.broken), (1, 0), "{property:?}");
    }
}

#[test]
fn a_node_whose_disk_was_wiped_does_not_vote_until_it_holds_what_it_may_have_acknowledged() {
    let mut cluster = cluster(Replication::Majority, ElectionKind::Raft);
    cluster.start_all();
    let trace = cluster.path("clients.jsonl").display().to_string();
    let put = |cluster: &TestCluster, key, value| {
        cluster.ok(&["put", key, value, "--trace", &trace]);
    };
    put(&cluster, "first", "hello");
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    let first = leader(&cluster);
    let others: Vec<_> = cluster.names().into_iter().filter(|name| *name != first).collect();
    let [other, wiped] = &others[..] else { panic!("{others:?}") };
    // Under its feet: it goes on with files that nobody will find again, and acknowledges what it writes to them.
    std::fs::remove_dir_all(cluster.path(wiped)).unwrap();
    cluster.kill(other);
    put(&cluster, "second", "world");
    cluster.kill(wiped);
    cluster.kill(&first);

    // Of those who are left, one has less than was acknowledged, and the other nothing.
    cluster.start(wiped);
    cluster.start(other);
    let epoch = |cluster: &TestCluster| said(cluster, other).map(|status| status.epoch.number);
    let began = epoch(&cluster).unwrap();
    wait_for("two elections", || epoch(&cluster) >= Some(began + 2));
    let status = said(&cluster, wiped).unwrap();
    assert!(!status.is_caught_up && status.role == RoleName::Follower, "{status:?}");
    assert!(
        said(&cluster, other).unwrap().role != RoleName::Leader,
        "with the vote of a wiped node"
    );
    let log = std::fs::read_to_string(cluster.path(&format!("{wiped}.log"))).unwrap();
    assert!(log.contains("does not vote until it has caught up"), "{log}");

    cluster.start(&first);
    wait_for("the wiped node", || said(&cluster, wiped).is_some_and(|said| said.is_caught_up));
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    for (key, value) in [("first", "hello\n"), ("second", "world\n")] {
        assert_eq!(cluster.ok(&["get", key]).out, value);
        let at_it = ["get", key, "--reads", "any", "--coordinator", wiped];
        assert_eq!(cluster.ok(&at_it).out, value);
    }
    let report = validated(&cluster, &["clients.jsonl"]);
    let lost = report.nodes.iter().filter(|node| node.lost_disks == 1).map(|node| &node.name);
    assert_eq!(lost.collect::<Vec<_>>(), [wiped]);
    for name in ["leader-completeness", "no-lost-write", "one-leader-per-epoch", "log-matching"] {
        let property = property(&report, name);
        assert!(property.occasions_promised > 0, "{property:?}");
        assert_eq!((property.keys_promised, property.broken), (1, 0), "{property:?}");
    }
}

#[test]
fn a_node_with_a_leader_whose_files_are_damaged_does_not_start_and_says_which_and_what_to_do() {
    let mut cluster = TestCluster::with_leader(1, TemplateLeader::default());
    cluster.start_all();
    for number in 0..20 {
        cluster.ok(&["put", &format!("key{number}"), "value"]);
    }
    cluster.kill("n1");
    let data = cluster.path("n1");
    let file = |name: &str| std::fs::read(data.join(name)).unwrap();
    let (log, database) = ("log-0000000000000000", "leader.redb");
    let used = file(log).iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let altered = |name, alter: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = file(name);
        alter(&mut bytes);
        (name, bytes)
    };
    // The last record, which was acknowledged; one in the middle; the end of each file; what the database begins with.
    for (name, bytes) in [
        altered(log, &|bytes| bytes[used - 20..used].fill(0)),
        altered(log, &|bytes| bytes[used / 2] ^= 1),
        altered(log, &|bytes| bytes.truncate(used / 2)),
        altered(database, &|bytes| bytes.truncate(bytes.len() / 2)),
        altered(database, &|bytes| bytes[..512].fill(0)),
    ] {
        let whole = file(name);
        std::fs::write(data.join(name), bytes).unwrap();
        let errors = cluster.path("errors");
        let mut node = cluster.node("n1");
        let mut node = node.stderr(std::fs::File::create(&errors).unwrap()).spawn().unwrap();
        wait_for("the node to refuse", || node.try_wait().unwrap().is_some());
        let said = std::fs::read_to_string(&errors).unwrap();
        assert_eq!(node.wait().unwrap().code(), Some(1), "{said}");
        let is_told = said.contains(name) && said.contains("move the data directory away");
        assert!(is_told, "{name}: {said}");
        std::fs::write(data.join(name), whole).unwrap();
    }
    cluster.start("n1");
    assert_eq!(cluster.ok(&["get", "key19"]).out, "value\n");
}

/// Adds one to a counter of its own each time, and reads it, until it is told to stop; how often that was acknowledged.
fn add_until(file: ClusterFile, trace: &Path, key: &Key, stop: &AtomicBool) -> u64 {
    let client = RunningClient::<LeaderClient>::new(file, AskOptions::default()).unwrap();
    let mut client = client.traced(ClientTrace::open(trace).unwrap()).unwrap();
    let mut acknowledged = 0;
    while !stop.load(Ordering::Relaxed) {
        let add = Task::Write { key: key.clone(), statement: Statement::Add(1) };
        let written = client.perform(add).unwrap();
        acknowledged += u64::from(matches!(written, Answer::Written { .. }));
        client.perform(Task::Read { key: key.clone() }).unwrap();
    }
    acknowledged
}

/// What a counter holds.
fn sum(cluster: &TestCluster, key: &Key) -> u64 {
    let file = cluster.file.clone();
    let mut client = RunningClient::<LeaderClient>::new(file, AskOptions::default()).unwrap();
    match client.perform(Task::Read { key: key.clone() }).unwrap() {
        Answer::Found { value: Some(Value::Number(number)), .. } => number,
        other => panic!("{other:?}"),
    }
}

/// Lets everything be told to stop that watches this, whatever happens.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What came of killing leaders.
struct Killed {
    /// How many additions to each counter were acknowledged, and what it holds in the end.
    counters: Vec<(u64, u64)>,
    /// How long after each kill another led.
    failovers: Vec<Duration>,
    report: Report,
}

/// Kills the leader so many times under load, and starts it again once another leads.
fn kill_leaders(mut cluster: TestCluster, rounds: usize) -> Killed {
    cluster.start_all();
    let (stop, names) = (AtomicBool::new(false), ["c1.jsonl", "c2.jsonl"]);
    let keys = names.map(|name| Key::from(&name[..2]));
    let mut failovers = Vec::new();
    let acknowledged: Vec<u64> = thread::scope(|scope| {
        let clients: Vec<_> = std::iter::zip(&keys, names)
            .map(|(key, name)| {
                let (file, trace) = (cluster.file.clone(), cluster.path(name));
                let stop = &stop;
                scope.spawn(move || add_until(file, &trace, key, stop))
            })
            .collect();
        let stopping = Stopping(&stop);
        for _ in 0..rounds {
            // Under load: each round lets some operations through first.
            let before = cluster.path(names[0]).metadata().map_or(0, |file| file.len());
            wait_for("operations", || {
                cluster.path(names[0]).metadata().is_ok_and(|file| file.len() > before + 5_000)
            });
            let old = leader(&cluster);
            let began = Instant::now();
            cluster.kill(&old);
            leader(&cluster);
            failovers.push(began.elapsed());
            cluster.start(&old);
        }
        drop(stopping);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    cluster.ok(&["status", "--wait-converged", "--timeout", "30s"]);
    let held = keys.iter().map(|key| sum(&cluster, key));
    let counters = std::iter::zip(acknowledged, held).collect();
    cluster.names().iter().for_each(|name| cluster.kill(name));
    Killed { counters, failovers, report: validated(&cluster, &names) }
}

#[test]
fn a_majority_loses_nothing_when_its_leaders_are_killed_under_load_and_counts_each_addition_once() {
    let killed = kill_leaders(cluster(Replication::Majority, ElectionKind::Raft), 2);
    for (acknowledged, held) in killed.counters {
        // One of which its client does not know may count as well: each kill leaves one at most.
        assert!((acknowledged..=acknowledged + 2).contains(&held), "{acknowledged} {held}");
    }
    let lost = property(&killed.report, "no-lost-write");
    assert!(lost.occasions_promised > 0 && lost.broken == 0, "{lost:?}");
    let linearizable = property(&killed.report, "linearizable");
    assert!(linearizable.occasions_promised > 0 && linearizable.broken == 0, "{linearizable:?}");
}

/// `cargo test -p quorate --test kills failover -- --ignored --nocapture` prints what docs/leader.md has.
#[test]
#[ignore = "it measures"]
fn failover_measured() {
    for (replication, election) in [
        (Replication::Majority, ElectionKind::Raft),
        (Replication::Async, ElectionKind::Raft),
        (Replication::Async, ElectionKind::Bully),
    ] {
        let leader = TemplateLeader { replication, election, ..Default::default() };
        let template = TestCluster::with_leader_edited(3, leader, |text| text);
        let killed = kill_leaders(template, 20);
        let mut ms: Vec<_> = killed.failovers.iter().map(Duration::as_millis).collect();
        ms.sort_unstable();
        let lost = property(&killed.report, "no-lost-write");
        println!(
            "{replication:?} {election:?}: {} failovers, least {} median {} most {} ms; {} writes lost of {} \
             acknowledged",
            ms.len(),
            ms[0],
            ms[ms.len() / 2],
            ms[ms.len() - 1],
            lost.broken,
            killed.report.clients.writes_acknowledged,
        );
    }
}

/// The same under every setting that elects: nothing that is promised is broken, and every trace is accepted.
#[test]
#[ignore = "a minute"]
fn every_setting_keeps_what_it_promises_when_its_leaders_are_killed() {
    for election in [ElectionKind::Raft, ElectionKind::Bully] {
        for replication in
            [Replication::Async, Replication::SemiSync, Replication::Sync, Replication::Majority]
        {
            let killed = kill_leaders(cluster(replication, election), 4);
            let lost = property(&killed.report, "no-lost-write");
            println!("{election:?} {replication:?}: {lost:?}");
            assert!(property(&killed.report, "log-matching").occasions_promised > 0);
        }
    }
}

#[test]
fn where_nobody_elects_the_node_leads_that_an_operator_promotes() {
    let mut cluster = cluster(Replication::Async, ElectionKind::Manual);
    cluster.start_all();
    let trace = cluster.path("clients.jsonl");
    let trace = trace.to_str().unwrap().to_string();
    cluster.ok(&["put", "first", "hello", "--trace", &trace]);
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    cluster.kill("n1");
    assert_eq!(cluster.ok(&["promote", "--node", "n2"]).out, "n2 leads\n");
    cluster.ok(&["put", "second", "world", "--trace", &trace]);
    assert_eq!(cluster.ok(&["get", "first", "--trace", &trace]).out, "hello\n");
    ["n2", "n3"].iter().for_each(|name| cluster.kill(name));
    let report = validated(&cluster, &["clients.jsonl"]);
    assert_eq!(property(&report, "one-leader-per-epoch").occasions_promised, 1);
}

#[test]
fn a_follower_that_is_too_far_behind_gets_a_snapshot_in_pages() {
    let mut cluster = TestCluster::with_leader_edited(3, TemplateLeader::default(), |text| {
        text.replace("snapshot_after = 10000 ", "snapshot_after = 10 ")
            .replace("page_rows = 1000 ", "page_rows = 7 ")
    });
    cluster.start_all();
    let trace = ClientTrace::open(&cluster.path("clients.jsonl")).unwrap();
    let client = RunningClient::<LeaderClient>::new(cluster.file.clone(), AskOptions::default());
    let mut client = client.unwrap().traced(trace).unwrap();
    let mut put = |number: u64| {
        let key = Key::from(&*format!("key{number}"));
        let written = client.perform(Task::Write { key, statement: Statement::Add(number) });
        assert!(matches!(written, Ok(Answer::Written { .. })), "{written:?}");
    };
    put(1);
    cluster.kill("n3");
    (2..=40).for_each(&mut put);
    cluster.start("n3");
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    let status = &cluster.status()["n3"];
    assert!(status["compacted"].as_u64() >= Some(10) && status["rows"] == 40, "{status}");
    for number in [1, 23, 40] {
        let read = ["get", &format!("key{number}"), "--reads", "any", "--coordinator", "n3"];
        assert_eq!(cluster.ok(&read).out, format!("{number}\n"));
    }
    // The store that a snapshot came into is opened again.
    cluster.kill("n3");
    cluster.start("n3");
    cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    cluster.names().iter().for_each(|name| cluster.kill(name));
    let report = validated(&cluster, &["clients.jsonl"]);
    let pages = report.actions.iter().find(|action| action.name == "deliver snapshot page");
    assert!(pages.unwrap().count >= 6, "{pages:?}");
}
