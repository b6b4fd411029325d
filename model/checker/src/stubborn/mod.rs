//! Stubborn sets, derived from what a protocol declares.
//!
//! In a state in which much can happen, a search with this rule takes some of it and puts the rest off, if whatever else can
//! happen, now or later, neither depends on what is taken nor disturbs it. These are the stubborn sets of Valmari (*Stubborn sets
//! for reduced state space generation*, 1990), found by a closure over what is declared, as Laarman, Pater,
//! van de Pol and Weber do from guards (*Guard-based partial-order reduction*, SPIN 2013). A protocol says what its events
//! may touch by implementing [`Declares`]; the rule is the same for all.
//!
//! *What is chosen* are deliveries, one or several, that nobody sees: they tell observers nothing and change only what
//! no property looks at. A set of them is closed: as long as something else can happen that leads, over however
//! many steps, to an event that one of them is not independent of, it is taken in; and where that is no delivery
//! of this kind, the set is given up. So in every run each of the chosen may come first, with the same end.
//!
//! *What is kept.* A run that shows something leads, with what was chosen moved to its front or added there, to a state that
//! shows it too, since nobody sees what was chosen. So a condition of single states is shown by some state of
//! the reduced search if and only if some state shows it; and a state in which nothing is possible is kept. Lengths are not:
//! what is chosen need not be part of a shortest run. Where fair runs end is not claimed to be
//! kept, and whoever uses the rule must leave it off where that is asked.
//!
//! *Nothing is ignored for ever.* A search could choose round a cycle, and put off for ever what it does not choose.
//! The usual proviso looks at the states of a cycle. Here none is needed: deliveries of a class that can lead to
//! one of its own class, over deliveries alone, are not chosen; and without those, chosen deliveries come to an end,
//! since each uses up a message, and a chain of causes is no longer than there are classes.

mod comparing;
mod table;

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use derive_where::derive_where;
use quorate_ids::{NodeId, Peer};

use crate::footprint::{Component, Footprint};
use crate::shared::Shared;
use crate::world::{Action, ActorState, Envelope, Environment, Event, Protocol, Seat, State};
pub use comparing::undeclared;
use table::{Bits, Table};

/// What an event touches: parts of its actor's state.
pub type Touches<P> = Footprint<<P as Declares>::Part, &'static str>;

/// A protocol that declares what its events may touch and lead to.
pub trait Declares: Protocol {
    /// What can reach an actor, as far as declarations tell it apart: a kind of message about one request, a timer, a start.
    type Class: Clone + Ord + Hash + Debug + Send + Sync;
    /// The parts of an actor's state, as far as declarations tell them apart.
    type Part: Component + Send + Sync;
    /// What is known, in a state, of all that can still happen: which faults are left.
    type Outlook: Clone + Eq + Hash + Send + Sync;

    /// What is known of all that can happen from here on; it must stay true. `None` where declarations say too
    /// little, and nothing may be left out: where nodes wait until older messages are gone, for instance.
    fn outlook(&self, environment: &Environment, state: &State<Self>) -> Option<Self::Outlook>;

    /// Of which class an event is, for this actor as it is.
    fn class(&self, actor: &ActorState<Self>, event: &Event<Self>) -> Self::Class;

    /// Whether events of this class are arrivals of messages.
    fn is_arrival(&self, class: &Self::Class) -> bool;

    /// What any event of this class may touch at this actor in any state, and what it may lead to by itself: what
    /// can arrive because of what it sends, which timers it may set, what may start there because it happened.
    fn ever(&self, outlook: &Self::Outlook, peer: Peer, class: &Self::Class) -> Ever<Self>;

    /// What this event touches at this actor as it is. Looks at no more than it says that the event reads.
    fn now(&self, peer: Peer, seat: &Seat<Self>, event: &Event<Self>) -> Touches<Self>;

    /// Whether a timer of this actor may ever expire, from here on.
    fn may_ever_expire(&self, outlook: &Self::Outlook, peer: Peer, timer: Self::Timer) -> bool;

    /// Whether parts of this family are nobody's business: no property looks at them, no other actor, and
    /// they are on no disk.
    fn is_private(&self, family: <Self::Part as Component>::Family) -> bool;

    /// Whether an event of the second class depends, other than by messages and by the state of its own actor, on
    /// whether one of the first has happened: whether a timer may expire, or a client start, may depend on what
    /// is under way and on how others stand.
    fn is_watched(
        &self,
        outlook: &Self::Outlook,
        one: (Peer, &Self::Class),
        by: (Peer, &Self::Class),
    ) -> bool;
}

/// What holds of all events of a class at one actor.
#[derive_where(Clone)]
pub struct Ever<P: Declares> {
    /// What they may touch.
    pub touches: Touches<P>,
    /// What they may lead to: at whom, and of which class.
    pub leads_to: Vec<(Peer, P::Class)>,
}

/// Finds stubborn sets, and remembers what it worked out of declarations.
#[derive_where(Default)]
pub struct Stubborn<P: Declares> {
    tables: Mutex<HashMap<P::Outlook, Arc<Table<P>>>>,
}

/// Something that can happen from a state on, with nothing else before it.
struct Seed<P: Declares> {
    peer: Peer,
    class: P::Class,
    /// Which of the deliveries it is that may be chosen, if it is one.
    choice: Option<usize>,
}

/// A delivery that may be chosen.
struct Choice<P: Declares> {
    message: Shared<Envelope<P>>,
    class: P::Class,
    touches: Touches<P>,
}

impl<P: Declares> Stubborn<P> {
    /// Takes out of what may happen in a state what may be put off; says how much that is.
    pub fn restrict(
        &self,
        protocol: &P,
        environment: &Environment,
        state: &State<P>,
        actions: &mut Vec<Action<P>>,
    ) -> usize {
        let Some(outlook) = protocol.outlook(environment, state) else { return 0 };
        let faults = state.faults;
        let may_split = faults.partitions > 0 || !state.groups.is_empty() && environment.heals;
        let may_be_struck = faults.drops > 0 || faults.duplicates > 0 || faults.lies > 0;
        if may_be_struck || may_split || actions.len() < 2 {
            return 0;
        }
        let choices = choices(protocol, environment, state, actions);
        if choices.is_empty() {
            return 0;
        }
        let seeds = seeds(protocol, environment, &outlook, state, &choices);
        let table = self.table(protocol, &outlook, &seeds);
        let Some(chosen) = smallest(protocol, &table, &choices, &seeds) else { return 0 };
        if chosen.len() >= actions.len() {
            return 0;
        }
        let all = actions.len();
        let is_chosen = |action: &Action<P>| {
            let Action::Deliver(sent) = action else { return false };
            chosen.iter().any(|at| choices[*at].message == *sent)
        };
        actions.retain(is_chosen);
        all - actions.len()
    }

    /// What was worked out for this outlook, with these seeds in it.
    fn table(&self, protocol: &P, outlook: &P::Outlook, seeds: &[Seed<P>]) -> Arc<Table<P>> {
        let mut tables = self.tables.lock().expect("nobody panics with it");
        let known = tables.get(outlook);
        let is_known = |table: &Arc<Table<P>>| {
            seeds.iter().all(|seed| table.id(seed.peer, &seed.class).is_some())
        };
        if let Some(table) = known.filter(|table| is_known(table)) {
            return Arc::clone(table);
        }
        let before = known.into_iter().flat_map(|table| table.places().to_vec());
        let roots = seeds.iter().map(|seed| (seed.peer, seed.class.clone()));
        let roots = before.chain(roots).collect();
        let table = Arc::new(Table::new(protocol, outlook, roots));
        tables.insert(outlook.clone(), Arc::clone(&table));
        table
    }
}

/// The deliveries that may be chosen, of which no fault that is left can take anything away: those that nobody sees.
fn choices<P: Declares>(
    protocol: &P,
    environment: &Environment,
    state: &State<P>,
    actions: &[Action<P>],
) -> Vec<Choice<P>> {
    let may_stop = |peer: Peer| match peer {
        Peer::Node(node) => {
            state.down.contains(node)
                || state.faults.crashes > 0 && environment.faulty.contains(node)
        }
        Peer::Client(_) => false,
    };
    let choice = |action: &Action<P>| {
        let Action::Deliver(message) = action else { return None };
        if may_stop(message.to) {
            return None;
        }
        let seat = &state.seats[environment.index(message.to)];
        let event = Event::Receive(Shared::clone(message));
        let touches = protocol.now(message.to, seat, &event);
        let changed = touches.writes.union(&touches.joins).families();
        let is_unseen =
            !touches.tells && changed.into_iter().all(|family| protocol.is_private(family));
        let class = protocol.class(&seat.state, &event);
        is_unseen.then(|| Choice { message: Shared::clone(message), class, touches })
    };
    actions.iter().filter_map(choice).collect()
}

/// Everything that can happen from here on with nothing before it, whether or not it may happen now.
fn seeds<P: Declares>(
    protocol: &P,
    environment: &Environment,
    outlook: &P::Outlook,
    state: &State<P>,
    choices: &[Choice<P>],
) -> Vec<Seed<P>> {
    let mut seeds = Vec::new();
    for (index, seat) in state.seats.iter().enumerate() {
        let peer = environment.peer(index);
        let mut add = |event: Event<P>| {
            let class = protocol.class(&seat.state, &event);
            seeds.push(Seed { peer, class, choice: None });
        };
        let timers = seat.timers.iter().copied();
        timers
            .filter(|timer| protocol.may_ever_expire(outlook, peer, *timer))
            .for_each(|timer| add(Event::Expire(peer, timer)));
        match (peer, &seat.state) {
            (Peer::Client(client), ActorState::Client(actor)) => protocol
                .coordinators(client, actor)
                .for_each(|coordinator| add(Event::Invoke(client, coordinator))),
            (Peer::Node(node), _) if may_start(environment, state, node) => {
                add(Event::Restart(node));
            }
            _ => {}
        }
    }
    for (position, sent) in state.network.iter().enumerate() {
        if position > 0 && state.network[position - 1] == *sent {
            continue;
        }
        let choice = choices.iter().position(|choice| choice.message == *sent);
        let seat = &state.seats[environment.index(sent.to)];
        let class = protocol.class(&seat.state, &Event::Receive(Shared::clone(sent)));
        seeds.push(Seed { peer: sent.to, class, choice });
    }
    seeds
}

/// Whether a node may start, now or after it has stopped.
fn may_start<P: Protocol>(environment: &Environment, state: &State<P>, node: NodeId) -> bool {
    let returns = environment.down_returns || !environment.down.contains(node);
    state.down.contains(node) && returns
        || state.faults.crashes > 0 && environment.faulty.contains(node)
}

/// A smallest closed set of choices: with each of them as the first, in turn. `None` if there is none.
fn smallest<P: Declares>(
    protocol: &P,
    table: &Table<P>,
    choices: &[Choice<P>],
    seeds: &[Seed<P>],
) -> Option<Vec<usize>> {
    let mut best: Option<Vec<usize>> = None;
    for first in 0..choices.len() {
        let most = best.as_ref().map_or(usize::MAX, Vec::len);
        if let Some(set) = closed(protocol, table, choices, seeds, first, most) {
            if set.len() == 1 {
                return Some(set);
            }
            best = Some(set);
        }
    }
    best
}

/// The least closed set with this choice, if it is made of choices alone and has fewer than so many of them.
fn closed<P: Declares>(
    protocol: &P,
    table: &Table<P>,
    choices: &[Choice<P>],
    seeds: &[Seed<P>],
    first: usize,
    most: usize,
) -> Option<Vec<usize>> {
    let mut set = Vec::from([first]);
    let mut disturbing = Bits::default();
    let mut looked_at = 0;
    while let Some(at) = set.get(looked_at).copied() {
        looked_at += 1;
        let Choice { message, class, touches } = &choices[at];
        if table.leads_to_itself(message.to, class) {
            return None;
        }
        disturbing.add(&table.disturbing(protocol, message.to, class, touches));
        for seed in seeds {
            if seed.choice.is_some_and(|choice| set.contains(&choice))
                || !table.may_lead_to(seed.peer, &seed.class, &disturbing)
            {
                continue;
            }
            set.push(seed.choice?);
            if set.len() >= most {
                return None;
            }
        }
    }
    Some(set)
}
