//! Why traces are refused: where, whose step it is, and what differs.

use std::fmt;

use derive_where::derive_where;
use quorate_ids::{Enumerated, KindOf, NodeId, Peer};

use super::parse::Place;
use super::traced::{Asks, Traced};
use crate::world::{Envelope, Protocol, Words};

/// Why traces are not accepted: the first thing that the model does not allow.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(thiserror::Error)]
pub struct Refused<P: Traced> {
    /// The line where it shows.
    pub place: Place,
    /// Whose line it is, and which of its steps; `None` where the line is no step.
    pub step: Option<StepName>,
    /// What is wrong.
    pub reason: Reason<P>,
    /// Both in words: whose step it is, and what is wrong.
    told: String,
}

/// A step of someone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepName {
    /// Whose.
    pub peer: Peer,
    /// Its number as recorded.
    pub number: u64,
}

/// What the model does not allow.
#[derive_where(Clone, PartialEq, Eq, Debug)]
pub enum Reason<P: Traced> {
    /// There is nothing to replay in a file.
    Empty,
    /// No trace of a node was given.
    NoNode,
    /// No cluster can be as the header says.
    Cluster {
        /// Why not.
        problem: String,
    },
    /// Two headers do not agree on the cluster.
    OtherCluster {
        /// The other header.
        first: Place,
    },
    /// The header's node is not of its cluster.
    NoSuchNode {
        /// Which node.
        node: NodeId,
    },
    /// The node or client has another trace, or another name in the same trace.
    SecondTrace {
        /// Who.
        peer: Peer,
        /// The other header.
        first: Place,
    },
    /// The trace begins after the node's first step: what it held then is not known.
    BeginsLate {
        /// The step that was durable already.
        durable_step: u64,
    },
    /// The store holds steps that were never recorded.
    MissingSteps {
        /// The step that is durable.
        durable_step: u64,
        /// The last one recorded.
        recorded: u64,
    },
    /// The store is older than it was at an earlier start: the directory was replaced.
    OlderStore {
        /// The step that is durable.
        durable_step: u64,
        /// The step that was durable at the earlier start.
        before: u64,
    },
    /// The header and the start after it do not say the same of the disk.
    LossDisputed {
        /// Whether the header says that the disk was lost.
        lost_disk: bool,
        /// The step that is durable.
        durable_step: u64,
        /// Whether the start says that the cluster is being founded.
        is_founding: bool,
    },
    /// A start on an empty disk after one that said that the disk was lost: nothing was on the new one yet, and now
    /// nothing is said of what is missing.
    LossForgotten,
    /// A start on a lost disk goes by a name that the node had before.
    NameReused {
        /// The name.
        name: u64,
    },
    /// A step does not follow the one before: a line is missing, moved or repeated.
    Number {
        /// The number that comes next.
        expected: u64,
    },
    /// The clock of the trace went back.
    ClockWentBack {
        /// What the step before says.
        before_us: u64,
    },
    /// The first step after a header is no start.
    NotStarted,
    /// A start that follows no header.
    StartedAgain,
    /// A message arrives that nobody was seen to send.
    NobodySent(Box<Envelope<P>>),
    /// A message arrives that only a step sent which a crash cut off, and which therefore can
    /// have sent nothing.
    CutOff {
        /// The message.
        envelope: Box<Envelope<P>>,
        /// The step.
        sent_at: Place,
    },
    /// A message arrives that is only sent because of it.
    SentLater(Box<Envelope<P>>),
    /// A message arrives from a node whose trace was not given.
    Untraced(Box<Envelope<P>>),
    /// A message that clients do not send, from a client without a trace.
    NotOfAClient(Box<Envelope<P>>),
    /// A message arrives later than any datagram does, as the receiver's header says.
    TooOld {
        /// The message.
        envelope: Box<Envelope<P>>,
        /// How long before it was sent last, by the clocks of sender and receiver.
        age_us: u64,
        /// For how long a datagram is under way at most.
        lifetime_us: u64,
    },
    /// A wait for older datagrams ends before they are gone.
    SettledEarly {
        /// How long it took.
        waited_us: u64,
        /// How long it takes at least: twice as long as datagrams live, as the header says.
        least_us: u64,
    },
    /// A timer expires that is not running.
    NotRunning(P::Timer),
    /// A client starts an operation before the last one ended.
    StillWaiting,
    /// The step does something else in the model.
    Effect {
        /// Which of its effects, from one.
        position: usize,
        /// What the model does; `None` when it does nothing more.
        expected: Option<Box<P::Effect>>,
        /// What was recorded; `None` when nothing more was.
        recorded: Option<Box<P::Effect>>,
    },
    /// The operation ends otherwise in the model.
    Outcome {
        /// What the model says.
        expected: Option<Box<P::Outcome>>,
        /// What was recorded.
        recorded: Option<Box<P::Outcome>>,
    },
    /// The state is another one in the model.
    Digest {
        /// That of the replayed state.
        expected: P::Digest,
        /// What was recorded.
        recorded: P::Digest,
    },
    /// Every step fits the model, yet what it promises does not hold after this one.
    Property {
        /// Which property.
        name: &'static str,
        /// Of what, if each key is judged on its own: `key k`.
        of: Option<String>,
        /// What it says, or why it does not hold.
        statement: String,
    },
}

/// `n1.jsonl:17: n1 step 17 …`
impl<P: Traced> fmt::Display for Refused<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.told)
    }
}

/// Where nobody has a name yet: of lines that are looked at before it is known what the cluster is.
pub(super) struct Nameless;

impl<P: Protocol> Words<P> for Nameless {}

impl<P: Traced> Refused<P> {
    /// A refusal, told in these words.
    pub(super) fn new(
        place: Place,
        step: Option<StepName>,
        reason: Reason<P>,
        words: &impl Words<P>,
    ) -> Box<Self> {
        let step_told = step.map_or_else(String::new, |step| {
            let peer = match step.peer {
                Peer::Node(node) => words.node(node),
                // Clients are named by numbers drawn at random.
                Peer::Client(client) => format!("client {client}"),
            };
            format!("{peer} step {}: ", step.number)
        });
        let told = step_told + &reason.told(words);
        Box::new(Refused { place, step, reason, told })
    }
}

impl<P: Traced> Reason<P> {
    fn told(&self, names: &impl Words<P>) -> String {
        match self {
            Reason::Empty => "the trace is empty: it shows nothing".into(),
            Reason::NoNode => "no trace of a node was given: there is nothing to replay".into(),
            Reason::Cluster { problem } => format!("no such cluster can be: {problem}"),
            Reason::OtherCluster { first } => {
                format!("the header says another cluster than {first}")
            }
            Reason::NoSuchNode { node } => format!("the cluster has no node number {}", node.0),
            Reason::SecondTrace { peer, first } => {
                format!("{} has another trace at {first}", names.peer(*peer))
            }
            Reason::BeginsLate { durable_step } => format!(
                "the trace begins after step {durable_step}: what the node held then is not known; \
                 trace a node from its first start"
            ),
            Reason::MissingSteps { durable_step, recorded } => format!(
                "the store holds step {durable_step}, but the last one recorded is {recorded}"
            ),
            Reason::OlderStore { durable_step, before } => format!(
                "the store holds steps up to {durable_step} but held {before} at the start before: \
                 its directory was replaced by an older or empty one, and the node does not say so"
            ),
            Reason::LossDisputed { lost_disk, durable_step, is_founding } => {
                let header = if *lost_disk { "was lost" } else { "was not lost" };
                let founding = if *is_founding { "is" } else { "is not" };
                format!(
                    "the header says that the disk {header}, but step {durable_step} is durable and the \
                     start says that the cluster {founding} being founded: a disk was lost if it is empty \
                     and the cluster is not being founded"
                )
            }
            Reason::LossForgotten => {
                "the disk is as empty as at the start before, which said that it was \
                                      lost, and this one does not"
                    .into()
            }
            Reason::NameReused { name } => format!(
                "a node that lost its disk goes by {name}, as it did before: what it names now could be \
                 taken for what it named then"
            ),
            Reason::Number { expected } => {
                format!("step {expected} should stand here: a line is missing, moved or repeated")
            }
            Reason::ClockWentBack { before_us } => {
                format!("the step before was taken later, at {before_us} us")
            }
            Reason::NotStarted => "the first step after a header must be a start".into(),
            Reason::StartedAgain => "a start without a header before it".into(),
            Reason::NobodySent(envelope) => {
                format!("receives what nobody sent: {}", exactly(names, envelope))
            }
            Reason::CutOff { envelope, sent_at } => format!(
                "receives what only {sent_at} sent, which a crash cut off before it was durable: {}",
                exactly(names, envelope)
            ),
            Reason::SentLater(envelope) => {
                format!("receives what is sent only after it: {}", exactly(names, envelope))
            }
            Reason::Untraced(envelope) => format!(
                "receives a message of a node whose trace is not given: {}",
                exactly(names, envelope)
            ),
            Reason::NotOfAClient(envelope) => {
                format!("receives what no client sends: {}", exactly(names, envelope))
            }
            Reason::TooOld { envelope, age_us, lifetime_us } => format!(
                "receives what was sent {age_us} us before, but a datagram lives {lifetime_us} us \
                 as the header says: {}",
                exactly(names, envelope)
            ),
            Reason::SettledEarly { waited_us, least_us } => format!(
                "waited {waited_us} us for older datagrams to be gone, but that takes {least_us} us: \
                 twice as long as they live, as the header says"
            ),
            Reason::NotRunning(timer) => {
                format!("a timer expires that is not running: {}", names.timer(*timer))
            }
            Reason::StillWaiting => "starts an operation before the last one has ended".into(),
            Reason::Effect { position, expected, recorded } => {
                let [expected, recorded] = differing(
                    [expected.as_deref(), recorded.as_deref()],
                    |effect| P::effect_in_words(effect, names),
                    "nothing more",
                );
                format!("effect {position} should be [{expected}], recorded is [{recorded}]")
            }
            Reason::Outcome { expected, recorded } => {
                let [expected, recorded] = differing(
                    [expected.as_deref(), recorded.as_deref()],
                    |outcome| format!("{outcome:?}"),
                    "none",
                );
                format!("the outcome should be [{expected}], recorded is [{recorded}]")
            }
            Reason::Digest { expected, recorded } => format!(
                "the state afterwards should have the digest {expected}, recorded is {recorded}"
            ),
            Reason::Property { name, of, statement } => {
                let of = of.as_ref().map_or_else(String::new, |of| format!(" of {of}"));
                format!("{name}{of} does not hold after this step: {statement}")
            }
        }
    }
}

/// Two things in words; in full where the words do not tell them apart.
fn differing<T: fmt::Debug>(
    things: [Option<&T>; 2],
    in_words: impl Fn(&T) -> String,
    absent: &str,
) -> [String; 2] {
    let told = things.map(|thing| thing.map_or_else(|| absent.to_string(), &in_words));
    if told[0] == told[1] { things.map(|thing| format!("{thing:?}")) } else { told }
}

fn exactly<P: Traced>(names: &impl Words<P>, envelope: &Envelope<P>) -> String {
    let told = names.envelope(envelope);
    // Where messages are told apart by kind, the kind comes first.
    match P::MessageKind::ALL {
        [_] => told,
        _ => format!("{} [{told}]", P::MessageKind::of(&envelope.message).name()),
    }
}

/// Compares what a step does in the model with what was recorded.
pub(super) fn compare_effects<P: Traced>(
    expected: &[P::Effect],
    recorded: &[P::Effect],
) -> Result<(), Reason<P>> {
    let longest = expected.len().max(recorded.len());
    let differs = |at: &usize| expected.get(*at) != recorded.get(*at);
    match (0..longest).find(differs) {
        None => Ok(()),
        Some(at) => Err(Reason::Effect {
            position: at + 1,
            expected: expected.get(at).cloned().map(Box::new),
            recorded: recorded.get(at).cloned().map(Box::new),
        }),
    }
}

/// The messages among these effects, as they leave `from`.
pub(super) fn envelopes<P: Traced>(from: Peer, effects: &[P::Effect]) -> Vec<Envelope<P>> {
    let message = |effect: &P::Effect| match P::asks(effect) {
        Asks::Send { to, message } => Some(Envelope { from, to, message: message.clone() }),
        Asks::SetTimer(_) | Asks::CancelTimer(_) => None,
    };
    effects.iter().filter_map(message).collect()
}
