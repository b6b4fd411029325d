use std::sync::Arc;

use proptest::prelude::*;
use quorate_model::hash_tree::SetHash;
use quorate_model::ids::{ClientId, Key, NodeSet, RequestId, Timestamp, Value};
use quorate_model::protocol::{
    FanOut, GetOutcome, GetRequest, LoadLimit, Message, PutOutcome, PutRequest, ReadRepair,
    ReapRound, Refusal,
};
use quorate_model::versions::{
    ActorId, Dot, Epoch, Incarnation, Life, Record, VersionVector, Versioning, Write,
};

use super::*;
use crate::given::Evidence;
use crate::keys::Right;
use crate::leaderless::{
    AcceptLoss, Awaited, Held, HintsFor, Leaderless, LossAccepted, NodeStatus, Question,
    RangeStatus, SyncsWith, Told,
};

type Datagram = super::Datagram<Leaderless>;
type Wire = super::Wire<Leaderless>;

/// Three nodes.
pub(crate) fn cluster() -> ClusterSpec {
    ClusterSpec {
        nodes: ["n1", "n2", "n3"].map(String::from).to_vec(),
        n: 3,
        r: 2,
        w: 2,
        versioning: Versioning::Dotted,
        read_repair: ReadRepair::Async,
        speculative_retry: false,
        placement: Default::default(),
        tokens_per_node: 128,
        sloppy: false,
        background: quorate_model::cluster::Background::OFF,
        client_fan_out: false,
        limits: quorate_model::cluster::BytesMax::default(),
        left: Vec::new(),
        deviations: Vec::new(),
    }
}

fn record() -> Arc<Record> {
    let actor = ActorId::Node { node: NodeId(1), incarnation: Incarnation(9), epoch: Epoch(2) };
    let mut record = Record::empty(Versioning::Dotted);
    for (counter, value) in [(1, Some(Value::from("a"))), (2, None)] {
        record.put(&Write {
            dot: Dot { actor, counter },
            client: ClientId(5),
            context: VersionVector::new(),
            timestamp: Timestamp(0),
            value,
        });
    }
    Arc::new(record)
}

/// One message of every kind, and every way a put or a get can end.
fn messages() -> Vec<Message> {
    let request = RequestId { client: ClientId(7), sequence: 3 };
    let key = Key::from("key");
    let state = record();
    let nodes: NodeSet = [NodeId(0), NodeId(2)].into_iter().collect();
    let put_reply = |outcome| Message::PutReply { request, outcome };
    let get_reply = |outcome| Message::GetReply { request, outcome };
    vec![
        Message::Put(PutRequest {
            request,
            key: key.clone(),
            value: Some(Value::from("value")),
            context: state.context(),
            origin: Default::default(),
            w: Some(2),
            sloppy: Some(true),
            fan_out: FanOut::ClientDriven,
        }),
        put_reply(PutOutcome::Ok { acked: nodes }),
        put_reply(PutOutcome::Unavailable { acked: nodes }),
        put_reply(PutOutcome::Minted { state: Arc::clone(&state) }),
        put_reply(PutOutcome::Refused(Refusal::QuorumOutOfRange { asked: 4, n: 3 })),
        put_reply(PutOutcome::Refused(Refusal::NotHome { homes: nodes })),
        put_reply(PutOutcome::Refused(Refusal::KeyTooLong { bytes: 9, bytes_max: 8 })),
        put_reply(PutOutcome::Refused(Refusal::ValueTooLarge { bytes: 9, bytes_max: 8 })),
        put_reply(PutOutcome::Refused(Refusal::TooManySiblings { siblings: 9, siblings_max: 8 })),
        put_reply(PutOutcome::Refused(Refusal::ClientFanOutOff)),
        put_reply(PutOutcome::Refused(Refusal::Overloaded {
            limit: LoadLimit::Requests { pending_max: 8 },
        })),
        Message::Get(GetRequest { request, key: key.clone(), r: None }),
        get_reply(GetOutcome::Ok { state: Some(Arc::clone(&state)), replied: nodes }),
        get_reply(GetOutcome::Unavailable { replied: NodeSet::EMPTY }),
        get_reply(GetOutcome::Refused(Refusal::Overloaded {
            limit: LoadLimit::Requests { pending_max: 8 },
        })),
        Message::Store { request, key: key.clone(), state: Arc::clone(&state) },
        Message::StoreAck { request, held: state.digest() },
        Message::Fetch { request, key: key.clone() },
        Message::FetchReply { request, state: None },
        Message::Repair { key: key.clone(), state: Arc::clone(&state) },
        put_reply(PutOutcome::Refused(Refusal::TooManyHints { hints_max: 8 })),
        put_reply(PutOutcome::Refused(Refusal::HintsTooLarge { hints_bytes_max: 9 })),
        get_reply(GetOutcome::Refused(Refusal::Overloaded {
            limit: LoadLimit::Bytes { bytes: 3, pending_bytes: 6, pending_bytes_max: 8 },
        })),
        put_reply(PutOutcome::Refused(Refusal::CatchingUp)),
        Message::Probe { request },
        Message::ProbeReply { request },
        Message::StoreHint {
            request,
            home: NodeId(2),
            key: key.clone(),
            state: Arc::clone(&state),
        },
        Message::Handoff { key: key.clone(), state: Arc::clone(&state) },
        Message::HandoffAck { key: key.clone(), held: state.digest() },
        Message::CatchUp { token: Incarnation(11), after: Some(key.clone()) },
        Message::CatchUpPage {
            token: Incarnation(11),
            after: None,
            entries: vec![(key.clone(), Arc::clone(&state))],
            next: Some(key.clone()),
            is_caught_up: true,
        },
        Message::Register {
            incarnation: Incarnation(9),
            life: Life(3),
            token: Incarnation(10),
            minted: Life(2).counter(7),
        },
        Message::Registered { token: Incarnation(10), agrees: true },
        Message::ReapAsk { round: ReapRound(8), key: key.clone(), state: Arc::clone(&state) },
        Message::ReapAgree { round: ReapRound(8), key: key.clone(), held: state.digest() },
        Message::Reap { key: key.clone(), held: state.digest() },
        Message::SyncHashes { range: nodes, level: 1, nodes: vec![(3, vec![(48, SetHash(4))])] },
        Message::SyncKeys {
            range: nodes,
            leaf: 5,
            after: None,
            keys: vec![(key.clone(), state.digest())],
            more: true,
        },
        Message::SyncStates { states: vec![(key.clone(), state)], wanted: vec![key] },
    ]
}

fn datagrams() -> Vec<Datagram> {
    let mut datagrams: Vec<_> = messages()
        .into_iter()
        .map(|message| Datagram::Protocol { sent_ms: 9, evidence: Evidence::default(), message })
        .collect();
    let token = 300;
    let status = NodeStatus {
        keys: 2,
        versions: 3,
        hints: vec![HintsFor { home: NodeId(2), count: 4, pending_ms: 5 }],
        awaited: vec![Awaited {
            range: [NodeId(0), NodeId(1)].into_iter().collect(),
            from: [NodeId(0)].into_iter().collect(),
            missing: 1,
            unanswered: [NodeId(1)].into_iter().collect(),
        }],
        ranges: Some(vec![RangeStatus {
            homes: [NodeId(1)].into_iter().collect(),
            digest: SetHash(6),
        }]),
        syncs: vec![SyncsWith { peer: NodeId(2), heard_ms: Some(7), keys_repaired: 8 }],
        ..NodeStatus::default()
    };
    datagrams.extend([
        Datagram::Ping { token },
        Datagram::Pong { token },
        Datagram::StatusRequest { token },
        Datagram::StatusReply { token, status },
        Datagram::Command {
            token,
            command: AcceptLoss { lost: [NodeId(2)].into_iter().collect() },
        },
        Datagram::CommandDone { token, answer: LossAccepted { serves: true } },
        Datagram::Denied { about: token, lacks: Right::Write },
        Datagram::ConfiguredOtherwise { spec: Box::new(cluster()) },
        Datagram::Question {
            token,
            question: Question::Keys { after: None, prefix: Key::from("a"), max: 10 },
        },
        Datagram::Question { token, question: Question::Key { key: Key::from("a") } },
        Datagram::Told {
            token,
            told: Told::Keys { serves: true, keys: vec![Key::from("ab")], next: None },
        },
        Datagram::Told {
            token,
            told: Told::Key {
                serves: true,
                held: None,
                hints: vec![(NodeId(2), Held::of(&record()))],
            },
        },
        Datagram::Several {
            messages: vec![
                (7, Message::Probe { request: RequestId { client: ClientId(1), sequence: 2 } }),
                (
                    8,
                    Message::ProbeReply { request: RequestId { client: ClientId(1), sequence: 2 } },
                ),
            ],
        },
    ]);
    datagrams
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two versions that differ in these bytes cannot talk: raise `WIRE_VERSION` with them.
#[test]
fn the_bytes_of_every_kind_of_datagram_stay_the_same() {
    let wire = Wire::new(&cluster());
    let mut lines = String::new();
    for datagram in datagrams() {
        let kind = match &datagram {
            Datagram::Protocol { message, .. } => message.kind().to_string(),
            other => format!("{other:?}").split_whitespace().next().unwrap_or_default().to_string(),
        };
        lines += &format!("{kind} {}\n", hex(&wire.encode(&datagram).unwrap()));
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn what_is_encoded_is_decoded_again() {
    let wire = Wire::new(&cluster());
    for datagram in datagrams() {
        assert_eq!(wire.decode(&wire.encode(&datagram).unwrap()), Ok(datagram));
    }
}

#[test]
fn a_datagram_that_is_cut_short_or_has_bytes_left_over_is_malformed() {
    let wire = Wire::new(&cluster());
    for datagram in datagrams() {
        let mut bytes = wire.encode(&datagram).unwrap();
        for length in 0..bytes.len() {
            assert!(wire.decode(&bytes[..length]).is_err());
        }
        bytes.push(0);
        assert_eq!(wire.decode(&bytes), Err(WireError::Malformed));
    }
}

#[test]
fn a_node_beyond_the_cluster_is_refused_wherever_it_is_named() {
    let wire = Wire::new(&cluster());
    let larger = Wire { nodes: NODES, ..wire };
    const NODES: usize = 128;
    let (node, request) = (NodeId(3), RequestId { client: ClientId(1), sequence: 0 });
    let nodes: NodeSet = [node].into_iter().collect();
    let from_client =
        |message| Datagram::Protocol { sent_ms: 9, evidence: Evidence::default(), message };
    let refused = PutOutcome::Refused(Refusal::NotHome { homes: nodes });
    let status = |status| Datagram::StatusReply { token: 1, status };
    let hint = HintsFor { home: node, count: 1, pending_ms: 0 };
    let range = RangeStatus { homes: nodes, digest: SetHash(0) };
    let syncs = SyncsWith { peer: node, heard_ms: None, keys_repaired: 0 };
    let held = Held::of(&record());
    for datagram in [
        Datagram::Several {
            messages: vec![(1, Message::PutReply { request, outcome: refused.clone() })],
        },
        Datagram::Told {
            token: 1,
            told: Told::Key { serves: true, held: None, hints: vec![(node, held)] },
        },
        status(NodeStatus { hints: vec![hint], ..NodeStatus::default() }),
        status(NodeStatus { syncs: vec![syncs], ..NodeStatus::default() }),
        status(NodeStatus { ranges: Some(vec![range]), ..NodeStatus::default() }),
        from_client(Message::StoreHint {
            request,
            home: node,
            key: Key::from("key"),
            state: record(),
        }),
        from_client(Message::SyncHashes { range: nodes, level: 0, nodes: Vec::new() }),
        from_client(Message::PutReply { request, outcome: PutOutcome::Ok { acked: nodes } }),
        from_client(Message::PutReply { request, outcome: refused }),
        from_client(Message::GetReply {
            request,
            outcome: GetOutcome::Unavailable { replied: nodes },
        }),
    ] {
        let bytes = wire.encode(&datagram).unwrap();
        assert_eq!(wire.decode(&bytes), Err(WireError::UnknownNode));
        assert_eq!(larger.decode(&bytes), Ok(datagram));
    }
}

#[test]
fn a_node_that_no_cluster_can_have_is_refused_and_never_panics() {
    let wire = Wire::new(&cluster());
    let request = RequestId { client: ClientId(1), sequence: 0 };
    let (home, key, state) = (NodeId(u16::MAX), Key::from("key"), record());
    let message = Message::StoreHint { request, home, key, state };
    let datagram = Datagram::Protocol { sent_ms: 9, evidence: Evidence::default(), message };
    let bytes = wire.encode(&datagram).unwrap();
    assert_eq!(wire.decode(&bytes), Err(WireError::UnknownNode));
}

#[test]
fn a_datagram_that_does_not_fit_is_an_error_of_the_sender() {
    let put = Message::Put(PutRequest {
        request: RequestId { client: ClientId(1), sequence: 0 },
        key: Key::from("key"),
        value: Some(Value(vec![0; 1_000].into())),
        context: VersionVector::new(),
        origin: Default::default(),
        w: None,
        sloppy: None,
        fan_out: FanOut::NodeDriven,
    });
    let datagram = Datagram::Protocol { sent_ms: 9, evidence: Evidence::default(), message: put };
    let encoded = Wire::new(&cluster()).limited_to(1_000).encode(&datagram);
    assert!(matches!(encoded, Err(WireError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let wire = Wire::new(&cluster());
        let _ = wire.decode(&body);
    }

    #[test]
    fn a_damaged_datagram_never_panics_and_what_decodes_encodes_again(
        which in 0..datagrams().len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let wire = Wire::new(&cluster());
        let mut bytes = wire.encode(&datagrams()[which]).unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(datagram) = wire.decode(&bytes) {
            let again = wire.encode(&datagram).unwrap();
            prop_assert_eq!(wire.decode(&again), Ok(datagram));
        }
    }
}
