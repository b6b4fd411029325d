//! The example of a protocol of one's own in the runtime: the very steps that are checked, over UDP, a disk and a trace.

#[path = "../../model/examples/primary_backup/main.rs"]
#[expect(dead_code, reason = "it is run here, and not checked")]
mod example;
mod support;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate::client::{ClientError, ClientTrace, RunningClient};
use quorate::config::{ClusterFile, Intervals, Timeouts};
use quorate::leaderless::Leaderless;
use quorate::node::{NodeHandle, NodeSettings, RunningNode};
use quorate::runs::{
    Asked, Asks, DurableStore, EffectOf, ProcessStatus, Recorded, Runs, Seen, Speaks, Started,
    Step, StepAt, Taken, Whom,
};
use quorate::storage::StorageError;
use quorate::wire::{Datagram, KnownNodes, NamesNodes, Wire, WireError};
use quorate_checker::world::{Effect, NodeInput, NodeState, Outbox, Protocol, ScenarioFile};
use quorate_model::ids::{ClientId, NodeId, Peer, Timestamp};
use serde::{Deserialize, Serialize};

use example::{Message, PrimaryBackup};
use support::TestCluster;

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

    fn open(directory: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(directory).map_err(Self::inaccessible(directory))?;
        let path = directory.join("register.json");
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

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Input {
    Start,
    Receive(Peer, Message),
}

#[derive(PartialEq, Debug, Serialize, Deserialize)]
enum Line {
    Node { node: NodeId, durable_step: u64 },
    Step { number: u64, at_us: u64, input: Input, value: u32 },
}

impl Recorded for Line {
    const HEADER_START: &'static [u8] = b"{\"Node\":{";

    fn header_of(&self) -> Option<NodeId> {
        let Line::Node { node, .. } = self else { return None };
        Some(*node)
    }

    fn step_at_us(&self) -> Option<u64> {
        let Line::Step { at_us, .. } = self else { return None };
        Some(*at_us)
    }
}

impl Runs for RegisterNode {
    type Speaks = Register;
    type Store = OneFile;
    type Input = Input;
    type Effect = EffectOf<Register>;
    type Line = Line;
    type Digest = u32;

    fn open(settings: &NodeSettings) -> Result<(Self, OneFile), StorageError> {
        let store = OneFile::open(&settings.data)?;
        Ok((RegisterNode { node: settings.node, protocol: protocol() }, store))
    }

    fn start(&self) -> Input {
        Input::Start
    }

    fn receive(from: Peer, message: Message) -> Input {
        Input::Receive(from, message)
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
        let input = match &input {
            Input::Start => NodeInput::Start { life: 0 },
            Input::Receive(from, message) => NodeInput::Receive { from: *from, message },
        };
        let mut out = Outbox::default();
        self.protocol.node_step(self.node, &mut state, input, &mut out);
        let changed = (state.store != before).then_some(state.store);
        let effects = out.into_effects().into_iter().map(|effect| match effect {
            Effect::Send(to, message) => EffectOf::Send { to, message },
            Effect::SetTimer(timer) => EffectOf::SetTimer(timer),
            Effect::CancelTimer(timer) => EffectOf::CancelTimer(timer),
        });
        Ok(Step { changes: changed.into_iter().collect(), effects: effects.collect() })
    }

    fn effect(effect: EffectOf<Register>) -> EffectOf<Register> {
        effect
    }

    fn commit(
        &mut self,
        store: &mut OneFile,
        staged: &Option<u32>,
        step: u64,
    ) -> Result<(), StorageError> {
        store.replace(Content { step, value: staged.unwrap_or(store.content.value) })
    }

    fn duration_of((): (), _: &Timeouts, _: &Intervals) -> Duration {
        Duration::ZERO
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
        Line::Node { node: settings.node, durable_step }
    }

    fn digest(store: &OneFile) -> Result<u32, StorageError> {
        Ok(store.content.value)
    }

    fn follow(digest: &mut u32, _: Seen<'_, OneFile>, changes: &[u32]) -> Result<(), StorageError> {
        *digest = changes.last().copied().unwrap_or(*digest);
        Ok(())
    }

    fn line(taken: Taken<'_, Self>, (): &(), digest: &u32) -> Line {
        let Taken { number, at_us, input, .. } = taken;
        Line::Step { number, at_us, input, value: *digest }
    }
}

/// A client, which asks again until it hears. A write that is asked for twice may count twice.
#[derive(Debug)]
struct RegisterClient {
    id: ClientId,
    node: NodeId,
    asks: Option<Message>,
}

#[derive(Clone, Debug, Serialize)]
enum ClientInput {
    Ask(Message),
    Hear(Message),
    AskAgain,
}

impl Asks for RegisterClient {
    type Speaks = Register;
    type Options = NodeId;
    type Operation = Message;
    type Outcome = u32;
    type Input = ClientInput;
    type Effect = EffectOf<Register>;
    type Line = String;

    fn new(id: ClientId, _: &ClusterFile, node: NodeId) -> Result<Self, ClientError> {
        Ok(RegisterClient { id, node, asks: None })
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

    fn invoke(&self, asks: Message, _: NodeId, _: u32) -> ClientInput {
        ClientInput::Ask(asks)
    }

    fn receive(_: NodeId, message: Message) -> ClientInput {
        ClientInput::Hear(message)
    }

    fn expire((): ()) -> ClientInput {
        ClientInput::AskAgain
    }

    fn step(&mut self, input: ClientInput) -> Asked<Self> {
        let outcome = match input {
            ClientInput::Ask(asks) => {
                self.asks = Some(asks);
                None
            }
            ClientInput::Hear(Message::Written(value) | Message::Found(value)) => {
                self.asks = None;
                Some(value)
            }
            ClientInput::Hear(_) | ClientInput::AskAgain => None,
        };
        let effects = self.asks.clone().map_or_else(Vec::new, |message| {
            vec![EffectOf::Send { to: Peer::Node(self.node), message }, EffectOf::SetTimer(())]
        });
        Asked { effects, outcome }
    }

    fn effect(effect: EffectOf<Register>) -> EffectOf<Register> {
        effect
    }

    fn header(&self, _: &ClusterFile) -> String {
        "starts".to_string()
    }

    fn line(&self, at: StepAt, input: ClientInput, _: &Asked<Self>) -> String {
        format!("{}: {input:?}", at.number)
    }
}

/// The one that answers once the backup has a write.
fn protocol() -> PrimaryBackup {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../model/examples/primary_backup/backed_up.toml");
    let text = fs::read_to_string(path).unwrap();
    PrimaryBackup(ScenarioFile::parse(path, &text).unwrap())
}

/// Two nodes: what else the file says is about another protocol.
fn cluster() -> TestCluster {
    TestCluster::configured(2, |text| text.replace("n = 3 ", "n = 2 "))
}

fn spawn(cluster: &TestCluster, name: &str) -> NodeHandle {
    let mut settings = NodeSettings::new(cluster.file.clone(), name).unwrap();
    settings.trace = Some(trace_of(cluster, name));
    RunningNode::<RegisterNode>::spawn(settings).unwrap()
}

fn trace_of(cluster: &TestCluster, name: &str) -> PathBuf {
    cluster.path(&format!("{name}.register.jsonl"))
}

fn client(cluster: &TestCluster, node: NodeId) -> RunningClient<RegisterClient> {
    RunningClient::new(cluster.file.clone(), node).unwrap()
}

fn trace(cluster: &TestCluster, name: &str) -> Vec<Line> {
    let text = fs::read_to_string(trace_of(cluster, name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn another_protocol_runs_over_udp_and_keeps_what_it_acknowledged_over_a_crash() {
    let cluster = cluster();
    let [primary, backup] = ["n1", "n2"].map(|name| spawn(&cluster, name));
    let client_trace = cluster.path("client.txt");
    let mut writer =
        client(&cluster, PRIMARY).traced(ClientTrace::open(&client_trace).unwrap()).unwrap();
    let first = writer.perform(Message::Write).unwrap();
    let second = writer.perform(Message::Write).unwrap();
    assert!(first < second, "{first} {second}");
    primary.kill().unwrap();
    backup.kill().unwrap();

    let _nodes = ["n1", "n2"].map(|name| spawn(&cluster, name));
    for node in [PRIMARY, BACKUP] {
        let found = client(&cluster, node).perform(Message::Read).unwrap();
        assert!(found >= second, "{found} at {node}");
    }
    let told = fs::read_to_string(client_trace).unwrap();
    assert!(told.contains("1: Ask(Write)") && told.contains(&format!("Hear(Written({second}))")));
}

#[test]
fn its_trace_says_after_a_crash_which_steps_are_durable() {
    let cluster = cluster();
    let nodes = ["n1", "n2"].map(|name| spawn(&cluster, name));
    let written = client(&cluster, PRIMARY).perform(Message::Write).unwrap();
    for node in nodes {
        node.kill().unwrap();
    }
    let before = trace(&cluster, "n1");
    assert_eq!(before[0], Line::Node { node: PRIMARY, durable_step: 0 });
    let is_write = |line: &Line| {
        matches!(line, Line::Step { input: Input::Receive(Peer::Client(_), Message::Write), value, .. }
            if *value > 0)
    };
    assert!(before.iter().any(is_write), "{before:?}");

    spawn(&cluster, "n1").stop().unwrap();
    let after = trace(&cluster, "n1");
    assert_eq!(after[..before.len()], before);
    let [Line::Node { durable_step, .. }, Line::Step { number, input: Input::Start, value, .. }] =
        after[before.len()..]
    else {
        panic!("{after:?}")
    };
    assert_eq!(number, durable_step + 1);
    assert!(value >= written, "{value} {written}");
    assert!(
        before
            .iter()
            .any(|line| matches!(line, Line::Step { number, .. } if *number == durable_step))
    );
}

#[test]
fn processes_of_two_protocols_do_not_understand_each_other_though_they_read_the_same_file() {
    let cluster = cluster();
    let ours: Wire<Register> = cluster.file.wire();
    let theirs: Wire<Leaderless> = cluster.file.wire();
    let bytes = theirs.encode(&Datagram::Ping { token: 1 }).unwrap();
    assert_eq!(theirs.decode(&bytes), Ok(Datagram::Ping { token: 1 }));
    assert_eq!(ours.decode(&bytes), Err(WireError::OtherCluster));
}
