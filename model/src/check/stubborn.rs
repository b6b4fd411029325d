//! What the leaderless protocol declares for stubborn sets
//! ([`Reductions::stubborn_sets`](crate::scenario::Reductions::stubborn_sets)): what all events of a class may touch and lead to.
//! The rule itself knows no protocol: [`quorate_checker::stubborn`].
//!
//! What one step touches in one state is [declared beside the protocol](crate::protocol::footprint), and compared with every
//! step (`quorate check --footprints`). What is declared here is coarser, for steps that are still to come. A test compares it
//! with the steps of small searches: what each touches, sends and sets must be declared of its class.
//!
//! It is declared where no other reduction is on, which may have messages arrive at once; where no node has started again or may, since
//! a start leads to everything; where tombstones are kept, since nodes wait for older messages otherwise; and where it
//! is not asked where runs end.

use alloc::vec::Vec;

use quorate_checker::stubborn::{Declares, Ever, Touches};
use quorate_checker::world::{Environment, Event, KindOf};

use super::footprints::{Part, Sort, touches};
use super::leaderless::Leaderless;
use super::state::{ActorState, ClusterState, Seat};
use crate::cluster::Reaping;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Peer, RequestId};
use crate::protocol::footprint::{Component, Family};
use crate::protocol::{FanOut, MessageKind, ReadRepair, Timer};
use crate::scenario::{PlannedAction, PlannedOperation, Reductions, Scenario};
use crate::versions::Versioning;

/// What can reach a node or a client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// A message of this kind, of this request if it is of one.
    Arrival(MessageKind, Option<RequestId>),
    /// A timer expires.
    Expiry(Timer),
    /// A node starts again.
    Start,
    /// A client starts this operation of its program.
    Beginning(usize),
    /// An operator says something: in scripts only.
    Command,
}

/// What is known of all that can still happen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Outlook {
    /// Whether timers of requests may still expire at nodes.
    timeouts: bool,
    /// Nodes that are down, and stay so.
    down: NodeSet,
}

impl Outlook {
    /// Whether timers of requests may still expire at clients: where nobody starts again, one gives up for nothing only
    /// if it had asked a node that is down.
    fn client_timeouts(&self) -> bool {
        self.timeouts || !self.down.is_empty()
    }
}

/// Kinds of message whose arrival has nothing to do with clocks.
const CLOCKLESS: [MessageKind; 6] = [
    MessageKind::Get,
    MessageKind::Store,
    MessageKind::StoreAck,
    MessageKind::Fetch,
    MessageKind::FetchReply,
    MessageKind::Probe,
];

/// Every family of parts of a node.
const OF_NODES: [Family; 24] = [
    Family::Clock,
    Family::Incarnation,
    Family::Counters,
    Family::CaughtUp,
    Family::Registration,
    Family::Record,
    Family::Hint,
    Family::Put,
    Family::Get,
    Family::Forward,
    Family::Probe,
    Family::Finished,
    Family::FinishedOrder,
    Family::Standing,
    Family::Waiting,
    Family::HandoffCursor,
    Family::CatchUp,
    Family::ReapRound,
    Family::ReapCursors,
    Family::ReapNumber,
    Family::ReapWaits,
    Family::Comparing,
    Family::Timer,
    Family::Sequence,
];

/// The operation that a request is for.
fn operation(scenario: &Scenario, request: RequestId) -> &PlannedOperation {
    &scenario.clients[request.client.0 as usize].operations[request.sequence as usize]
}

/// Whether a node may go on listening for replies once it has answered.
fn may_listen(scenario: &Scenario, request: RequestId) -> bool {
    scenario.cluster.read_repair() != ReadRepair::Off
        && operation(scenario, request).action == PlannedAction::Get
}

impl Declares for Leaderless {
    type Class = Class;
    type Part = Part;
    type Outlook = Outlook;

    fn outlook(&self, _: &Environment, state: &ClusterState) -> Option<Outlook> {
        let scenario = self.scenario();
        let alone = Reductions { stubborn_sets: true, wrong: None, ..Reductions::NONE };
        let starts = state.faults.crashes > 0
            || state.nodes().any(|node| node.lives > 0)
            || state.down.iter().any(|node| scenario.down_returns || !scenario.down.contains(node));
        let is_declared = Reductions { wrong: None, ..scenario.reductions } == alone
            && !self.asks_where_runs_end()
            && scenario.cluster.background().reaping == Reaping::Off
            && !scenario.cluster.is_deviant()
            && (!starts || forgets!(scenario, StubbornDespiteStarts));
        let outlook = Outlook { timeouts: state.faults.timeouts > 0, down: state.down };
        is_declared.then_some(outlook)
    }

    fn class(&self, actor: &ActorState, event: &Event<Self>) -> Class {
        match (event, actor) {
            (Event::Receive(sent), _) => {
                Class::Arrival(MessageKind::of(&sent.message), sent.message.request())
            }
            (Event::Expire(_, timer), _) => Class::Expiry(*timer),
            (Event::Restart(_), _) => Class::Start,
            (Event::Invoke(..), ActorState::Client(client)) => Class::Beginning(client.next),
            (Event::Invoke(..), ActorState::Node(_)) => panic!("only clients start operations"),
            (Event::Command(..), _) => Class::Command,
        }
    }

    fn is_arrival(&self, class: &Class) -> bool {
        matches!(class, Class::Arrival(..))
    }

    fn ever(&self, outlook: &Outlook, peer: Peer, class: &Class) -> Ever<Self> {
        let mut declared = match peer {
            Peer::Node(node) => Declaring::new(self, outlook, peer).at_node(node, class),
            Peer::Client(client) => Declaring::new(self, outlook, peer).at_client(client, class),
        };
        if forgets!(self.scenario(), StubbornForgettingTheFuture) {
            declared.leads_to.clear();
        }
        declared
    }

    fn now(&self, peer: Peer, seat: &Seat, event: &Event<Self>) -> Touches<Self> {
        let mut touches = touches(self, peer, seat, event);
        touches.tells &= !forgets!(self.scenario(), StubbornThoughSeen);
        touches
    }

    fn may_ever_expire(&self, outlook: &Outlook, peer: Peer, timer: Timer) -> bool {
        match (peer, timer) {
            (Peer::Client(_), _) => outlook.client_timeouts(),
            // A read that was answered may go on listening, for no longer than it likes.
            (Peer::Node(_), Timer::Request(request)) => {
                outlook.timeouts || may_listen(self.scenario(), request)
            }
            (Peer::Node(_), _) => true,
        }
    }

    fn is_private(&self, sort: Sort) -> bool {
        let private = [
            Family::Put,
            Family::Get,
            Family::Forward,
            Family::Probe,
            Family::Finished,
            Family::FinishedOrder,
            Family::Timer,
            Family::Trailing,
        ];
        private.into_iter().any(|family| sort == Sort::Protocol(family))
            || forgets!(self.scenario(), StubbornThoughSeen)
    }

    fn is_watched(
        &self,
        outlook: &Outlook,
        (peer, one): (Peer, &Class),
        (_, by): (Peer, &Class),
    ) -> bool {
        let scenario = self.scenario();
        if forgets!(scenario, StubbornDespiteGuards) {
            return false;
        }
        let is_of =
            |kinds: &[MessageKind]| matches!(one, Class::Arrival(kind, _) if kinds.contains(kind));
        match by {
            // Clients may take turns, and clocks tick with every operation.
            Class::Beginning(_) => match peer {
                Peer::Client(_) => scenario.turn_length.is_some(),
                // A node looks at its clock when it takes in a put.
                Peer::Node(_) => {
                    scenario.spec.versioning == Versioning::LastWriteWins && !is_of(&CLOCKLESS)
                }
            },
            // At a client whose coordinator is down: whether something of the request is under way.
            Class::Expiry(Timer::Request(request)) => {
                let is_of_it = matches!(one, Class::Arrival(_, Some(of)) if of == request);
                let mut via = operation(scenario, *request).via.iter();
                is_of_it && via.any(|node| outlook.down.contains(*node))
            }
            // It may expire at any time once it is set.
            Class::Expiry(Timer::Speculate(_)) => false,
            Class::Expiry(Timer::Handoff) => {
                is_of(&[MessageKind::Handoff, MessageKind::HandoffAck])
            }
            Class::Expiry(Timer::Sync(_)) => {
                is_of(&[MessageKind::SyncHashes, MessageKind::SyncKeys, MessageKind::SyncStates])
            }
            Class::Expiry(_) | Class::Start | Class::Command => true,
            Class::Arrival(..) => false,
        }
    }
}

/// What is declared of one class at one actor.
struct Declaring<'a> {
    scenario: &'a Scenario,
    outlook: &'a Outlook,
    peer: Peer,
    ever: Ever<Leaderless>,
}

impl<'a> Declaring<'a> {
    fn new(protocol: &'a Leaderless, outlook: &'a Outlook, peer: Peer) -> Self {
        Declaring {
            scenario: protocol.scenario(),
            outlook,
            peer,
            ever: Ever { touches: Touches::<Leaderless>::default(), leads_to: Vec::new() },
        }
    }

    fn operation(&self, request: RequestId) -> &'a PlannedOperation {
        operation(self.scenario, request)
    }

    fn key(&self, request: RequestId) -> &'a Key {
        &self.operation(request).key
    }

    fn homes(&self, request: RequestId) -> NodeSet {
        self.scenario.cluster.homes(self.key(request))
    }

    /// Whether a put may be kept by others than homes.
    fn is_sloppy(&self, request: RequestId) -> bool {
        self.operation(request).sloppy.unwrap_or(self.scenario.cluster.sloppy())
    }

    fn repairs(&self) -> bool {
        self.scenario.cluster.read_repair() != ReadRepair::Off
    }

    fn reads(&mut self, families: &[Family]) -> &mut Self {
        for family in families {
            self.ever.touches.reads.insert_family(Sort::Protocol(*family));
        }
        self
    }

    fn writes_all(&mut self, families: &[Family]) -> &mut Self {
        for family in families {
            self.ever.touches.writes.insert_family(Sort::Protocol(*family));
        }
        self
    }

    fn writes(&mut self, components: impl IntoIterator<Item = Component>) -> &mut Self {
        for component in components {
            self.ever.touches.writes.insert(Part::Protocol(component));
        }
        self
    }

    fn tells(&mut self) -> &mut Self {
        self.ever.touches.tells = true;
        self
    }

    /// States are merged into what is held of these keys, or of all.
    fn takes_in(&mut self, family: Family, one: Option<Component>) -> &mut Self {
        self.reads(&[Family::Incarnation, Family::Registration]).tells();
        if forgets!(self.scenario, StubbornForgettingStates) {
            return self;
        }
        let touches = &mut self.ever.touches;
        let region = match self.scenario.names_writes_once() {
            true => &mut touches.joins,
            false => &mut touches.writes,
        };
        match one {
            Some(component) => region.insert(Part::Protocol(component)),
            None => region.insert_family(Sort::Protocol(family)),
        }
        self
    }

    fn leads(&mut self, to: Peer, class: Class) {
        if to != self.peer || !matches!(class, Class::Arrival(..)) {
            self.ever.leads_to.push((to, class));
        }
    }

    /// Messages of this kind and request to these nodes.
    fn sends(&mut self, kind: MessageKind, request: RequestId, to: NodeSet) -> &mut Self {
        to.iter().for_each(|node| self.leads(node.into(), Class::Arrival(kind, Some(request))));
        self
    }

    fn answers(&mut self, kind: MessageKind, request: RequestId) -> &mut Self {
        self.leads(Peer::Client(request.client), Class::Arrival(kind, Some(request)));
        self
    }

    fn sends_to_all(&mut self, kinds: &[MessageKind]) -> &mut Self {
        for node in self.nodes().iter() {
            kinds.iter().for_each(|kind| self.leads(node.into(), Class::Arrival(*kind, None)));
        }
        self
    }

    fn nodes(&self) -> NodeSet {
        self.scenario.cluster.nodes().iter().copied().collect()
    }

    fn sets(&mut self, request: RequestId) -> &mut Self {
        let timer = Timer::Request(request);
        self.writes([Component::Timer(timer)]);
        let may_expire = match self.peer {
            Peer::Client(_) => self.outlook.client_timeouts(),
            Peer::Node(_) => self.outlook.timeouts || may_listen(self.scenario, request),
        };
        if may_expire {
            self.leads(self.peer, Class::Expiry(timer));
        }
        let speculates = self.scenario.cluster.speculative_retry()
            && matches!(self.peer, Peer::Node(_))
            && self.operation(request).action == PlannedAction::Get;
        if speculates {
            let timer = Timer::Speculate(request);
            self.writes([Component::Timer(timer)]);
            self.leads(self.peer, Class::Expiry(timer));
        }
        self
    }

    /// A put may be over: it is remembered, and whoever asked is told.
    fn finishes(&mut self, request: RequestId) -> &mut Self {
        self.writes([Component::Finished(request), Component::FinishedOrder]).sets(request);
        self.sends(MessageKind::PutReply, request, self.nodes());
        self.answers(MessageKind::PutReply, request)
    }

    /// A put may be coordinated, or what stands in the way of that be done.
    fn coordinates(&mut self, node: NodeId, request: RequestId) -> &mut Self {
        use MessageKind::{Probe, Put, Store, StoreHint};
        let homes = self.homes(request);
        let key = self.key(request).clone();
        self.reads(&[
            Family::CatchUp,
            Family::Standing,
            Family::Clock,
            Family::Incarnation,
            Family::Waiting,
            Family::Record,
            Family::Hint,
        ]);
        self.writes([
            Component::Put(request),
            Component::Forward(request),
            Component::Probe(request),
            Component::Counters,
        ]);
        if homes.contains(node) {
            self.writes([Component::Record(key)]);
        } else {
            self.writes_all(&[Family::Hint]);
            self.sends(Put, request, homes).sends(Probe, request, homes);
        }
        self.sends(Store, request, homes);
        if self.is_sloppy(request) {
            self.sends(StoreHint, request, self.nodes());
        }
        self.finishes(request).tells()
    }

    fn at_node(mut self, node: NodeId, class: &Class) -> Ever<Leaderless> {
        match class {
            Class::Arrival(kind, Some(request)) => self.arrival(node, *kind, *request),
            Class::Arrival(kind, None) => self.background(*kind),
            Class::Expiry(Timer::Request(request)) => self.gives_up(node, *request),
            Class::Expiry(timer @ Timer::Speculate(request)) => {
                self.writes([Component::Get(*request), Component::Timer(*timer)]);
                self.sends(MessageKind::Fetch, *request, self.homes(*request));
            }
            Class::Expiry(timer @ Timer::Handoff) => {
                self.writes_all(&[Family::Hint, Family::Record, Family::HandoffCursor]);
                self.writes([Component::Timer(*timer)]).reads(&[Family::Incarnation]).tells();
                self.sends_to_all(&[MessageKind::Handoff]);
                self.leads(self.peer, class.clone());
            }
            Class::Expiry(timer @ Timer::Sync(_)) => {
                self.reads(&[Family::Comparing, Family::Record]);
                self.writes([Component::Timer(*timer)]).sends_to_all(&[MessageKind::SyncHashes]);
                self.leads(self.peer, class.clone());
            }
            // None of these comes where nobody starts again and tombstones are kept.
            Class::Expiry(
                Timer::CatchUp | Timer::Register | Timer::Waiting | Timer::Reap | Timer::Settled,
            )
            | Class::Start
            | Class::Beginning(_)
            | Class::Command => self.anything(),
        }
        self.ever
    }

    /// A node waits no longer: of a put that it coordinates, others keep hints; one that it was to forward it coordinates itself.
    fn gives_up(&mut self, node: NodeId, request: RequestId) {
        match self.operation(request).action {
            PlannedAction::Get => {
                self.writes([Component::Get(request)]).reads(&[Family::Put, Family::Forward]);
                self.reads(&[Family::Probe]).sets(request);
                self.answers(MessageKind::GetReply, request);
            }
            PlannedAction::Put { .. } if self.homes(request).contains(node) => {
                self.writes([Component::Put(request)]).reads(&[Family::Get, Family::Forward]);
                self.reads(&[Family::Probe, Family::Record, Family::Hint]);
                if self.is_sloppy(request) {
                    self.sends(MessageKind::StoreHint, request, self.nodes());
                }
                self.finishes(request);
            }
            PlannedAction::Put { .. } => {
                self.reads(&[Family::Get]).coordinates(node, request);
            }
        }
    }

    fn anything(&mut self) {
        self.writes_all(&OF_NODES).tells();
    }

    /// What serves a request.
    fn arrival(&mut self, node: NodeId, kind: MessageKind, request: RequestId) {
        use MessageKind as Kind;
        let (homes, nodes) = (self.homes(request), self.nodes());
        let record = Component::Record(self.key(request).clone());
        match kind {
            Kind::Put => {
                self.coordinates(node, request);
            }
            Kind::PutReply => {
                self.writes([Component::Forward(request)]).finishes(request);
            }
            Kind::Get => {
                self.reads(&[Family::CatchUp, Family::Record]).writes([Component::Get(request)]);
                self.sets(request).sends(Kind::Fetch, request, homes);
                self.answers(Kind::GetReply, request).repairs_by(request);
            }
            Kind::Store => {
                self.takes_in(Family::Record, Some(record));
                self.sends(Kind::StoreAck, request, nodes).answers(Kind::StoreAck, request);
            }
            Kind::StoreHint => {
                self.reads(&[Family::Hint]).takes_in(Family::Hint, None);
                self.sends(Kind::StoreAck, request, nodes).answers(Kind::StoreAck, request);
            }
            Kind::StoreAck => {
                self.writes([Component::Put(request), Component::Get(request)]);
                self.finishes(request).answers(Kind::GetReply, request);
            }
            Kind::Fetch => {
                self.reads(&[Family::CatchUp]).ever.touches.reads.insert(Part::Protocol(record));
                self.sends(Kind::FetchReply, request, nodes).answers(Kind::FetchReply, request);
            }
            Kind::FetchReply => {
                self.reads(&[Family::Registration]).writes([Component::Get(request)]);
                self.sets(request).answers(Kind::GetReply, request);
                if self.repairs() {
                    self.takes_in(Family::Record, Some(record)).repairs_by(request);
                }
            }
            Kind::Probe => {
                self.reads(&[Family::CatchUp]).sends(Kind::ProbeReply, request, nodes);
            }
            Kind::ProbeReply => {
                self.writes([Component::Probe(request), Component::Forward(request)]);
                self.sets(request).sends(Kind::Put, request, homes);
            }
            // Nodes are told of no such thing.
            Kind::GetReply => {}
            // These are of no request.
            Kind::Repair
            | Kind::Handoff
            | Kind::HandoffAck
            | Kind::Register
            | Kind::Registered
            | Kind::CatchUp
            | Kind::CatchUpPage
            | Kind::ReapAsk
            | Kind::ReapAgree
            | Kind::Reap
            | Kind::SyncHashes
            | Kind::SyncKeys
            | Kind::SyncStates => self.anything(),
        }
    }

    fn repairs_by(&mut self, request: RequestId) {
        if self.repairs() {
            self.sends(MessageKind::Store, request, self.homes(request));
            self.sends_to_all(&[MessageKind::Repair]);
        }
    }

    /// What nodes say to each other of their own accord.
    fn background(&mut self, kind: MessageKind) {
        use MessageKind as Kind;
        match kind {
            Kind::Repair => {
                self.takes_in(Family::Record, None);
            }
            Kind::Handoff => {
                self.takes_in(Family::Record, None).sends_to_all(&[Kind::HandoffAck]);
            }
            Kind::HandoffAck => {
                self.writes_all(&[Family::Hint]).tells();
            }
            Kind::SyncHashes => {
                self.reads(&[Family::Comparing, Family::Record]);
                self.sends_to_all(&[Kind::SyncHashes, Kind::SyncKeys]);
            }
            Kind::SyncKeys => {
                self.reads(&[Family::Comparing, Family::Record]);
                self.sends_to_all(&[Kind::SyncStates]);
            }
            Kind::SyncStates => {
                self.reads(&[Family::Record]).takes_in(Family::Record, None);
                self.sends_to_all(&[Kind::SyncStates]);
            }
            // None of these comes where nobody starts again and tombstones are kept.
            Kind::Register
            | Kind::Registered
            | Kind::CatchUp
            | Kind::CatchUpPage
            | Kind::ReapAsk
            | Kind::ReapAgree
            | Kind::Reap
            // And these are of a request.
            | Kind::Put
            | Kind::PutReply
            | Kind::Get
            | Kind::GetReply
            | Kind::Store
            | Kind::StoreAck
            | Kind::Fetch
            | Kind::FetchReply
            | Kind::Probe
            | Kind::ProbeReply
            | Kind::StoreHint => self.anything(),
        }
    }

    /// All that a client does hangs together.
    fn at_client(mut self, client: ClientId, class: &Class) -> Ever<Leaderless> {
        let program = &self.scenario.clients[client.0 as usize].operations;
        self.writes_all(&[Family::Pending, Family::Trailing, Family::Sequence, Family::Timer]);
        let own = &mut self.ever.touches.writes;
        own.insert(Part::Program);
        own.insert_family(Sort::Context);
        self.tells();
        let of = match class {
            Class::Beginning(at) => Some(RequestId { client, sequence: *at as u64 }),
            Class::Arrival(_, of) => *of,
            Class::Expiry(Timer::Request(of)) => Some(*of),
            Class::Expiry(_) | Class::Start | Class::Command => None,
        };
        let Some(request) = of.filter(|of| of.client == client) else { return self.ever };
        let operation = self.operation(request);
        let via: NodeSet = operation.via.iter().copied().collect();
        let is_begun = !matches!(class, Class::Arrival(..));
        if is_begun {
            let asks = match operation.action {
                PlannedAction::Get => MessageKind::Get,
                PlannedAction::Put { .. } => MessageKind::Put,
            };
            self.sends(asks, request, via);
        }
        if self.scenario.fan_out == FanOut::ClientDriven {
            let homes = self.homes(request);
            self.sends(MessageKind::Fetch, request, homes).sends(
                MessageKind::Store,
                request,
                homes,
            );
            self.sends_to_all(&[MessageKind::Repair]);
        }
        self.sets(request);
        // It may end with this.
        let next = request.sequence as usize + 1;
        if next < program.len() {
            self.leads(self.peer, Class::Beginning(next));
        }
        self.ever
    }
}
