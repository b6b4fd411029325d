//! Who may talk to a node: strangers, clients without the right, clients that lie, and keys that change.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::support::{DEADLINE, TestCluster, once_free, quorate, wait_for};
use quorate::client::{Session, SessionOptions, accept_loss, collect_status};
use quorate::config::ClusterFile;
use quorate::given::Evidence;
use quorate::guard::{Guard, Party};
use quorate::keys::{Access, KeyFile, Keyring, now_seconds};
use quorate::leaderless::{Leaderless, NodeStatus};
use quorate::node::{Node, NodeHandle, NodeSettings};
use quorate::wire::{Datagram, Traffic, Wire, wall_clock_ms};
use quorate_model::ids::{Key, NodeId, RequestId, Value};
use quorate_model::protocol::{
    ContextOrigin, FanOut, Message, Operation, Outcome, PutOutcome, PutRequest, Refusal,
};
use quorate_model::versions::{ActorId, Dot, Epoch, Incarnation, VersionVector};

const NODE: NodeId = NodeId(0);

fn spawn_all(cluster: &TestCluster) -> Vec<NodeHandle> {
    let spawn = |name: &String| {
        let settings = NodeSettings::new(cluster.file.clone(), name).unwrap();
        let settings = NodeSettings { is_founding: true, ..settings };
        once_free(|| Node::spawn(settings.clone()))
    };
    cluster.names().iter().map(spawn).collect()
}

fn status(file: &ClusterFile) -> BTreeMap<NodeId, NodeStatus> {
    let mut found = BTreeMap::new();
    wait_for("all nodes to say how they are", || {
        found = collect_status(file, Duration::from_secs(5)).unwrap();
        found.len() == file.nodes.len()
    });
    found
}

fn put(key: &str, value: &str) -> Operation {
    let (key, value) = (Key::from(key), Some(Value::from(value)));
    Operation::Put { key, value, context: VersionVector::new(), w: Some(3), sloppy: None }
}

fn read(session: &mut Session, key: &str) -> Vec<Value> {
    let outcome = session.perform(Operation::Get { key: Key::from(key), r: Some(3) }).unwrap();
    let Outcome::GetOk { state, .. } = outcome else { panic!("{outcome:?}") };
    state.iter().flat_map(|state| state.live().map(|(_, value)| value.clone())).collect()
}

/// A client that says what it likes.
struct RawClient {
    guard: Guard,
    wire: Wire<Leaderless>,
    socket: UdpSocket,
    party: Party,
}

impl RawClient {
    fn new(file: &ClusterFile) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let guard = Guard::of_client(&file.guard::<Leaderless>()).unwrap();
        RawClient { guard, wire: file.wire(), socket, party: file.party(NODE) }
    }

    fn sealed(&mut self, message: Message, sealed_ms: u64) -> Vec<u8> {
        let (sent_ms, evidence) = (wall_clock_ms(), Evidence::default());
        let datagram = Datagram::Protocol { sent_ms, evidence, message };
        let (body, mut sealed) = (self.wire.encode(&datagram).unwrap(), Vec::new());
        self.guard.seal(&self.party, &body, sealed_ms, &mut sealed);
        sealed
    }

    fn put(&self, sequence: u64, key: &str, context: VersionVector) -> PutRequest {
        PutRequest {
            request: RequestId { client: self.guard.clients()[0], sequence },
            key: Key::from(key),
            value: Some(Value::from("forged")),
            context,
            origin: ContextOrigin::Given,
            w: None,
            sloppy: None,
            fan_out: FanOut::NodeDriven,
        }
    }

    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.party.address).unwrap();
    }

    /// The next answer.
    fn answer(&mut self) -> Datagram<Leaderless> {
        let (mut buffer, deadline) = (vec![0; 65_535], Instant::now() + DEADLINE);
        while Instant::now() < deadline {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { continue };
            let Ok((_, body)) = self.guard.open(&buffer[..length], from, wall_clock_ms()) else {
                continue;
            };
            return self.wire.decode(&buffer[body]).unwrap();
        }
        panic!("no answer");
    }
}

#[test]
fn a_spoofed_replayed_truncated_foreign_misdirected_or_stale_datagram_changes_nothing_and_is_counted()
 {
    let cluster = TestCluster::configured(3, |text| text);
    let _nodes = spawn_all(&cluster);
    let mut session = Session::new(cluster.file.clone(), SessionOptions::default()).unwrap();
    let written = session.perform(put("key", "value")).unwrap();
    assert!(matches!(written, Outcome::PutOk { .. }), "{written:?}");
    let (file, nothing) = (&cluster.file, VersionVector::new);
    let held = |file: &ClusterFile| {
        let ranges = status(file).into_values().map(|status| (status.keys, status.ranges));
        ranges.collect::<Vec<_>>()
    };
    let before = held(file);

    let mut client = RawClient::new(file);
    let now_ms = wall_clock_ms();
    // One that is taken in, to be sent again. It is refused by the protocol: too many replies.
    let wrong = PutRequest { w: Some(9), ..client.put(0, "key", nothing()) };
    let taken_in = client.sealed(Message::Put(wrong), now_ms);
    client.send(&taken_in);
    assert!(matches!(client.answer(), Datagram::Protocol { .. }));
    client.send(&taken_in);

    let good = client.put(1, "key", nothing());
    let mut spoofed = client.sealed(Message::Put(good.clone()), now_ms);
    let at = spoofed.len() - 40;
    spoofed[at] ^= 1;
    let whole = client.sealed(Message::Put(good.clone()), now_ms);
    let stale = client.sealed(Message::Put(good.clone()), now_ms - 60_000);
    let ahead = client.sealed(Message::Put(good.clone()), now_ms + 60_000);
    client.party = file.party(NodeId(1));
    let misdirected = client.sealed(Message::Put(good.clone()), now_ms);
    client.party = file.party(NODE);
    // The same cluster.toml, and another key.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.key");
    KeyFile::Cluster(Keyring::fresh()).create(&path).unwrap();
    let other = ClusterFile { access: Access::KeyFile(path), ..file.clone() };
    let mut stranger = RawClient::new(&other);
    let foreign = stranger.sealed(Message::Put(stranger.put(0, "key", nothing())), now_ms);
    // A request in the name of another client, and what only nodes say.
    let theirs = PutRequest {
        request: RequestId { client: session.id(), sequence: 99 },
        ..client.put(2, "key", nothing())
    };
    let theirs = client.sealed(Message::Put(theirs), now_ms);
    let asks = Message::CatchUp { token: Incarnation(1), after: None };
    let reserved = client.sealed(asks, now_ms);
    for bytes in [
        &spoofed[..],
        &whole[..whole.len() - 1],
        &stale,
        &ahead,
        &misdirected,
        &foreign,
        &theirs,
        &reserved,
        b"GET / HTTP/1.1",
    ] {
        client.send(bytes);
    }
    let expected = Traffic {
        replayed: 1,
        unauthenticated: 1,
        truncated: 1,
        too_old: 1,
        from_future: 1,
        misdirected: 1,
        foreign_key: 1,
        not_permitted: 2,
        malformed: 1,
        ..Traffic::default()
    };
    wait_for("all of it to be counted", || {
        status(file)[&NODE].traffic.dropped() == expected.dropped()
    });
    assert_eq!(held(file), before);
    assert_eq!(read(&mut session, "key"), [Value::from("value")]);
}

/// Every write that any of these nodes may ever make.
fn everything(file: &ClusterFile, statuses: &BTreeMap<NodeId, NodeStatus>) -> VersionVector {
    let actors = file.cluster.nodes().iter().flat_map(|node| {
        let incarnations = [Incarnation(0), statuses[node].incarnation];
        incarnations.into_iter().flat_map(move |incarnation| {
            (0..4).map(Epoch).map(move |epoch| ActorId::Node { node: *node, incarnation, epoch })
        })
    });
    actors.map(|actor| Dot { actor, counter: u64::MAX }).collect()
}

#[test]
fn a_client_that_claims_to_have_seen_what_nobody_has_written_is_refused_and_nobody_loses_a_write() {
    let cluster = TestCluster::configured(3, |text| text);
    let _nodes = spawn_all(&cluster);
    let file = &cluster.file;
    let mut session = Session::new(file.clone(), SessionOptions::default()).unwrap();
    session.perform(put("key", "before")).unwrap();
    let mut liar = RawClient::new(file);
    let lie = liar.put(0, "key", everything(file, &status(file)));
    let lie = liar.sealed(Message::Put(lie), wall_clock_ms());
    liar.send(&lie);
    let Datagram::Protocol { message: Message::PutReply { outcome, .. }, .. } = liar.answer()
    else {
        panic!("another answer")
    };
    assert_eq!(outcome, PutOutcome::Refused(Refusal::ContextNotGiven));
    for coordinator in file.cluster.nodes() {
        let options =
            SessionOptions { coordinator: Some(*coordinator), ..SessionOptions::default() };
        let mut session = Session::new(file.clone(), options).unwrap();
        let written = session.perform(put("key", &coordinator.to_string())).unwrap();
        assert!(matches!(written, Outcome::PutOk { .. }), "{written:?}");
    }
    assert_eq!(read(&mut session, "key").len(), 4);
}

#[test]
fn a_client_does_what_its_key_allows_and_is_told_which_right_it_lacks() {
    let cluster = TestCluster::running(3);
    let key = |name: &str, rights: &str| {
        let path = cluster.path(&format!("{name}.key")).display().to_string();
        let mut make = quorate();
        make.args(["key", "client", "--rights", rights, "--out", &path, "--config"]);
        let made = make.arg(&cluster.file.path).arg(name).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        path
    };
    let (reader, writer) = (key("reader", "read"), key("writer", "read,write"));
    let with = |path: &str, arguments: &[&str]| {
        let [command, rest @ ..] = arguments else { panic!("no command") };
        cluster.run(&[&[*command, "--key-file", path], rest].concat())
    };
    assert_eq!(with(&writer, &["put", "key", "value"]).code, 0);
    assert_eq!(with(&reader, &["get", "key"]).out, "value\n");
    assert_eq!(with(&reader, &["status"]).code, 0);
    let denied = with(&reader, &["put", "key", "other"]);
    assert_eq!(denied.code, 2, "{denied:?}");
    for word in ["the right to write", "reader", "allows read"] {
        assert!(denied.err.contains(word), "{denied:?}");
    }
    // What it was given by a read it may hand back, and nothing else.
    let token = with(&writer, &["get", "key"]).err;
    let token = token.rsplit("--context ").next().unwrap().trim().to_string();
    assert_eq!(with(&writer, &["put", "--context", &token, "key", "next"]).code, 0);
    assert_eq!(with(&reader, &["get", "key"]).out, "next\n");
    // Nor does the right to write let it give up what others held.
    let access = Access::KeyFile(writer.clone().into());
    let as_writer = ClusterFile { access, ..cluster.file.clone() };
    let lost = [NodeId(1)].into_iter().collect();
    let denied = accept_loss(&as_writer, NODE, lost, DEADLINE).unwrap_err().to_string();
    assert!(denied.contains("the right to admin"), "{denied}");
    assert_eq!(accept_loss(&cluster.file, NODE, lost, DEADLINE).unwrap(), Some(true));

    let mut revoke = quorate();
    revoke.args(["key", "revoke", "reader", "--config"]).arg(&cluster.file.path);
    assert!(revoke.output().unwrap().status.success());
    let traffic = || status(&cluster.file)[&NODE].traffic;
    wait_for("the key to be revoked", || {
        with(&reader, &["status", "--timeout", "200ms"]).code == 1 && traffic().revoked > 0
    });
    assert_eq!(with(&writer, &["get", "key"]).out, "next\n");
}

#[test]
fn keys_are_rotated_without_stopping_and_no_request_fails_meanwhile() {
    let cluster = TestCluster::configured(3, |text| text);
    let _nodes = spawn_all(&cluster);
    let Access::KeyFile(path) = &cluster.file.access else { panic!("it has a key") };
    let mut session = Session::new(cluster.file.clone(), SessionOptions::default()).unwrap();
    let mut writes = 0;
    let mut write_until = |done: &dyn Fn() -> bool| {
        let deadline = Instant::now() + DEADLINE;
        while !done() {
            assert!(Instant::now() < deadline);
            writes += 1;
            let outcome = session.perform(put("key", &writes.to_string())).unwrap();
            assert!(matches!(outcome, Outcome::PutOk { .. }), "{outcome:?}");
            let context = match session.perform(Operation::Get { key: Key::from("key"), r: None }) {
                Ok(Outcome::GetOk { state: Some(state), .. }) => state.context(),
                outcome => panic!("{outcome:?}"),
            };
            let (key, value) = (Key::from("key"), Some(Value::from("resolved")));
            let resolve = Operation::Put { key, value, context, w: None, sloppy: None };
            let outcome = session.perform(resolve).unwrap();
            assert!(matches!(outcome, Outcome::PutOk { .. }), "{outcome:?}");
        }
    };
    let KeyFile::Cluster(old) = KeyFile::read(path).unwrap() else { panic!("of a cluster") };
    let use_from = now_seconds() + 3;
    let rotated = old.rotated(use_from);
    KeyFile::Cluster(rotated.clone()).replace(path).unwrap();
    write_until(&|| now_seconds() > use_from + 1);
    KeyFile::Cluster(rotated.without_older(now_seconds())).replace(path).unwrap();
    // Who has the old key only is heard no more.
    let directory = tempfile::tempdir().unwrap();
    let old_path = directory.path().join("old.key");
    KeyFile::Cluster(old).create(&old_path).unwrap();
    let late = ClusterFile { access: Access::KeyFile(old_path), ..cluster.file.clone() };
    write_until(&|| collect_status(&late, Duration::from_millis(100)).unwrap().is_empty());
    for (node, status) in status(&cluster.file) {
        let Traffic { unauthenticated, replayed, not_permitted, foreign_key, .. } = status.traffic;
        assert_eq!((unauthenticated, replayed, not_permitted), (0, 0, 0), "{node}");
        assert!(foreign_key > 0, "{node}");
    }
}

#[test]
fn a_cluster_without_a_key_says_so_and_stays_on_this_machine() {
    let unauthenticated = |text: String| {
        text.replace("key_file = \"cluster.key\"", "unauthenticated = true")
            .replace("n = 3 ", "n = 1 ")
            .replace("r = 2 ", "r = 1 ")
            .replace("w = 2 ", "w = 1 ")
    };
    let mut cluster = TestCluster::configured(1, unauthenticated);
    assert!(!cluster.path("cluster.key").exists());
    cluster.start_all();
    cluster.ok(&["put", "key", "value"]);
    assert_eq!(cluster.ok(&["get", "key"]).out, "value\n");

    let text = std::fs::read_to_string(&cluster.file.path).unwrap();
    let port = cluster.file.nodes[0].address.port();
    std::fs::write(
        &cluster.file.path,
        text.replace(&format!("127.0.0.1:{port}"), &format!("0.0.0.0:{port}")),
    )
    .unwrap();
    let refused: crate::support::Ran = cluster.node("n1").output().unwrap().into();
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("addr: 0.0.0.0") && refused.err.contains("unauthenticated"));

    let keyed = TestCluster::configured(3, |text| text);
    std::fs::remove_file(keyed.path("cluster.key")).unwrap();
    let refused: crate::support::Ran = keyed.node("n1").output().unwrap().into();
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("quorate key new"), "{refused:?}");
    let refused = keyed.run(&["get", "key"]);
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn a_node_that_speaks_another_version_is_told_apart_in_the_log_and_the_status() {
    let cluster = TestCluster::running(3);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to: SocketAddr = cluster.file.node(NODE).address;
    socket.send_to(b"qrat\x05 and what version 5 has then", to).unwrap();
    wait_for("it to be counted", || {
        let dropped = &cluster.status()["n1"]["status"]["traffic"]["other_version"];
        dropped.as_u64() == Some(1)
    });
    let log = std::fs::read_to_string(cluster.path("n1.log")).unwrap();
    assert!(log.contains("wire version 5") && log.contains("upgrade the older"), "{log}");
}
