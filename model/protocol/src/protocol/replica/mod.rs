//! One node: replica of the keys it is a home of, coordinator of the requests it is asked.

mod catch_up;
mod finished;
mod footprint;
mod forward;
mod get;
mod hints;
mod limit;
mod mint;
mod parts;
#[cfg(feature = "planted-faults")]
mod planted;
mod put;
mod reap;
mod register;
mod renaming;
mod sync;
mod weighed;

use alloc::sync::Arc;

use serde::Serialize;

use crate::cluster::{ClusterConfig, Limits};
use crate::deviation::Deviation;
use crate::forest::Forest;
use crate::ids::{Key, NodeId, Peer, RequestId, Timestamp};
use crate::versions::Record;

use super::effect::{Effect, Input, Step, Timer};
use super::message::{LoadLimit, Message, Refusal};
use super::store::{Change, Entry, Hint, KeptHint, Store};
use super::waits::Waits;
use super::weight::put_bytes;
pub use catch_up::Awaited;
use catch_up::CatchUp;
use finished::Finished;
use forward::{PendingForward, PendingProbe};
use get::PendingGet;
use put::PendingPut;
pub use reap::found_wide;
use reap::{Agreed, Asked, Reaper};
pub use register::has_void_version;
use register::{Claim, Naming};
pub use sync::grown_forest;
use sync::{Hashes, LeafPage};
use weighed::Weighed;

/// What one node of a cluster is told before it starts.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Which node it is.
    pub node: NodeId,
    /// What it shares with the others.
    pub cluster: Arc<ClusterConfig>,
    /// Under whose identity it mints dots: its own. A scenario shows what happens when two nodes
    /// share one.
    pub mints_as: NodeId,
}

/// The volatile state of a node: what a crash forgets. Requests in flight are forgotten with it;
/// their clients time out or retry.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct Replica {
    puts: Weighed<PendingPut>,
    gets: Weighed<PendingGet>,
    forwards: Weighed<PendingForward>,
    probes: Weighed<PendingProbe>,
    finished: Finished,
    /// Up to which hint the last handoff came, if there were more.
    handoff_cursor: Option<(NodeId, Key)>,
    /// Present while the node neither votes nor serves, since it lost its disk.
    catching_up: Option<CatchUp>,
    reaper: Reaper,
    /// Whether the node may mint, and the puts that wait until it may.
    naming: Naming,
    /// Present while the node is up and compares with others. Follows the store.
    forest: Option<Forest>,
}

impl Replica {
    /// Takes one input. `now` is the node's wall clock, which only last-write-wins looks at.
    ///
    /// The step's changes must be durable before its effects happen. Input that makes no sense
    /// here (a stale timer, an answer to a finished request, a message for a key this node is no
    /// home of, a record of another versioning) gives an empty step.
    ///
    /// # Errors
    /// When the store cannot be read. The replica may then be half a step ahead of its store, so
    /// the node must stop.
    pub fn step<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        input: Input,
    ) -> Result<Step, S::Error> {
        #[cfg(not(feature = "planted-faults"))]
        let step = self.react(config, store, now, input)?;
        #[cfg(feature = "planted-faults")]
        let step = planted::react(self, config, store, now, input)?;
        self.follow_changes(config, store, &step)?;
        self.follow_wide(config, &step);
        Ok(step)
    }

    /// What the node makes of an input, before what it keeps in memory of its store follows.
    fn react<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        input: Input,
    ) -> Result<Step, S::Error> {
        let mut step = Step::default();
        match input {
            Input::Start { incarnation, founding } => {
                *self = Replica::default();
                let known = store.identity()?;
                // On a store that is empty, in a cluster that is not, a disk was lost.
                let is_caught_up = known.map_or(founding, |known| known.is_caught_up)
                    || CatchUp::of_start(incarnation).is_enough(config)
                    || config.cluster.deviates(Deviation::ServeUncaught);
                let (naming, identity) = Naming::at_start(config, known, incarnation, is_caught_up);
                self.naming = naming;
                step.changes.push(Change::Identity(identity));
                if !is_caught_up {
                    self.start_catching_up(config, incarnation, &mut step);
                }
                start_background(config, &mut step);
                self.start_reaping(config, founding && known.is_none(), &mut step);
                self.find_wide(config, store)?;
                if config.cluster.background().anti_entropy {
                    self.plant_forest(config, store, &mut step)?;
                }
            }
            Input::Receive { from, message } => {
                self.receive(config, store, now, from, message, &mut step)?;
            }
            Input::Expire(Timer::Request(request)) => {
                self.expire_put(config, store, request, &mut step)?;
                self.expire_get(config, request, &mut step);
                self.expire_forward(config, request, &mut step);
                self.expire_probe(config, store, now, request, &mut step)?;
            }
            Input::Expire(Timer::Speculate(request)) => self.ask_rest(config, request, &mut step),
            Input::Expire(Timer::Register) => {
                self.expire_register(config, store, now, &mut step)?;
            }
            Input::Expire(Timer::Waiting) => self.release(config, store, now, &mut step)?,
            Input::Expire(Timer::Handoff) => self.expire_handoff(config, store, &mut step)?,
            Input::Expire(Timer::CatchUp) => self.ask_all(config, &mut step),
            Input::Expire(Timer::Reap) => self.expire_reap(config, store, &mut step)?,
            Input::Expire(Timer::Settled) => self.expire_settled(config, store, &mut step)?,
            Input::Expire(Timer::Sync(peer)) => self.expire_sync(peer, &mut step),
            Input::AcceptLoss { lost } => self.accept_loss(config, store, lost, &mut step)?,
        }
        Ok(step)
    }

    fn receive<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        from: Peer,
        message: Message,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        let Some(message) = register::without_void(store, message)? else { return Ok(()) };
        match message {
            Message::Put(put) => self.receive_put(config, store, now, from, put, step),
            Message::Get(get) => self.receive_get(config, store, from, get, step),
            // What a client that fans out itself sends, where clients may. Nobody believes a client
            // more than it must.
            Message::Store { .. } | Message::Repair { .. } | Message::Fetch { .. }
                if matches!(from, Peer::Client(_)) && !config.cluster.takes_client_driven() =>
            {
                Ok(())
            }
            // Only coordinating nodes ask for hints.
            Message::StoreHint { .. } if matches!(from, Peer::Client(_)) => Ok(()),
            Message::Store { request, key, state } => {
                if config.stores(&key, &state) {
                    take_in(config, store, &key, &state, step)?;
                    let held = state.digest();
                    step.send(from, Message::StoreAck { request, held });
                }
                Ok(())
            }
            Message::Repair { key, state } => {
                if config.stores(&key, &state) {
                    take_in(config, store, &key, &state, step)?;
                }
                Ok(())
            }
            Message::Fetch { request, key } => {
                if config.is_home(&key) && self.serves() {
                    let state = store.entry(&key)?.map(|entry| entry.state);
                    step.send(from, Message::FetchReply { request, state });
                }
                Ok(())
            }
            Message::StoreAck { request, held } => {
                if let Peer::Node(node) = from {
                    self.receive_put_ack(config, request, node, step);
                    self.receive_repair_ack(config, request, node, held, step);
                }
                Ok(())
            }
            Message::FetchReply { request, state } => {
                let versioning = config.cluster.versioning();
                if let Peer::Node(node) = from
                    && state.as_ref().is_none_or(|state| state.versioning() == versioning)
                {
                    self.receive_fetch_reply(config, store, request, node, state, step)?;
                }
                Ok(())
            }
            Message::PutReply { request, outcome } => {
                self.receive_forwarded_reply(config, request, from, outcome, step);
                Ok(())
            }
            Message::StoreHint { request, home, key, state } => {
                let hint = Hint { home, key, kept: KeptHint::received(state) };
                self.receive_hint(config, store, from, request, hint, step)
            }
            Message::Probe { request } => {
                if self.serves() {
                    step.send(from, Message::ProbeReply { request });
                }
                Ok(())
            }
            // Nodes never ask for a get: a node that is no home coordinates reads itself.
            Message::GetReply { .. } => Ok(()),
            between_nodes @ (Message::ProbeReply { .. }
            | Message::Handoff { .. }
            | Message::HandoffAck { .. }
            | Message::CatchUp { .. }
            | Message::CatchUpPage { .. }
            | Message::Register { .. }
            | Message::Registered { .. }
            | Message::ReapAsk { .. }
            | Message::ReapAgree { .. }
            | Message::Reap { .. }
            | Message::SyncHashes { .. }
            | Message::SyncKeys { .. }
            | Message::SyncStates { .. }) => match from {
                Peer::Node(from) => {
                    self.receive_from_node(config, store, now, from, between_nodes, step)
                }
                Peer::Client(_) => Ok(()),
            },
        }
    }

    /// What only nodes say to each other.
    fn receive_from_node<S: Store>(
        &mut self,
        config: &NodeConfig,
        store: &S,
        now: Timestamp,
        from: NodeId,
        message: Message,
        step: &mut Step,
    ) -> Result<(), S::Error> {
        match message {
            Message::ProbeReply { request } => {
                self.receive_probe_reply(config, request, from, step);
                Ok(())
            }
            Message::Register { incarnation, life, token, minted } => {
                let claim = Claim { incarnation, life, token, minted };
                self.receive_register(store, from, claim, step)
            }
            Message::Registered { token, agrees } => {
                self.receive_registered(config, store, now, from, token, agrees, step)
            }
            Message::Handoff { key, state } => {
                if config.stores(&key, &state) {
                    take_in(config, store, &key, &state, step)?;
                    let held = state.digest();
                    step.send(from, Message::HandoffAck { key, held });
                }
                Ok(())
            }
            Message::HandoffAck { key, held } => {
                self.receive_handoff_ack(store, from, key, held, step)
            }
            Message::CatchUp { token, after } => {
                self.receive_catch_up(config, store, from, token, after, step)
            }
            Message::CatchUpPage { token, after, entries, next, is_caught_up } => {
                let page = catch_up::Page { token, after, entries, next, is_caught_up };
                self.receive_catch_up_page(config, store, from, page, step)
            }
            Message::ReapAsk { round, key, state } => {
                self.receive_reap_ask(config, store, from, Asked { round, key, state }, step)
            }
            Message::ReapAgree { round, key, held } => {
                self.receive_reap_agree(config, from, Agreed { round, key, held }, step);
                Ok(())
            }
            Message::SyncHashes { range, level, nodes } => {
                let hashes = Hashes { range, level, nodes };
                self.receive_hashes(config, store, from, &hashes, step)
            }
            Message::SyncKeys { range, leaf, after, keys, more } => {
                let page = LeafPage { range, leaf, after, keys, more };
                self.receive_keys(config, store, from, &page, step)
            }
            Message::SyncStates { states, wanted } => {
                self.receive_states(config, store, from, &states, &wanted, step)
            }
            Message::Reap { key, held } => self.receive_reap(config, store, from, key, held, step),
            // Taken by `receive`.
            Message::Put(_)
            | Message::PutReply { .. }
            | Message::Get(_)
            | Message::GetReply { .. }
            | Message::Store { .. }
            | Message::StoreAck { .. }
            | Message::Fetch { .. }
            | Message::FetchReply { .. }
            | Message::Repair { .. }
            | Message::Probe { .. }
            | Message::StoreHint { .. } => Ok(()),
        }
    }

    /// Refuses a new request of so many bytes when the node carries as many as it may, or would carry
    /// more bytes than it may.
    fn admit(&self, config: &NodeConfig, bytes: usize) -> Result<(), Refusal> {
        let Limits { pending_max, pending_bytes_max, .. } = config.cluster.limits();
        let pending_bytes = self.pending_bytes();
        let limit = if self.pending_count() >= pending_max {
            LoadLimit::Requests { pending_max }
        } else if pending_bytes.saturating_add(bytes) > pending_bytes_max {
            LoadLimit::Bytes { bytes, pending_bytes, pending_bytes_max }
        } else {
            return Ok(());
        };
        Err(Refusal::Overloaded { limit })
    }

    /// The trees of what the node holds, if it compares with others. They follow each step at once,
    /// and so are ahead of a store that does not have its changes yet.
    #[must_use]
    pub fn forest(&self) -> Option<&Forest> {
        self.forest.as_ref()
    }

    /// How many requests this node carries.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.puts.len()
            + self.gets.len()
            + self.forwards.len()
            + self.probes.len()
            + self.naming.waiting_count()
    }

    /// About how many bytes the requests hold that this node carries: keys, values, contexts, and the
    /// states that were fetched for them.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.puts.bytes()
            + self.gets.bytes()
            + self.forwards.bytes()
            + self.probes.bytes()
            + self.naming.waiting_bytes()
    }

    /// The same by weighing everything anew. Only for tests of the sum.
    #[must_use]
    pub fn pending_bytes_anew(&self) -> usize {
        self.puts.bytes_anew()
            + self.gets.bytes_anew()
            + self.forwards.bytes_anew()
            + self.probes.bytes_anew()
            + self.naming.waiting().map(put_bytes).sum::<usize>()
    }

    /// Whether this node still waits for answers to the request.
    #[must_use]
    pub fn is_pending(&self, request: RequestId) -> bool {
        self.puts.contains(request)
            || self.gets.contains(request)
            || self.forwards.contains(request)
            || self.probes.contains(request)
            || self.waits_to_mint(request)
    }

    /// Whether this put waits here until it is certain under which identity to mint.
    #[must_use]
    pub fn waits_to_mint(&self, request: RequestId) -> bool {
        self.naming.waiting().any(|put| put.request == request)
    }

    /// Whether an acknowledgement of this request by this node can change anything here, now or
    /// later.
    #[must_use]
    pub fn awaits_ack(&self, request: RequestId, from: NodeId) -> bool {
        self.puts.get(request).is_some_and(|put| !put.write.round.acked().contains(from))
            || self.gets.get(request).is_some_and(|get| get.round.may_count_holder(from))
    }

    /// Whether a fetch reply to this request by this node can still change anything here.
    #[must_use]
    pub fn awaits_reply(&self, request: RequestId, from: NodeId) -> bool {
        self.gets.get(request).is_some_and(|get| get.round.awaits_reply(from))
    }

    /// Forgets a finished put. Only for the model, which knows when no retry can come.
    pub fn forget_finished(&mut self, request: RequestId) {
        self.finished.forget(request);
    }

    /// Forgets a get, whatever it has gathered. Only for the model, which knows when nobody waits for it.
    pub fn forget_get(&mut self, request: RequestId) {
        self.gets.remove(request);
    }

    /// The gets in progress.
    pub fn gets(&self) -> impl Iterator<Item = RequestId> + '_ {
        self.gets.iter().map(|(request, _)| request)
    }

    /// The gets that were answered and only listen for late replies.
    pub fn trailing(&self) -> impl Iterator<Item = RequestId> + '_ {
        let trailing = self.gets.iter().filter(|(_, get)| !get.round.is_waiting());
        trailing.map(|(request, _)| request)
    }

    /// Whether this node forwarded the put and still waits for the home's answer.
    #[must_use]
    pub fn awaits_forwarded(&self, request: RequestId) -> bool {
        self.forwards.contains(request)
    }

    /// What the requests at this node wait for.
    pub fn waits(&self) -> impl Iterator<Item = (RequestId, Waits)> + '_ {
        let puts = self.puts.iter().map(|(request, put)| (request, put.write.round.waits()));
        let gets = self.gets.iter().map(|(request, get)| (request, get.round.waits()));
        let forwards = self.forwards.iter();
        puts.chain(gets)
            .chain(forwards.map(|(request, forward)| (request, Waits::Answer(forward.home))))
    }

    /// The finished puts that are remembered to answer retries.
    pub fn finished(&self) -> impl Iterator<Item = RequestId> + '_ {
        self.finished.requests()
    }
}

impl NodeConfig {
    /// A node of this cluster.
    #[must_use]
    pub fn new(node: NodeId, cluster: Arc<ClusterConfig>) -> Self {
        NodeConfig { node, cluster, mints_as: node }
    }

    /// Whether this node is one of the homes of a key.
    #[must_use]
    pub fn is_home(&self, key: &Key) -> bool {
        self.cluster.homes(key).contains(self.node)
    }

    /// Whether this node takes in such a state: it is a home, and the versioning is the
    /// cluster's. A peer with another configuration is ignored, not believed.
    fn stores(&self, key: &Key, state: &Record) -> bool {
        self.may_merge(state) && self.is_home(key)
    }

    /// Whether the versioning is the cluster's.
    fn may_merge(&self, state: &Record) -> bool {
        state.versioning() == self.cluster.versioning()
    }

    /// The other homes of a key, in order of preference.
    pub fn other_homes(&self, key: &Key) -> impl Iterator<Item = NodeId> {
        let preference = self.cluster.preference_list(key).into_owned();
        let node = self.node;
        preference.into_iter().take(self.cluster.quorum().n()).filter(move |home| *home != node)
    }

    /// The other homes of a key in the order in which a read asks them that need not ask all: in order of
    /// preference, going round, beginning behind this node. So of the reads of one key that its homes
    /// coordinate each home answers as many as the others.
    fn homes_behind(&self, key: &Key) -> impl Iterator<Item = NodeId> {
        let preference = self.cluster.preference_list(key).into_owned();
        let n = self.cluster.quorum().n();
        let own = preference.iter().take(n).position(|home| *home == self.node);
        let (first, others) = own.map_or((0, n), |own| (own + 1, n - 1));
        (first..first + others).map(move |at| preference[at % n])
    }

    /// R or W of a request: its own, or the cluster's.
    fn quorum_of(&self, asked: Option<usize>, default: usize) -> Result<usize, Refusal> {
        let n = self.cluster.quorum().n();
        match asked {
            None => Ok(default),
            Some(asked) if (1..=n).contains(&asked) => Ok(asked),
            Some(asked) => Err(Refusal::QuorumOutOfRange { asked, n }),
        }
    }
}

/// Merges a state that arrived into the node's own.
fn take_in<S: Store>(
    config: &NodeConfig,
    store: &S,
    key: &Key,
    incoming: &Arc<Record>,
    step: &mut Step,
) -> Result<(), S::Error> {
    let entry = match store.entry(key)? {
        None => Entry::received(Arc::clone(incoming)),
        Some(entry) if entry.state.dominates(incoming) => return Ok(()),
        Some(entry) => {
            let identity = store.identity()?;
            let (cluster, node) = (&config.cluster, config.mints_as);
            let run = mint::surviving_run(cluster, node, identity, entry.run, &incoming.context());
            let state = if incoming.dominates(&entry.state) {
                Arc::clone(incoming)
            } else {
                Arc::new(entry.state.merged(incoming))
            };
            Entry { state, run, requests: entry.requests }
        }
    };
    step.changes.push(Change::Entry { key: key.clone(), entry });
    Ok(())
}

/// Starts the timers of what the node does of its own accord.
fn start_background(config: &NodeConfig, step: &mut Step) {
    let background = config.cluster.background();
    if background.handoff {
        step.effects.push(Effect::SetTimer(Timer::Handoff));
    }
}

fn start_timer(request: RequestId, step: &mut Step) {
    step.effects.push(Effect::SetTimer(Timer::Request(request)));
}

fn stop_timer(request: RequestId, step: &mut Step) {
    step.effects.push(Effect::CancelTimer(Timer::Request(request)));
}
