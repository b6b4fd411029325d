use quorate_checker::refine::parse::{Place, Placed};

use super::*;
use crate::cluster::{BytesMax, ClusterSpec, PlacementSpec};
use crate::ids::{NodeSet, Value};
use crate::protocol::FanOut;
use crate::refine::ClientTrace;
use crate::refine::trace::{ClientHeader, ClientInput, ClientStep, TRACE_FORMAT};

const CLIENT: ClientId = ClientId(9);

fn request(sequence: u64) -> RequestId {
    RequestId { client: CLIENT, sequence }
}

fn spec(r: usize) -> ClusterSpec {
    ClusterSpec {
        nodes: ["ann", "bob", "cid"].map(Into::into).into(),
        n: 3,
        r,
        w: 2,
        versioning: Default::default(),
        read_repair: Default::default(),
        speculative_retry: false,
        placement: PlacementSpec::InOrder,
        tokens_per_node: 1,
        sloppy: false,
        background: crate::cluster::Background::OFF,
        client_fan_out: false,
        limits: BytesMax::default(),
        left: Vec::new(),
        deviations: Vec::new(),
    }
}

/// A judge of a client that does these things in turn.
fn judge(r: usize, operations: &[Operation]) -> Judge {
    let (spec, file) = (spec(r), Arc::<str>::from("client.jsonl"));
    let cluster = Arc::new(spec.build().unwrap());
    let place = |line| Place { file: Arc::clone(&file), line };
    let header = ClientHeader { format: TRACE_FORMAT, client: CLIENT, cluster: spec.clone() };
    let steps = operations.iter().enumerate().map(|(position, operation)| Placed {
        place: place(position + 2),
        line: ClientStep {
            client: CLIENT,
            number: position as u64 + 1,
            at_us: position as u64,
            input: ClientInput::Invoke {
                operation: operation.clone(),
                coordinator: NodeId(0),
                fan_out: FanOut::NodeDriven,
                attempts: 1,
            },
            effects: Vec::new(),
            outcome: None,
        },
    });
    let steps = steps.collect();
    let trace = ClientTrace { header: Placed { place: place(1), line: header }, steps };
    let plan = Plan::new(&spec, &cluster, &[trace]);
    Judge::new(&cluster, plan)
}

fn put(context: VersionVector) -> Operation {
    let (key, value) = (Key::from("k"), Some(Value::from("v")));
    Operation::Put { key, value, context, w: None, sloppy: None }
}

fn get() -> Operation {
    Operation::Get { key: Key::from("k"), r: None }
}

fn nothing() -> Outcome {
    Outcome::GetOk { state: None, replied: [NodeId(1), NodeId(2)].into_iter().collect() }
}

fn acked() -> Outcome {
    Outcome::PutOk { acked: [NodeId(0), NodeId(1)].into_iter().collect::<NodeSet>() }
}

/// How a property stands with the only key.
fn standing<'a>(judge: &'a mut Judge, name: &str) -> &'a mut Standing {
    let mut standings = judge.keys[0].standings.iter_mut();
    standings.find(|standing| standing.property.spec.name == name).expect("it is judged on traces")
}

/// The broken property after a write that was acknowledged and is nowhere, and a stale read.
fn after_a_lost_write(judge: &mut Judge) -> [Option<&'static str>; 2] {
    let broken = |result: Result<(), Broken>| match result {
        Ok(()) => None,
        Err(Broken { name, .. }) => Some(name),
    };
    judge.on_invoke(request(0), &put(VersionVector::new())).expect("nothing is broken yet");
    let write = broken(judge.on_outcome(request(0), &acked()));
    let _ = judge.on_invoke(request(1), &get());
    [write, broken(judge.on_outcome(request(1), &nothing()))]
}

#[test]
fn a_promised_property_that_does_not_hold_is_an_error() {
    let mut judge = judge(2, &[put(VersionVector::new()), get()]);
    let found = after_a_lost_write(&mut judge);
    assert_eq!(found, [Some("no-lost-write"), Some("read-freshness")]);
}

#[test]
fn a_property_that_is_not_promised_is_counted() {
    let mut judge = judge(1, &[put(VersionVector::new()), get()]);
    standing(&mut judge, "no-lost-write").is_promised = false;
    assert_eq!(after_a_lost_write(&mut judge), [None, None]);
    let broken: Vec<_> =
        judge.properties().iter().map(|report| (report.name, report.broken)).collect();
    let expected = [
        ("read-freshness", 1),
        ("no-lost-write", 1),
        ("monotonic-reads", 0),
        ("read-your-writes", 1),
        ("monotonic-writes", 0),
        ("true-siblings", 0),
        ("unique-dots", 0),
        ("minted-once", 0),
        ("key-resolvable", 0),
        ("quorum-overlap", 0),
        ("failed-write-invisible", 0),
        ("no-resurrection", 0),
        ("hint-safety", 0),
        ("entries-bounded", 0),
        ("refused-write-absent", 0),
    ];
    assert_eq!(broken, expected);
}

#[test]
fn a_weaker_request_takes_the_promise_of_overlap_from_its_key() {
    let weak = Operation::Get { key: Key::from("k"), r: Some(1) };
    let mut judge = judge(2, &[weak]);
    assert!(!standing(&mut judge, "read-freshness").is_promised);
    assert!(standing(&mut judge, "no-lost-write").is_promised);
}

#[test]
fn a_context_that_no_recorded_read_returned_ends_the_judgement() {
    let actor = crate::versions::ActorId::Client(CLIENT);
    let context = [crate::versions::Dot { actor, counter: 1 }].into_iter().collect();
    let operation = put(context);
    let mut judge = judge(2, core::slice::from_ref(&operation));
    assert_eq!(judge.on_invoke(request(0), &operation), Ok(()));
    assert_eq!(judge.on_outcome(request(0), &acked()), Ok(()));
    assert_eq!(judge.keys_judged(), 0);
    assert!(judge.keys_not_judged()[0].reason.contains("c9#0"));
}

#[test]
fn a_value_that_is_written_twice_names_no_write() {
    let twice = [put(VersionVector::new()), put(VersionVector::new())];
    let judge = judge(2, &twice);
    assert!(judge.keys_not_judged()[0].reason.contains("`v` is written twice"));
}

#[test]
fn a_key_is_judged_up_to_as_many_writes_as_ghost_history_holds() {
    let put = |number: usize| Operation::Put {
        key: Key::from("k"),
        value: Some(Value::from(&*alloc::format!("v{number}"))),
        context: VersionVector::new(),
        w: None,
        sloppy: None,
    };
    let operations: Vec<_> = (0..130).map(put).collect();
    let mut judge = judge(2, &operations);
    for (sequence, operation) in operations.iter().enumerate() {
        assert_eq!(judge.keys_judged(), usize::from(sequence < 129), "{sequence}");
        assert_eq!(judge.on_invoke(request(sequence as u64), operation), Ok(()));
    }
}
