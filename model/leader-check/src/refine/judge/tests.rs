//! Each property is refused where it is promised and broken, and counted where it is not promised.

use quorate_ids::Timestamp;
use quorate_leader::config::{ElectionKind, LogKind, Replication};
use quorate_leader::log::RowEffect;
use quorate_leader::names::Value;
use quorate_leader::replica::Replica;
use quorate_leader::statement::Statement;
use quorate_leader::store::Snapshot;

use super::super::node::{LOG, NodeInput, Reaching};
use super::super::{StateDigest, StoreDigest};
use super::*;
use crate::setting::ProtocolName;

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);

fn at(epoch: u32, index: u32) -> Position {
    Position { epoch: Epoch::of(epoch), index: Index(index) }
}

fn request(client: u64, number: u32) -> RequestId {
    RequestId { client: ClientId(client), number }
}

fn write(request: RequestId) -> Content {
    let value = Value::Number(u64::from(request.number));
    Content::Write { key: Key::from("x"), effect: RowEffect::Row(value), request }
}

/// A judge, and how far it is in the traces.
struct Run {
    judge: LogJudge,
    operations: HashMap<ClientId, u64>,
    committed: [u32; 3],
    leads: [Option<Epoch>; 3],
}

type Judgement = Result<(), Broken>;

impl Run {
    fn new(replication: Replication) -> Self {
        Run::elected(replication, ElectionKind::Raft)
    }

    fn elected(replication: Replication, election: ElectionKind) -> Self {
        Run::shipping(replication, election, LogKind::Row)
    }

    fn shipping(replication: Replication, election: ElectionKind, log: LogKind) -> Self {
        let cluster = Cluster {
            protocol: ProtocolName::Leader,
            nodes: ["a", "b", "c"].map(String::from).to_vec(),
            replication,
            election,
            log,
            snapshot_after: None,
            sessions: None,
            entries_max: 9,
            page_rows: 9,
            limits: Default::default(),
        };
        let (judge, operations) = (LogJudge::new(&cluster), HashMap::new());
        Run { judge, operations, committed: [0; 3], leads: [None; 3] }
    }

    /// A node takes a step with these changes, leads in this epoch afterwards, if it does, and answers like this.
    fn node(
        &mut self,
        node: NodeId,
        changes: Vec<Change>,
        leads: Option<u32>,
        answers: Option<(RequestId, Outcome)>,
    ) -> Judgement {
        let committed_before = Index(self.committed[node.index()]);
        for change in &changes {
            match change {
                Change::Committed(index) => self.committed[node.index()] = index.0,
                Change::Install(Snapshot { position, .. }) => {
                    self.committed[node.index()] = position.index.0;
                }
                _ => {}
            }
        }
        let leads = leads.map(Epoch::of);
        let led = std::mem::replace(&mut self.leads[node.index()], leads);
        let answer = |(request, outcome): (RequestId, Outcome)| NodeEffect::Send {
            to: request.client.into(),
            packet: Packet { shard: LOG, message: Message::Reply { request, outcome } },
        };
        let step = NodeStep {
            number: 1,
            at_us: 1,
            now: Timestamp(1),
            input: NodeInput { random: 0, reaching: Reaching::Promote },
            effects: answers.into_iter().map(answer).collect(),
            digest: StateDigest::new(&[Replica::default()], &StoreDigest::default()),
        };
        self.judge.on_node_step(node, &step, Seen { changes, committed_before, led, leads })
    }

    fn append(&mut self, node: NodeId, position: Position, content: Content) -> Judgement {
        let entry = Entry { epoch: position.epoch, content };
        let leads = self.leads[node.index()].map(|epoch| epoch.number);
        self.node(node, vec![Change::Append { index: position.index, entry }], leads, None)
    }

    fn commit(&mut self, node: NodeId, index: u32) -> Judgement {
        let leads = self.leads[node.index()].map(|epoch| epoch.number);
        self.node(node, vec![Change::Committed(Index(index))], leads, None)
    }

    /// A node commits a write, after which the row holds this there.
    fn execute(&mut self, node: NodeId, index: u32, value: Value) {
        let leads = self.leads[node.index()].map(|epoch| epoch.number);
        let row = Change::Row { key: Key::from("x"), value: Some(value) };
        self.node(node, vec![row, Change::Committed(Index(index))], leads, None).unwrap();
    }

    fn lead(&mut self, node: NodeId, epoch: u32) -> Judgement {
        self.node(node, Vec::new(), Some(epoch), None)
    }

    fn client(&mut self, client: u64, input: ClientInput, outcome: Option<Answer>) -> Judgement {
        let client = ClientId(client);
        let operation = self.operations.entry(client).or_default();
        if matches!(input, ClientInput::Invoke { .. }) {
            *operation += 1;
        }
        let operation = *operation - 1;
        let step = ClientStep { client, number: 1, at_us: 1, input, effects: Vec::new(), outcome };
        self.judge.on_client_step(&step, operation)
    }

    fn invoke(&mut self, client: u64, task: Task, reads: Reads) -> Judgement {
        self.client(
            client,
            ClientInput::Invoke {
                task,
                node: A,
                reads,
                attempts: 1,
                wrote_long_ago: false,
                asked_long_ago: false,
            },
            None,
        )
    }

    fn begin_write(&mut self, client: u64) -> Judgement {
        let task = Task::Write { key: Key::from("x"), statement: Statement::NextId };
        self.invoke(client, task, Reads::Confirmed)
    }

    /// A node answers, and the client hears it.
    fn written(&mut self, node: NodeId, request: RequestId, position: Position) -> Judgement {
        let value = Value::Number(1);
        let outcome = Outcome::Written { position, value: value.clone() };
        let leads = self.leads[node.index()].map(|epoch| epoch.number);
        self.node(node, Vec::new(), leads, Some((request, outcome.clone())))?;
        let packet = Packet { shard: LOG, message: Message::Reply { request, outcome } };
        let answer = Answer::Written { position, value };
        self.client(request.client.0, ClientInput::Receive { from: node, packet }, Some(answer))
    }

    /// A client reads at a node.
    fn read(&mut self, request: RequestId, node: NodeId, reads: Reads) -> Judgement {
        let value = (self.committed[node.index()] > 0).then_some(Value::Number(1));
        self.read_value(request, node, reads, value)
    }

    /// A client reads this at a node.
    fn read_value(
        &mut self,
        request: RequestId,
        node: NodeId,
        reads: Reads,
        value: Option<Value>,
    ) -> Judgement {
        self.invoke(request.client.0, Task::Read { key: Key::from("x") }, reads)?;
        let position = at(1, self.committed[node.index()]);
        let outcome = Outcome::Found { position, value: value.clone() };
        let leads = self.leads[node.index()].map(|epoch| epoch.number);
        self.node(node, Vec::new(), leads, Some((request, outcome.clone())))?;
        let packet = Packet { shard: LOG, message: Message::Reply { request, outcome } };
        let answer = Answer::Found { position, value };
        self.client(request.client.0, ClientInput::Receive { from: node, packet }, Some(answer))
    }

    /// A leads, and client 1 wrote once; A has that, and whoever else is named.
    fn with_a_write(replication: Replication, held_by: &[NodeId]) -> Self {
        let mut run = Run::new(replication);
        run.lead(A, 1).unwrap();
        run.begin_write(1).unwrap();
        for node in [&[A], held_by].concat() {
            run.append(node, at(1, 1), write(request(1, 1))).unwrap();
        }
        run.commit(A, 1).unwrap();
        run.written(A, request(1, 1), at(1, 1)).unwrap();
        run
    }

    fn report(&self, name: &str) -> PropertyReport {
        *self.judge.findings().properties.iter().find(|property| property.name == name).unwrap()
    }
}

#[track_caller]
fn refused(judgement: Judgement, name: &str) {
    assert_eq!(judgement.unwrap_err().name, name);
}

#[test]
fn two_leaders_of_one_epoch_are_refused() {
    let mut run = Run::new(Replication::Async);
    run.lead(A, 1).unwrap();
    run.lead(B, 2).unwrap();
    assert_eq!(run.report("one-leader-per-epoch").occasions_promised, 1);
    refused(run.lead(C, 2), "one-leader-per-epoch");
}

#[test]
fn a_node_that_leads_in_one_epoch_twice_is_refused() {
    let mut run = Run::new(Replication::Async);
    run.lead(A, 1).unwrap();
    run.lead(B, 2).unwrap();
    run.node(B, Vec::new(), None, None).unwrap();
    refused(run.lead(B, 2), "one-leader-per-epoch");
}

#[test]
fn logs_that_differ_before_an_entry_that_both_have_are_refused() {
    let mut run = Run::new(Replication::Async);
    for (node, first) in [(A, 1), (B, 2)] {
        run.append(node, at(first, 1), write(request(1, first))).unwrap();
    }
    run.append(A, at(3, 2), write(request(1, 3))).unwrap();
    refused(run.append(B, at(3, 2), write(request(1, 3))), "log-matching");

    let mut run = Run::new(Replication::Async);
    run.append(A, at(1, 1), write(request(1, 1))).unwrap();
    refused(run.append(B, at(1, 1), write(request(1, 2))), "log-matching");
}

#[test]
fn a_log_that_has_a_request_twice_is_refused_and_one_that_discarded_the_first_is_not() {
    let mut run = Run::new(Replication::Async);
    run.append(A, at(1, 1), write(request(1, 1))).unwrap();
    run.node(A, vec![Change::Discard(Index(1))], None, None).unwrap();
    run.append(A, at(2, 1), Content::Lead(B)).unwrap();
    run.append(A, at(2, 2), write(request(1, 1))).unwrap();
    refused(run.append(A, at(2, 3), write(request(1, 1))), "exactly-once");
}

#[test]
fn a_lost_disk_holds_nothing_and_only_one_takes_no_promise_away() {
    let promised = |run: &Run| {
        let findings = run.judge.findings();
        findings.properties.iter().map(|property| property.keys_promised).sum::<usize>()
    };
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.judge.on_lost_disk(B).unwrap();
    assert_eq!(promised(&run), 8);
    refused(run.lead(B, 2), "leader-completeness");
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.judge.on_lost_disk(B).unwrap();
    run.judge.on_lost_disk(C).unwrap();
    assert_eq!(promised(&run), 0);
    run.lead(B, 2).unwrap();
    assert_eq!(run.report("leader-completeness").broken, 1);
    // One that led had acknowledged nothing that it alone had.
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.judge.on_lost_disk(A).unwrap();
    assert_eq!(promised(&run), 8);
    refused(run.lead(C, 2), "leader-completeness");
    // Nobody says what is left where a leader may lack what was acknowledged anyway.
    let mut run = Run::with_a_write(Replication::Async, &[]);
    run.judge.on_lost_disk(B).unwrap();
    assert_eq!(promised(&run), 0);
}

#[test]
fn of_two_nodes_an_asynchronous_one_keeps_what_it_acknowledged_as_long_as_its_disk() {
    let mut run = Run::new(Replication::Async);
    let two = Promiser { nodes: 2, ..run.judge.promiser };
    run.judge.promiser = two;
    run.lead(A, 1).unwrap();
    run.begin_write(1).unwrap();
    run.append(A, at(1, 1), write(request(1, 1))).unwrap();
    run.commit(A, 1).unwrap();
    run.written(A, request(1, 1), at(1, 1)).unwrap();
    run.judge.on_lost_disk(A).unwrap();
    run.lead(B, 2).unwrap();
    assert_eq!(run.report("no-lost-write").broken, 1);
}

#[test]
fn where_nobody_votes_epochs_and_logs_stay_in_order_whatever_disks_are_lost() {
    for election in [ElectionKind::Manual, ElectionKind::Bully] {
        let mut run = Run::elected(Replication::Sync, election);
        run.lead(A, 1).unwrap();
        [A, B, A].iter().for_each(|node| run.judge.on_lost_disk(*node).unwrap());
        let promised = |name: &str| run.report(name).keys_promised;
        let order = ["one-leader-per-epoch", "log-matching", "exactly-once"].map(promised);
        assert_eq!((order, promised("no-lost-write")), ([1; 3], 0));
        run.lead(A, 4).unwrap();
        assert_eq!(run.report("one-leader-per-epoch").occasions_promised, 1);
        refused(run.lead(B, 4), "one-leader-per-epoch");
    }
}

#[test]
fn an_epoch_of_another_life_is_another_epoch() {
    let mut run = Run::elected(Replication::Sync, ElectionKind::Bully);
    let mut lead = |life| {
        run.leads[A.index()] = None;
        run.judge.lead(A, Epoch { number: 4, life })
    };
    lead(1).unwrap();
    lead(2).unwrap();
    refused(lead(1), "one-leader-per-epoch");
}

#[test]
fn a_later_leader_without_what_was_acknowledged_is_refused_where_that_is_promised() {
    // A leader without what others committed is refused for that first.
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.judge.committed.clear();
    refused(run.lead(C, 2), "no-lost-write");
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.lead(B, 2).unwrap();
    assert_eq!(run.report("no-lost-write").occasions_promised, 1);

    let mut run = Run::with_a_write(Replication::Async, &[]);
    run.lead(C, 2).unwrap();
    run.lead(B, 3).unwrap();
    let lost = run.report("no-lost-write");
    assert_eq!((lost.broken, lost.keys_promised), (1, 0), "it is lost once");
}

#[test]
fn what_a_client_hears_of_late_is_lost_if_the_latest_leader_lacks_it() {
    let mut run = Run::new(Replication::Async);
    run.lead(A, 1).unwrap();
    run.begin_write(1).unwrap();
    run.append(A, at(1, 1), write(request(1, 1))).unwrap();
    let outcome = Outcome::Written { position: at(1, 1), value: Value::Number(1) };
    run.node(A, Vec::new(), Some(1), Some((request(1, 1), outcome.clone()))).unwrap();
    run.lead(B, 2).unwrap();
    assert_eq!(run.report("no-lost-write").broken, 0);
    let message = Message::Reply { request: request(1, 1), outcome };
    let packet = Packet { shard: LOG, message };
    let answer = Answer::Written { position: at(1, 1), value: Value::Number(1) };
    run.client(1, ClientInput::Receive { from: A, packet }, Some(answer)).unwrap();
    assert_eq!(run.report("no-lost-write").broken, 1);
}

#[test]
fn a_later_leader_without_what_was_committed_is_refused_where_that_is_promised() {
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    refused(run.lead(C, 2), "leader-completeness");
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.lead(B, 2).unwrap();
    assert_eq!(run.report("leader-completeness").occasions_promised, 1);
}

#[test]
fn a_read_that_misses_what_was_acknowledged_is_refused_if_it_was_confirmed() {
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.read(request(2, 1), B, Reads::Any).unwrap();
    assert_eq!(run.report("linearizable").broken, 1);
    refused(run.read(request(2, 2), B, Reads::Confirmed), "linearizable");
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.read(request(2, 1), A, Reads::Confirmed).unwrap();
    assert_eq!(run.report("linearizable").occasions_promised, 1);
}

/// A leads and has executed a statement of client 1 that everybody holds and nobody else has executed.
fn with_a_statement(statement: Statement) -> Run {
    let mut run = Run::shipping(Replication::Majority, ElectionKind::Raft, LogKind::Statement);
    run.lead(A, 1).unwrap();
    run.begin_write(1).unwrap();
    let effect = RowEffect::Execute(statement);
    let content = Content::Write { key: Key::from("x"), effect, request: request(1, 1) };
    for node in [A, B] {
        run.append(node, at(1, 1), content.clone()).unwrap();
    }
    run.execute(A, 1, Value::Number(1));
    run.written(A, request(1, 1), at(1, 1)).unwrap();
    run
}

#[test]
fn a_read_that_finds_another_value_than_was_committed_misses_what_was_written() {
    let mut run = with_a_statement(Statement::NextId);
    run.execute(B, 1, Value::Number(1));
    run.node(B, Vec::new(), Some(2), None).unwrap();
    run.read_value(request(2, 1), B, Reads::Confirmed, Some(Value::Number(1))).unwrap();
    assert_eq!(run.report("linearizable").occasions_promised, 1);
    refused(
        run.read_value(request(2, 2), B, Reads::Confirmed, Some(Value::Number(7))),
        "linearizable",
    );
    // What each replica draws for itself is not promised to be the same.
    let mut run = with_a_statement(Statement::Random);
    run.execute(B, 1, Value::Number(7));
    run.node(B, Vec::new(), Some(2), None).unwrap();
    run.read_value(request(2, 1), B, Reads::Confirmed, Some(Value::Number(7))).unwrap();
    let report = run.report("linearizable");
    assert_eq!((report.broken, report.occasions_promised), (1, 0));
    run.read_value(request(1, 2), B, Reads::Confirmed, Some(Value::Number(7))).unwrap();
    let report = run.report("read-your-writes");
    assert_eq!((report.broken, report.occasions_promised), (1, 0));
}

#[test]
fn sessions_that_read_by_position_see_their_writes_and_what_they_found() {
    let session = |run: &mut Run| {
        run.judge.clients.get_mut(&ClientId(1)).unwrap().reads = Some(Reads::Position);
    };
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    session(&mut run);
    refused(run.read(request(1, 2), B, Reads::Position), "read-your-writes");
    // Where a client read in two ways, its position does not tell all that it has seen.
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.read(request(1, 2), B, Reads::Position).unwrap();
    assert_eq!(run.report("read-your-writes").broken, 1);

    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    run.read(request(2, 1), A, Reads::Position).unwrap();
    refused(run.read(request(2, 2), B, Reads::Position), "monotonic-reads");
}

#[test]
fn what_came_in_a_snapshot_is_held() {
    let mut run = Run::with_a_write(Replication::Majority, &[B]);
    let snapshot = Snapshot { position: at(1, 1), ..Snapshot::default() };
    run.node(C, vec![Change::Install(snapshot)], None, None).unwrap();
    run.lead(C, 2).unwrap();
    assert_eq!(run.report("no-lost-write").occasions_promised, 1);
    // Of a log that nobody has any more, nothing is said below its end.
    let snapshot = Snapshot { position: at(2, 5), ..Snapshot::default() };
    run.node(B, vec![Change::Install(snapshot)], None, None).unwrap();
    assert!(run.judge.log(B).has(at(1, 1)) && !run.judge.log(B).has(at(1, 5)));
}
