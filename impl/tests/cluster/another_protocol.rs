//! The example of a protocol of one's own in the runtime: the very steps that are checked, over UDP, a disk and a trace,
//! which is validated by the code that validates every other protocol's.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use quorate::client::{ClientError, RunningClient};
use quorate::config::{ClusterFile, Intervals, Timeouts};
use quorate::guard::{self, Guard};
use quorate::leaderless::Leaderless;
use quorate::node::{NodeHandle, NodeSettings, RunningNode};
use quorate::runs::{
    Asked, Asks, DurableStore, EffectOf, ProcessStatus, Runs, Seen, Speaks, Started, Step, StepAt,
    Taken, Whom,
};
use quorate::storage::StorageError;
use quorate::wire::{KnownNodes, NamesNodes, wall_clock_ms};
use quorate_checker::refine::report::ClientReport;
use quorate_checker::refine::trace::{
    ClientHeader, ClientStep, NodeHeader, NodeStep, TRACE_FORMAT, TraceLine,
};
use quorate_checker::refine::{Reason, Refused, ReplayedClient, Report, parse, plain, validate};
use quorate_checker::world::{Effect, NodeState};
use quorate_model::ids::{ClientId, NodeId, Peer, Timestamp};
use serde::{Deserialize, Serialize};

use crate::example::{Message, PrimaryBackup};
use crate::register::{Asking, ClientInput, Input, RegisterTraces};
use crate::support::{TestCluster, once_free};

const PRIMARY: NodeId = NodeId(0);
const BACKUP: NodeId = NodeId(1);

/// What its processes say to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Register {}

impl Speaks for Register {
    const FINGERPRINT_CONTEXT: &'static str = "quorate tests: fingerprint of a register";

    type Checked = PrimaryBackup;
    type Command = ();
    type Answer = ();
    type Question = ();
    type Told = ();
    type Status = Holds;
}

impl NamesNodes for Message {
    fn names_only(&self, known: KnownNodes) -> bool {
        match self {
            Message::BackUp { writer, .. } | Message::BackedUp { writer, .. } => {
                known.peer(*writer)
            }
            Message::Write | Message::Written(_) | Message::Read | Message::Found(_) => true,
        }
    }
}

/// What a node says of itself: how often the register was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Holds(u32);

impl NamesNodes for Holds {
    fn names_only(&self, _: KnownNodes) -> bool {
        true
    }
}

/// A disk with one file, which is written anew as a whole.
#[derive(Debug)]
struct OneFile {
    path: PathBuf,
    content: Content,
}

#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
struct Content {
    step: u64,
    value: u32,
}

impl OneFile {
    fn inaccessible(path: &Path) -> impl FnOnce(std::io::Error) -> StorageError + '_ {
        |source| StorageError::Inaccessible { path: path.into(), source }
    }

    fn path_in(directory: &Path) -> PathBuf {
        directory.join("register.json")
    }

    fn open(directory: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(directory).map_err(Self::inaccessible(directory))?;
        let path = Self::path_in(directory);
        let content = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(error) if error.kind() == ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(Self::inaccessible(&path)(error)),
        };
        Ok(OneFile { path, content })
    }

    fn replace(&mut self, content: Content) -> Result<(), StorageError> {
        let unfinished = self.path.with_extension("unfinished");
        let write = || {
            let mut file = fs::File::create(&unfinished)?;
            serde_json::to_writer(&mut file, &content)?;
            file.sync_all()?;
            fs::rename(&unfinished, &self.path)
        };
        write().map_err(Self::inaccessible(&self.path))?;
        self.content = content;
        Ok(())
    }
}

impl DurableStore for OneFile {
    type Change = u32;
    type Staged = Option<u32>;

    fn durable_step(&self) -> u64 {
        self.content.step
    }

    fn stage(&self, staged: &mut Option<u32>, changes: Vec<u32>) -> Result<(), StorageError> {
        *staged = changes.last().copied().or(*staged);
        Ok(())
    }

    fn is_unchanged(staged: &Option<u32>) -> bool {
        staged.is_none()
    }
}

/// One of its nodes.
struct RegisterNode {
    node: NodeId,
    protocol: PrimaryBackup,
}

type Line = TraceLine<PrimaryBackup>;

impl Runs for RegisterNode {
    type Speaks = Register;
    type Store = OneFile;
    type Input = Input;
    type Effect = Effect<PrimaryBackup>;
    type Line = Line;
    type Digest = u32;

    fn open(settings: &NodeSettings) -> Result<(Self, OneFile), StorageError> {
        let store = OneFile::open(&settings.data)?;
        Ok((
            RegisterNode {
                node: settings.node,
                protocol: running(&settings.cluster).protocol(&[]),
            },
            store,
        ))
    }

    fn start(&self) -> Input {
        Input::Start { life: 0 }
    }

    fn receive(from: Peer, message: Message) -> Input {
        Input::Receive { from, message }
    }

    fn expire((): ()) -> Input {
        unreachable!("its nodes set no timer")
    }

    fn command(&self, (): ()) -> Input {
        unreachable!("there is nothing to tell them")
    }

    /// The step that is checked.
    fn step(
        &mut self,
        replica: &mut (),
        store: Seen<'_, OneFile>,
        now: Timestamp,
        input: Input,
    ) -> Result<Step<Self>, StorageError> {
        let before = store.staged.unwrap_or(store.durable.content.value);
        let mut state = NodeState::<PrimaryBackup> {
            replica: *replica,
            store: before,
            clock: now,
            lives: 0,
            copies: Vec::new(),
            synced: None,
        };
        let effects = plain::step(&self.protocol, self.node, &mut state, &input);
        let changed = (state.store != before).then_some(state.store);
        Ok(Step { changes: changed.into_iter().collect(), effects })
    }

    fn effect(effect: Effect<PrimaryBackup>) -> EffectOf<Register> {
        match effect {
            Effect::Send(to, message) => EffectOf::Send { to, message },
            Effect::SetTimer(timer) => EffectOf::SetTimer(timer),
            Effect::CancelTimer(timer) => EffectOf::CancelTimer(timer),
        }
    }

    fn commit(
        &mut self,
        store: &mut OneFile,
        staged: &Option<u32>,
        step: u64,
    ) -> Result<(), StorageError> {
        store.replace(Content { step, value: staged.unwrap_or(store.content.value) })
    }

    fn duration_of(&self, (): (), _: &Timeouts, _: &Intervals) -> Option<Duration> {
        None
    }

    fn outlasts_messages((): ()) -> bool {
        false
    }

    fn answer(&self, (): &()) {}

    fn tell(&self, (): &(), _: &OneFile, (): ()) -> Result<(), StorageError> {
        Ok(())
    }

    fn status(&self, (): &(), store: &OneFile, _: ProcessStatus) -> Holds {
        Holds(store.content.value)
    }

    fn tell_start(&mut self, (): &(), _: &OneFile, _: Started) {}

    fn tell_news(&mut self, (): &(), _: &OneFile) {}

    fn header(settings: &NodeSettings, durable_step: u64) -> Line {
        header_of(settings.node, running(&settings.cluster), durable_step)
    }

    fn digest(store: &OneFile) -> Result<u32, StorageError> {
        Ok(store.content.value)
    }

    fn follow(digest: &mut u32, _: Seen<'_, OneFile>, changes: &[u32]) -> Result<(), StorageError> {
        *digest = changes.last().copied().unwrap_or(*digest);
        Ok(())
    }

    fn line(taken: Taken<'_, Self>, replica: &(), store: &u32) -> Line {
        let Taken { number, at_us, now, input, effects } = taken;
        let (effects, digest) = (effects.to_vec(), plain::digest(replica, store));
        TraceLine::Step(NodeStep { number, at_us, now, input, effects, digest })
    }
}

/// One of its clients.
#[derive(Debug)]
struct RegisterClient {
    id: ClientId,
    node: NodeId,
    asking: Asking,
    cluster: crate::register::Cluster,
}

impl Asks for RegisterClient {
    type Speaks = Register;
    type Options = NodeId;
    type Operation = Message;
    type Outcome = Message;
    type Input = ClientInput;
    type Effect = Effect<PrimaryBackup>;
    type Line = Line;

    fn new(id: ClientId, cluster: &ClusterFile, node: NodeId) -> Result<Self, ClientError> {
        Ok(RegisterClient { id, node, asking: Asking::default(), cluster: running(cluster) })
    }

    fn set_options(&mut self, _: &ClusterFile, node: NodeId) -> Result<(), ClientError> {
        self.node = node;
        Ok(())
    }

    fn id(&self) -> ClientId {
        self.id
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn whom_to_ask(&self, _: &Message) -> Whom {
        Whom::FirstOf(vec![vec![self.node]])
    }

    fn invoke(&self, operation: Message, coordinator: NodeId, _: u32) -> ClientInput {
        ClientInput::Invoke { operation, coordinator }
    }

    fn receive(from: NodeId, message: Message) -> ClientInput {
        ClientInput::Receive { from, message }
    }

    fn expire((): ()) -> ClientInput {
        ClientInput::Expire(())
    }

    fn step(&mut self, input: ClientInput) -> Asked<Self> {
        let (effects, outcome) = self.asking.step(&input);
        Asked { effects, outcome }
    }

    fn effect(effect: Effect<PrimaryBackup>) -> EffectOf<Register> {
        RegisterNode::effect(effect)
    }

    fn header(&self, _: &ClusterFile) -> Line {
        let (format, client, cluster) = (TRACE_FORMAT, self.id, self.cluster.clone());
        TraceLine::Client(ClientHeader { format, client, cluster })
    }

    fn line(&self, at: StepAt, input: ClientInput, step: &Asked<Self>) -> Line {
        let (client, StepAt { number, at_us }) = (self.id, at);
        let (effects, outcome) = (step.effects.clone(), step.outcome.clone());
        TraceLine::ClientStep(ClientStep { client, number, at_us, input, effects, outcome })
    }
}

/// The header of a life of a node that kept its disk.
fn header_of(node: NodeId, cluster: crate::register::Cluster, durable_step: u64) -> Line {
    TraceLine::Node(NodeHeader {
        format: TRACE_FORMAT,
        node,
        cluster,
        durable_step,
        lost_disk: false,
        datagram_lifetime_us: None,
    })
}

/// The cluster that runs here: its primary answers once the backup has a write.
fn running(file: &ClusterFile) -> crate::register::Cluster {
    let nodes = file.spec.nodes.clone();
    crate::register::Cluster { nodes, acknowledges_at_once: false, promises_freshness: true }
}

/// Two nodes: what else the file says is about another protocol.
fn cluster() -> TestCluster {
    TestCluster::configured(2, |text| text.replace("n = 3 ", "n = 2 "))
}

fn spawn(cluster: &TestCluster, name: &str) -> NodeHandle {
    let mut settings = NodeSettings::new(cluster.file.clone(), name).unwrap();
    settings.trace = Some(trace_of(cluster, name));
    once_free(|| RunningNode::<RegisterNode>::spawn(settings.clone()))
}

fn trace_of(cluster: &TestCluster, name: &str) -> PathBuf {
    cluster.path(&format!("{name}.register.jsonl"))
}

fn client(cluster: &TestCluster, node: NodeId) -> RunningClient<RegisterClient> {
    RunningClient::new(cluster.file.clone(), node).unwrap()
}

fn value(heard: Message) -> u32 {
    match heard {
        Message::Written(value) | Message::Found(value) => value,
        other => panic!("{other:?} is no answer"),
    }
}

/// Traces by file, line by line.
type Traces = Vec<(String, Vec<Line>)>;

fn read(paths: &[PathBuf]) -> Traces {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (path.file_name().unwrap().to_string_lossy().into_owned(), lines)
    };
    paths.iter().map(read).collect()
}

fn judge(traces: &Traces) -> Result<Report, Box<Refused<PrimaryBackup>>> {
    let parse = |(name, lines): &(String, Vec<Line>)| {
        let line = |line| serde_json::to_string(line).unwrap() + "\n";
        parse(name, &lines.iter().map(line).collect::<String>()).unwrap()
    };
    validate::<RegisterTraces>(traces.iter().map(parse).collect())
}

/// Two nodes that are written to, killed, started again and read, and two clients: their traces, which are
/// validated as they are.
fn recorded() -> Traces {
    static RECORDED: OnceLock<Traces> = OnceLock::new();
    let record = || {
        let cluster = cluster();
        let clients = cluster.path("clients.jsonl");
        let traced = |node| {
            client(&cluster, node).traced(quorate::client::ClientTrace::open(&clients).unwrap())
        };
        let nodes = ["n1", "n2"].map(|name| spawn(&cluster, name));
        let mut writer = traced(PRIMARY).unwrap();
        let first = value(writer.perform(Message::Write).unwrap());
        let second = value(writer.perform(Message::Write).unwrap());
        assert!(first < second, "{first} {second}");
        for node in nodes {
            node.kill().unwrap();
        }

        let nodes = ["n1", "n2"].map(|name| spawn(&cluster, name));
        for node in [PRIMARY, BACKUP] {
            let found = value(traced(node).unwrap().perform(Message::Read).unwrap());
            assert!(found >= second, "{found} at {node}");
        }
        for node in nodes {
            node.stop().unwrap();
        }
        read(&[trace_of(&cluster, "n1"), trace_of(&cluster, "n2"), clients])
    };
    RECORDED.get_or_init(record).clone()
}

/// Alters the first line that `change` says it changed; gives why the traces are refused then, at that line.
fn refused_after(
    mut traces: Traces,
    mut change: impl FnMut(&mut Line) -> bool,
) -> Refused<PrimaryBackup> {
    let place = traces.iter_mut().find_map(|(name, lines)| {
        let at = lines.iter_mut().position(&mut change)?;
        Some(format!("{name}:{}", at + 1))
    });
    let refused = *judge(&traces).unwrap_err();
    assert_eq!(refused.place.to_string(), place.expect("some line is of the wanted kind"));
    refused
}

#[test]
fn another_protocol_runs_over_udp_and_its_traces_are_validated() {
    let report = judge(&recorded()).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(report.nodes.iter().map(|node| node.restarts).collect::<Vec<_>>(), [1, 1]);
    let ClientReport { reads, writes, reads_answered, writes_acknowledged, .. } = report.clients;
    assert_eq!([reads, writes, reads_answered, writes_acknowledged], [2; 4]);
    let [freshness, agreement] = &report.properties[..] else { panic!("{report:?}") };
    assert_eq!(
        (freshness.name, freshness.keys_promised, freshness.broken),
        ("read-freshness", 1, 0)
    );
    assert!(freshness.occasions_promised > 0 && !report.is_vacuous(), "{freshness:?}");
    // Where runs end, no trace shows.
    assert_eq!((agreement.name, agreement.occasions), ("agreement", 0));
    let told = quorate::refine::report(&report);
    assert!(told.contains("2 of 2 writes acknowledged, 2 of 2 reads answered"), "{told}");
}

#[test]
fn an_effect_that_was_changed_is_refused() {
    let refused = refused_after(recorded(), |line| match line {
        TraceLine::Step(step) => match step.effects.first_mut() {
            Some(Effect::Send(_, Message::BackUp { value, .. })) => {
                *value += 1;
                true
            }
            _ => false,
        },
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::Effect { position: 1, .. }), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("n1 step 2: effect 1 should be [send n2: BackUp { value: 1"), "{told}");
}

#[test]
fn a_step_that_was_dropped_is_refused() {
    for file in 0..recorded().len() {
        let mut traces = recorded();
        traces[file].1.remove(2);
        let refused = judge(&traces).unwrap_err();
        assert!(matches!(refused.reason, Reason::Number { expected: 2 }), "{refused}");
    }
}

#[test]
fn a_message_that_nobody_sent_is_refused() {
    let refused = refused_after(recorded(), |line| match line {
        TraceLine::Step(step) => match &mut step.input {
            Input::Receive { message: Message::BackedUp { value, .. }, .. } => {
                *value += 10;
                true
            }
            _ => false,
        },
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::NobodySent(_)), "{refused}");
}

#[test]
fn an_answer_that_a_client_did_not_get_is_refused() {
    let refused = refused_after(recorded(), |line| match line {
        TraceLine::ClientStep(step) => step.outcome.take().is_some(),
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::Outcome { recorded: None, .. }), "{refused}");
}

/// Traces of nodes that are written to and killed, after which the disk of the primary is meddled with, and started
/// again.
fn recorded_over(meddle: impl FnOnce(&Path)) -> Traces {
    let cluster = cluster();
    let nodes = ["n1", "n2"].map(|name| spawn(&cluster, name));
    client(&cluster, PRIMARY).perform(Message::Write).unwrap();
    for node in nodes {
        node.kill().unwrap();
    }
    let settings = NodeSettings::new(cluster.file.clone(), "n1").unwrap();
    meddle(&OneFile::path_in(&settings.data));
    for name in ["n1", "n2"] {
        spawn(&cluster, name).stop().unwrap();
    }
    read(&["n1", "n2"].map(|name| trace_of(&cluster, name)))
}

#[test]
fn a_durable_change_that_a_restart_forgot_is_refused() {
    let traces = recorded_over(|disk| {
        let mut content: Content = serde_json::from_slice(&fs::read(disk).unwrap()).unwrap();
        assert!(content.value > 0, "{content:?}");
        content.value = 0;
        fs::write(disk, serde_json::to_vec(&content).unwrap()).unwrap();
    });
    let refused = judge(&traces).unwrap_err();
    assert!(matches!(refused.reason, Reason::Digest { .. }), "{refused}");
    let is_start =
        |line: &Line| matches!(line, TraceLine::Step(NodeStep { input: Input::Start { .. }, .. }));
    let start = traces[0].1.iter().rposition(is_start).unwrap();
    assert_eq!(refused.place.to_string(), format!("n1.register.jsonl:{}", start + 1));

    // A disk that is lost says that nothing was durable; but others have heard of what was.
    let refused = judge(&recorded_over(|disk| fs::remove_file(disk).unwrap())).unwrap_err();
    assert!(matches!(refused.reason, Reason::CutOff { .. }), "{refused}");
}

#[test]
fn what_a_step_sent_that_was_not_durable_at_a_crash_is_refused() {
    // The header says that less was durable than was: what the steps after that sent, others did receive.
    let mut traces = recorded();
    let (_, lines) = &mut traces[0];
    let at = lines.iter().rposition(|line| matches!(line, TraceLine::Node(_))).unwrap();
    let TraceLine::Node(header) = &mut lines[at] else { unreachable!() };
    header.durable_step = 1;
    lines.truncate(at + 1);
    let refused = judge(&traces).unwrap_err();
    assert!(matches!(refused.reason, Reason::CutOff { .. }), "{refused}");
}

/// A run in memory, as it is traced.
struct Recording {
    protocol: PrimaryBackup,
    nodes: [NodeState<PrimaryBackup>; 2],
    clients: [Asking; 2],
    traces: Traces,
}

impl Recording {
    fn new(cluster: crate::register::Cluster) -> Self {
        let header = |node: NodeId| header_of(node, cluster.clone(), 0);
        let client = |client: u64| {
            let (format, client, cluster) = (TRACE_FORMAT, ClientId(client), cluster.clone());
            TraceLine::Client(ClientHeader { format, client, cluster })
        };
        let headers = [header(PRIMARY), header(BACKUP), client(70), client(71)];
        let names = ["A", "B", "c70", "c71"].map(String::from);
        let traces = names.into_iter().zip(headers.map(|header| vec![header])).collect();
        let protocol = cluster.protocol(&[]);
        Recording { protocol, nodes: Default::default(), clients: Default::default(), traces }
    }

    /// The number of the next step in a trace, and when it is taken: every step later than all before.
    fn next(&self, file: usize) -> (u64, u64) {
        let all: usize = self.traces.iter().map(|(_, lines)| lines.len()).sum();
        (self.traces[file].1.len() as u64, all as u64)
    }

    fn node(&mut self, node: NodeId, input: Input) {
        let ((number, at_us), now) = (self.next(node.index()), Timestamp(0));
        let state = &mut self.nodes[node.index()];
        let effects = plain::step(&self.protocol, node, state, &input);
        let digest = plain::digest(&state.replica, &state.store);
        let step = NodeStep { number, at_us, now, input, effects, digest };
        self.traces[node.index()].1.push(TraceLine::Step(step));
    }

    fn client(&mut self, client: usize, input: ClientInput) {
        let (number, at_us) = self.next(2 + client);
        let (effects, outcome) = self.clients[client].step(&input);
        let client_id = ClientId(70 + client as u64);
        let step = ClientStep { client: client_id, number, at_us, input, effects, outcome };
        self.traces[2 + client].1.push(TraceLine::ClientStep(step));
    }
}

/// How a primary answers at once, and a read misses what it answered since the backup has not heard.
fn stale_read(promises_freshness: bool) -> Traces {
    let nodes = ["A", "B"].map(String::from).to_vec();
    let cluster =
        crate::register::Cluster { nodes, acknowledges_at_once: true, promises_freshness };
    let mut recording = Recording::new(cluster);
    for node in [PRIMARY, BACKUP] {
        recording.node(node, Input::Start { life: 0 });
    }
    for (client, node, asked, answer) in [
        (0, PRIMARY, Message::Write, Message::Written(1)),
        (1, BACKUP, Message::Read, Message::Found(0)),
    ] {
        let invoke = ClientInput::Invoke { operation: asked.clone(), coordinator: node };
        recording.client(client, invoke);
        let from = Peer::Client(ClientId(70 + client as u64));
        recording.node(node, Input::Receive { from, message: asked });
        recording.client(client, ClientInput::Receive { from: node, message: answer });
    }
    recording.traces
}

#[test]
fn a_property_that_is_promised_and_does_not_hold_is_refused_where_it_shows() {
    let refused = judge(&stale_read(true)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "c71:3: client c71 step 2: read-freshness does not hold after this step: a read returns what \
         was acknowledged before it began"
    );
}

#[test]
fn a_property_that_is_not_promised_and_does_not_hold_is_counted() {
    let report = judge(&stale_read(false)).unwrap_or_else(|refused| panic!("{refused}"));
    let freshness = &report.properties[0];
    assert_eq!(
        (freshness.name, freshness.keys_promised, freshness.broken),
        ("read-freshness", 0, 1)
    );
    assert!(report.is_vacuous());
}

#[test]
fn a_write_of_a_client_without_a_trace_ends_the_judgement() {
    let mut traces = stale_read(true);
    traces.remove(2);
    let report = judge(&traces).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!((report.keys_judged, report.messages.trusted), (0, 1));
    assert!(report.keys_not_judged[0].reason.contains("c70 wrote"), "{report:?}");
}

#[test]
fn processes_of_two_protocols_do_not_understand_each_other_though_they_read_the_same_file() {
    let cluster = cluster();
    let party = cluster.file.party(PRIMARY);
    let mut client = Guard::of_client(&cluster.file.guard::<Leaderless>()).unwrap();
    let (mut sealed, now_ms) = (Vec::new(), wall_clock_ms());
    client.seal(&party, b"", now_ms, &mut sealed);
    let mut theirs = Guard::of_node(&cluster.file.guard::<Leaderless>(), PRIMARY, now_ms).unwrap();
    let mut ours = Guard::of_node(&cluster.file.guard::<Register>(), PRIMARY, now_ms).unwrap();
    assert!(theirs.open(&sealed, party.address, now_ms).is_ok());
    assert_eq!(
        ours.open(&sealed, party.address, now_ms).unwrap_err(),
        guard::Refused::OtherCluster
    );
}
