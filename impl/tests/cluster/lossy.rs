//! Nodes of this process that talk through a bad network.

use std::time::Duration;

use crate::support::{TestCluster, once_free};
use quorate::client::{Session, SessionOptions};
use quorate::node::{Node, NodeHandle, NodeSettings};
use quorate_model::ids::{Key, Value};
use quorate_model::protocol::{FanOut, Operation, Outcome};
use quorate_model::versions::VersionVector;

fn spawn(cluster: &TestCluster, name: &str) -> NodeHandle {
    let settings = NodeSettings::new(cluster.file.clone(), name).unwrap();
    let settings = NodeSettings { is_founding: true, ..settings };
    once_free(|| Node::spawn(settings.clone()))
}

fn put(key: &str, value: &str) -> Operation {
    let (key, value) = (Key::from(key), Some(Value::from(value)));
    Operation::Put { key, value, context: VersionVector::new(), w: None, sloppy: None }
}

fn get(key: &str) -> Operation {
    Operation::Get { key: Key::from(key), r: None }
}

fn values(outcome: &Outcome) -> Vec<Value> {
    match outcome {
        Outcome::GetOk { state, .. } => {
            state.iter().flat_map(|state| state.live().map(|(_, value)| value.clone())).collect()
        }
        outcome => panic!("the read failed: {outcome:?}"),
    }
}

#[test]
fn retries_get_through_loss_duplication_and_delay_and_write_once() {
    let cluster = TestCluster::configured(4, |text| {
        let text = text.replace("client_fan_out = false", "client_fan_out = true");
        text.replace("client_attempt_ms = 400", "client_attempt_ms = 50").replace(
            "[timeouts]",
            "[faults]\ndrop = 0.2\nduplicate = 0.2\ndelay = 0.3\ndelay_ms_max = 20\nseed = 7\n\
             [timeouts]",
        )
    });
    let _nodes: Vec<_> = cluster.names().iter().map(|name| spawn(&cluster, name)).collect();
    for fan_out in [FanOut::NodeDriven, FanOut::ClientDriven] {
        let options = SessionOptions { fan_out, ..SessionOptions::default() };
        let mut session = Session::new(cluster.file.clone(), options).unwrap();
        for index in 0..10 {
            let (key, value) = (format!("{fan_out:?}{index}"), index.to_string());
            let outcome = session.perform(put(&key, &value)).unwrap();
            assert!(matches!(outcome, Outcome::PutOk { .. }), "{outcome:?}");
            let read = session.perform(get(&key)).unwrap();
            assert_eq!(values(&read), [Value::from(value.as_str())]);
        }
    }
}

#[test]
fn a_killed_node_has_what_it_acknowledged_and_can_be_opened_again_at_once() {
    let cluster = TestCluster::configured(3, |text| text.replace("w = 2", "w = 3"));
    let mut nodes: Vec<_> = cluster.names().iter().map(|name| spawn(&cluster, name)).collect();
    let mut session = Session::new(cluster.file.clone(), SessionOptions::default()).unwrap();
    session.perform(put("key", "value")).unwrap();
    for node in nodes.drain(..) {
        node.kill().unwrap();
    }
    let nodes: Vec<_> = cluster.names().iter().map(|name| spawn(&cluster, name)).collect();
    assert_eq!(values(&session.perform(get("key")).unwrap()), [Value::from("value")]);
    for node in nodes {
        assert!(!node.is_finished());
        node.stop().unwrap();
    }
}

#[test]
fn a_request_ends_after_the_time_it_was_given() {
    let cluster = TestCluster::configured(3, |text| text);
    let timeout = Some(Duration::from_millis(100));
    let coordinator = Some(cluster.file.cluster.nodes()[0]);
    let options = SessionOptions { coordinator, timeout, ..SessionOptions::default() };
    let mut session = Session::new(cluster.file.clone(), options).unwrap();
    assert_eq!(session.perform(get("key")).unwrap(), Outcome::NoAnswer);
}

#[test]
fn what_was_sent_too_long_ago_or_in_the_future_reaches_no_protocol() {
    use quorate::client::collect_status;
    use quorate::guard::Guard;
    use quorate::leaderless::Leaderless;
    use quorate::wire::{Datagram, Wire, wall_clock_ms};
    use quorate_model::ids::{NodeId, RequestId};
    use quorate_model::protocol::{Message, PutRequest};
    use std::net::UdpSocket;

    let cluster = TestCluster::configured(3, |text| {
        text.replace("datagram_lifetime_ms = 30000", "datagram_lifetime_ms = 5000")
    });
    let _nodes: Vec<_> = cluster.names().iter().map(|name| spawn(&cluster, name)).collect();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut guard = Guard::of_client(&cluster.file.guard::<Leaderless>()).unwrap();
    let client = guard.clients()[0];
    let mut send = |sequence, sent_ms| {
        let request = RequestId { client, sequence };
        let (key, value) = (Key::from(&*format!("key{sequence}")), Some(Value::from("value")));
        let put = PutRequest {
            request,
            key,
            value,
            context: VersionVector::new(),
            origin: Default::default(),
            w: Some(3),
            sloppy: None,
            fan_out: FanOut::NodeDriven,
        };
        let (message, evidence) = (Message::Put(put), Default::default());
        let datagram = Datagram::Protocol { sent_ms, evidence, message };
        let wire: Wire<Leaderless> = cluster.file.wire();
        let bytes = wire.encode(&datagram).unwrap();
        let (party, mut sealed) = (cluster.file.party(NodeId(0)), Vec::new());
        guard.seal(&party, &bytes, wall_clock_ms(), &mut sealed);
        socket.send_to(&sealed, party.address).unwrap();
    };
    let now_ms = wall_clock_ms();
    send(1, now_ms - 60_000);
    send(2, now_ms + 60_000);
    send(3, now_ms);
    crate::support::wait_for("the one that is fresh to be written", || {
        let statuses = collect_status(&cluster.file, Duration::from_secs(2)).unwrap();
        let keys: Vec<_> = statuses.values().map(|status| status.keys).collect();
        let traffic = statuses[&NodeId(0)].traffic;
        keys == [1, 1, 1] && (traffic.too_old, traffic.from_future) == (1, 1)
    });
    let mut session = Session::new(cluster.file.clone(), SessionOptions::default()).unwrap();
    for (key, found) in [("key1", 0), ("key2", 0), ("key3", 1)] {
        assert_eq!(values(&session.perform(get(key)).unwrap()).len(), found, "{key}");
    }
}
