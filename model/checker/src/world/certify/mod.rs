//! Certificates for the reductions of a search: what was left out is compared, state by state, with what the
//! unreduced model does.
//!
//! A reduced search visits states in a *canonical form*: what takes no time has arrived, and what nothing can
//! read again is gone. Five kinds of obligation are discharged in each state that it visits, by taking the steps
//! of the unreduced model there:
//!
//! - *One step*: every action of the unreduced model, the ones that a rule leaves out among them, leads to a
//!   state whose canonical form is visited too.
//! - *Delay*: where an action causes messages that are taken to arrive at once, every other action that may
//!   come before they do leads to a state whose canonical form is visited too.
//! - *Canonical form*: a state and its canonical form simulate each other for one step. What either may do,
//!   the other may do, and both come to the same canonical form; what concerns only what was left out changes
//!   nothing.
//! - *Independence*, where a stubborn set is chosen: each chosen step and each that is put off come to the same in both orders,
//!   and nobody sees the chosen one: what observers have seen, what disks hold and what is shown stay as they are.
//! - *Symmetry*: under each exchange of clients that passes for a change of names, the same may happen, leads to the
//!   same and shows the same, by the unreduced model and by the reduced one.
//!
//! They are local, and so is what they show: what is taken to arrive at once is put off past one action and
//! not past several. What that leaves open, whole searches of small scenarios are compared for. A state is
//! *visited too* if it was visited itself ([`Discharge::Exactly`]), or one was that is the same with more left of
//! the fault budgets, which can do whatever the state itself can ([`Discharge::WithMoreFaultsLeft`]), or in which
//! reads are obliged to more and judged no better ([`Discharge::WithMoreObliged`]). What the loss of a
//! message leads to need not be visited if it is a delay that never ends: whatever can happen without the message can
//! happen while it is under way, and leads to the same ([`Discharge::AsDelay`]). Where a property asks where runs
//! end, that is not granted to messages that carry records.
//!
//! The obligations are those of a bisimulation up to canonical forms (Milner 1989; Sangiorgi 1998), looked at in
//! the states that occur and not for all.

mod budgets;
mod independence;
mod obligation;
mod symmetry;

use derive_where::derive_where;

pub use obligation::{Discharge, Failure, Obligation};

use super::World;
use super::action::Action;
use super::judged::Judged;
use super::property::Property;
use super::protocol::Protocol;
use super::reduces::Reduces;
use super::state::State;
use super::words::Words;
use crate::counted::Counted;
use crate::explored::{Cut, Explored};
use crate::looking::Looking;
use crate::seeking::Seeking;
use crate::system::System;
use crate::traversal::{Bounds, Switch, Until, explore};
use quorate_ids::{ClientId, Peer};

/// What became of the obligations of one search.
#[derive_where(Clone, Debug)]
pub struct Certificate<P: Protocol> {
    /// How many states the search visits.
    pub distinct: usize,
    /// In how many of them obligations were looked at: in all, or in a part that is spread evenly.
    pub looked_at: u64,
    /// How many obligations of each kind were met, and how.
    pub met: Vec<((Obligation, Discharge), u64)>,
    /// How many of each kind were not, an example, and a shortest run to the state that it is about.
    pub failures: Vec<(u64, Failure, Vec<Action<P>>)>,
}

impl<P: Protocol> Certificate<P> {
    /// Whether every obligation was met, and some states were looked at.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.failures.is_empty() && self.looked_at > 0
    }

    /// How many obligations were met in this way.
    #[must_use]
    pub fn met_by(&self, obligation: Obligation, discharge: Discharge) -> u64 {
        let of = |(kind, count): &((Obligation, Discharge), u64)| {
            (*kind == (obligation, discharge)).then_some(*count)
        };
        self.met.iter().find_map(of).unwrap_or_default()
    }
}

/// How much is certified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Threads.
    pub threads: usize,
    /// In about how many states obligations are looked at, if there are more.
    pub states: usize,
    /// The most states that the search may visit: there is no certificate of a larger one.
    pub search_max: Option<usize>,
}

/// Certifies the reductions of a world's search, in which these properties are judged; `words` tell of what is not
/// met. `None` if the switch stopped it, or the search visits more states than it may.
pub fn certify<P: Reduces>(
    world: &World<P>,
    properties: impl IntoIterator<Item = Property<P>>,
    words: &(impl Words<P> + Sync),
    extent: Extent,
    switch: &Switch,
) -> Option<Certificate<P>> {
    let bounds =
        Bounds { threads: extent.threads, states_max: extent.search_max, ..Bounds::default() };
    let system = Judged::new(world, []);
    let first = explore(&system, &bounds, switch);
    if !first.is_exhausted() {
        return None;
    }
    let protocol = world.protocol();
    let certifier = Certifier {
        uncanonical: world.with_protocol(protocol.without_canonical_forms()),
        unreduced: world.with_protocol(protocol.unreduced()),
        judged: Judged::new(&world.with_fresh_counters(), properties),
        one_in: (first.distinct() / extent.states.max(1)).max(1) as u64,
        counted: Counted::default(),
        reduced: world.clone(),
        words,
        system,
        first,
    };
    let look = |state: &State<P>, _: &mut Vec<Action<P>>| certifier.look_at(state);
    let looking = Looking { system: &certifier.system, look };
    if explore(&looking, &bounds, switch).cut() == Some(Cut::Stopped) {
        return None;
    }
    Some(certifier.told())
}

/// What is counted: states that were looked at, and obligations, met or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    LookedAt,
    Met(Obligation, Discharge),
    NotMet(Obligation),
}

struct Certifier<'w, P: Protocol, W> {
    reduced: World<P>,
    /// The same without canonical forms.
    uncanonical: World<P>,
    unreduced: World<P>,
    words: &'w W,
    system: Judged<P>,
    first: Explored,
    /// Of so many states one is looked at.
    one_in: u64,
    /// The same, with what is judged.
    judged: Judged<P>,
    counted: Counted<Kind, Option<Failure>>,
}

/// Where an obligation comes up.
#[derive_where(Clone, Copy)]
struct Place<'a, P: Protocol> {
    /// A visited state.
    visited: &'a State<P>,
    /// A step that was taken from there.
    step: Option<&'a Action<P>>,
}

impl<P: Reduces, W: Words<P> + Sync> Certifier<'_, P, W> {
    /// Looks at the obligations of one visited state.
    fn look_at(&self, visited: &State<P>) {
        if !self.system.fingerprint(visited).is_multiple_of(self.one_in) {
            return;
        }
        self.counted.note(Kind::LookedAt, None);
        let chosen = self.choose(visited);
        self.take_steps(visited, chosen.as_deref());
        self.exchange_clients(visited);
        let mut actions = Vec::new();
        self.reduced.offer(visited, &mut actions);
        for action in &actions {
            let before = self.uncanonical.apply(visited, action.clone());
            let after = self.reduced.apply(visited, action.clone());
            if let (Some(before), Some(after)) = (before, after) {
                self.compare(&before, &after, Place { visited, step: Some(action) });
            }
        }
        // What one form leaves out may make more superfluous.
        let again = self.reduced.canonical(visited, visited);
        self.compare(visited, &again, Place { visited, step: None });
    }

    /// Every step of the unreduced model from here, and every step that may come before what it causes
    /// has arrived.
    fn take_steps(&self, visited: &State<P>, chosen: Option<&[Action<P>]>) {
        let mut actions = Vec::new();
        self.unreduced.offer(visited, &mut actions);
        for action in &actions {
            if let Some(chosen) = chosen.filter(|chosen| !chosen.contains(action)) {
                self.put_off(visited, chosen, action);
                continue;
            }
            let Some(after) = self.unreduced.apply(visited, action.clone()) else { continue };
            let place = Place { visited, step: Some(action) };
            let discharge = self
                .leads_to_visited(visited, visited, action, &after)
                .or_else(|| self.obliges_less_than_at_once(visited, &[action], &after));
            self.note(Obligation::OneStep, discharge, place, None);
            if self.reduced.overdue(visited, &after).is_none() {
                continue;
            }
            let mut then = Vec::new();
            self.unreduced.offer(&after, &mut then);
            for second in &then {
                let Some(last) = self.unreduced.apply(&after, second.clone()) else { continue };
                let discharge = self
                    .leads_to_visited(visited, &after, second, &last)
                    .or_else(|| self.obliges_less(visited, [action, second], &last))
                    .or_else(|| self.obliges_less(visited, [second, action], &last))
                    .or_else(|| self.obliges_less_than_at_once(visited, &[action], &last))
                    .or_else(|| self.obliges_less_than_at_once(visited, &[action, second], &last))
                    .or_else(|| self.obliges_less_than_at_once(visited, &[second, action], &last));
                self.note(Obligation::Delay, discharge, place, Some((&after, second)));
            }
        }
    }

    /// How the obligation is met that the canonical form of what a step leads to is visited.
    fn leads_to_visited(
        &self,
        visited: &State<P>,
        before: &State<P>,
        action: &Action<P>,
        after: &State<P>,
    ) -> Option<Discharge> {
        let canonical = self.reduced.canonical(visited, after);
        if self.has_visited(&canonical) {
            return Some(Discharge::Exactly);
        }
        // What one form leaves out may make more superfluous.
        let for_good = self.canonical_for_good(&canonical, &canonical);
        if for_good != canonical && self.has_visited(&for_good) {
            self.compare(&canonical, &for_good, Place { visited, step: None });
            return Some(Discharge::Exactly);
        }
        let most = self.reduced.environment().faults;
        let more = budgets::with_more(canonical.faults, most)
            .any(|faults| self.has_visited(&State { faults, ..canonical.clone() }));
        if more {
            return Some(Discharge::WithMoreFaultsLeft);
        }
        self.is_delay(before, action, after).then_some(Discharge::AsDelay)
    }

    /// Whether two steps, each with what it causes, come to the same one after the other, only that more was
    /// promised then: reads begin after more has ended, and a client has heard that its write is stored where it
    /// may never hear of it.
    fn obliges_less(
        &self,
        visited: &State<P>,
        steps: [&Action<P>; 2],
        last: &State<P>,
    ) -> Option<Discharge> {
        let mut more = visited.clone();
        for step in steps {
            let mut offered = Vec::new();
            self.unreduced.offer(&more, &mut offered);
            if !offered.contains(step) {
                return None;
            }
            let next = self.unreduced.apply(&more, step.clone())?;
            more = self.reduced.canonical(&more, &next);
        }
        self.is_less_obliged(visited, &more, last)
    }

    /// The same by the steps of the reduced model: what they cause arrives in the order in which it was sent, and not in
    /// that in which states list messages.
    fn obliges_less_than_at_once(
        &self,
        visited: &State<P>,
        steps: &[&Action<P>],
        last: &State<P>,
    ) -> Option<Discharge> {
        let mut more = visited.clone();
        for step in steps {
            let mut offered = Vec::new();
            self.reduced.offer(&more, &mut offered);
            if !offered.contains(step) {
                return None;
            }
            more = self.reduced.apply(&more, (*step).clone())?;
        }
        self.is_less_obliged(visited, &more, last)
    }

    /// Whether a state is visited that is the same as another one's canonical form, only that more was promised.
    fn is_less_obliged(
        &self,
        visited: &State<P>,
        more: &State<P>,
        last: &State<P>,
    ) -> Option<Discharge> {
        let mut less = self.learn_that_nobody_answers(self.reduced.canonical(visited, last), more);
        if !self.has_visited(more)
            || !self.reduced.protocol().obliges_as_much_as(&more.history, &less.history)
        {
            return None;
        }
        less.history = more.history.clone();
        (less == *more).then_some(Discharge::WithMoreObliged)
    }

    /// A state once clients have given up that wait for an answer which never comes, and are told what they
    /// asked for in another one. Their timers cost nothing then.
    fn learn_that_nobody_answers(&self, mut state: State<P>, told: &State<P>) -> State<P> {
        let waits = |state: &State<P>, client: ClientId| {
            state.client(client).is_some_and(|client| self.reduced.protocol().waits(client))
        };
        for client in (0..self.reduced.environment().clients as u64).map(ClientId) {
            if !waits(&state, client) || waits(told, client) {
                continue;
            }
            let mut offered = Vec::new();
            self.unreduced.offer(&state, &mut offered);
            let is_its_timer = |action: &&Action<P>| matches!(action, Action::Expire { peer: Peer::Client(of), .. } if *of == client);
            let expiry = offered.iter().find(is_its_timer);
            let after = expiry.and_then(|expiry| self.unreduced.apply(&state, expiry.clone()));
            if let Some(after) = after.filter(|after| after.faults == state.faults) {
                state = self.reduced.canonical(&state, &after);
            }
        }
        state
    }

    /// Whether a step loses a message without which nothing more can happen than while it is under
    /// way.
    fn is_delay(&self, before: &State<P>, action: &Action<P>, after: &State<P>) -> bool {
        let Action::Drop(lost) = action else { return false };
        if self.judged.goals() > 0 && self.reduced.protocol().carries_data(&lost.message) {
            return false;
        }
        let (mut without, mut with) = (Vec::new(), Vec::new());
        self.unreduced.offer(after, &mut without);
        self.unreduced.offer(before, &mut with);
        without.into_iter().all(|next| {
            let Some(mut lost_then) = self.unreduced.apply(after, next.clone()) else {
                return true;
            };
            let is_offered = with.contains(&next);
            let late_then = is_offered.then(|| self.unreduced.apply(before, next)).flatten();
            late_then.is_some_and(|mut late_then| {
                late_then.network.take(lost);
                late_then.faults = Default::default();
                lost_then.faults = Default::default();
                late_then == lost_then
            })
        })
    }

    /// Compares what a state and its canonical form do in one step.
    fn compare(&self, state: &State<P>, form: &State<P>, place: Place<'_, P>) {
        if state == form {
            return;
        }
        let form_for_good = self.canonical_for_good(form, form);
        let (mut here, mut there) = (Vec::new(), Vec::new());
        self.unreduced.offer(state, &mut here);
        self.unreduced.offer(form, &mut there);
        for action in &here {
            let Some(after) = self.unreduced.apply(state, action.clone()) else { continue };
            let mut after = self.canonical_for_good(state, &after);
            let is_offered = there.contains(action);
            let other = if is_offered {
                let other = self.unreduced.apply(form, action.clone());
                other.map(|other| self.canonical_for_good(form, &other))
            } else {
                // What concerns only what was left out changes nothing, but for a fault that it may spend.
                Some(form_for_good.clone())
            };
            let discharge = other.and_then(|other| {
                if after == other {
                    return Some(Discharge::Exactly);
                }
                after.faults = other.faults;
                (after == other && !is_offered).then_some(Discharge::WithMoreFaultsLeft)
            });
            let then = Some((state, action));
            self.note(Obligation::CanonicalForm, discharge, place, then);
        }
        // What the form may do and the state may not, since something is under way, the state may do once that
        // has arrived.
        let (arrived, _) = self.unreduced.let_arrive_what_was_left_out(state, form);
        let (mut once_arrived, since) = (Vec::new(), &arrived);
        self.unreduced.offer(since, &mut once_arrived);
        for action in there.iter().filter(|action| !here.contains(action)) {
            let discharge = || {
                let after = self.unreduced.apply(since, action.clone())?;
                let other = self.unreduced.apply(form, action.clone())?;
                let after = self.canonical_for_good(since, &after);
                (after == self.canonical_for_good(form, &other)).then_some(Discharge::Exactly)
            };
            let discharge = once_arrived.contains(action).then(discharge).flatten();
            self.note(Obligation::CanonicalForm, discharge, place, Some((form, action)));
        }
    }

    /// The canonical form of the canonical form, and so on.
    fn canonical_for_good(&self, since: &State<P>, state: &State<P>) -> State<P> {
        let mut state = self.reduced.canonical(since, state);
        loop {
            let again = self.reduced.canonical(&state, &state);
            if again == state {
                return state;
            }
            state = again;
        }
    }

    /// Whether the reduced search has visited this state, or one that it takes for the same.
    fn has_visited(&self, state: &State<P>) -> bool {
        self.first.has_visited(self.system.fingerprint(state))
    }

    fn note(
        &self,
        obligation: Obligation,
        discharge: Option<Discharge>,
        place: Place<'_, P>,
        then: Option<(&State<P>, &Action<P>)>,
    ) {
        match discharge {
            Some(discharge) => self.counted.note(Kind::Met(obligation, discharge), None),
            None => {
                let told = |action: &Action<P>| self.words.tell(place.visited, action);
                let failure = Failure {
                    obligation,
                    state: self.system.fingerprint(place.visited),
                    step: place.step.map(told),
                    then: then.map(|(state, action)| self.words.tell(state, action)),
                };
                self.counted.note(Kind::NotMet(obligation), Some(failure));
            }
        }
    }

    fn told(mut self) -> Certificate<P> {
        let counted = core::mem::take(&mut self.counted).into_counts();
        let (mut looked_at, mut met, mut failures) = (0, Vec::new(), Vec::new());
        for (kind, (count, example)) in counted {
            match (kind, example) {
                (Kind::LookedAt, _) => looked_at = count,
                (Kind::Met(obligation, discharge), _) => met.push(((obligation, discharge), count)),
                (Kind::NotMet(_), Some(failure)) => {
                    let run = self.run_to(failure.state);
                    failures.push((count, failure, run));
                }
                (Kind::NotMet(_), None) => panic!("what was not met has an example"),
            }
        }
        Certificate { distinct: self.first.distinct(), looked_at, met, failures }
    }

    /// A shortest run of the reduced search to the state of this name.
    fn run_to(&self, wanted: u64) -> Vec<Action<P>> {
        let system = self.system.uncounted();
        let is_wanted = |state: &State<P>| system.fingerprint(state) == wanted;
        let seeking = Seeking { system: &system, wanted: &[&is_wanted] };
        let bounds = Bounds { until: Until::AllShown(1), ..Bounds::default() };
        let explored = explore(&seeking, &bounds, &Switch::default());
        explored.first(0).map_or_else(Vec::new, |state| explored.run_to(&seeking, state))
    }
}
