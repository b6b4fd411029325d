//! Steps held against what they declare.

use std::collections::BTreeSet;
use std::hash::Hash;

use super::{Component, Footprint, Region};

/// What one step comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stepped<S, E> {
    /// The actor afterwards.
    pub after: S,
    /// What it caused outside itself: messages, in any order.
    pub effects: Vec<E>,
    /// Whether an observer is told something.
    pub tells: bool,
}

/// An actor whose steps declare what they touch.
pub trait Actor {
    /// Its state.
    type State: Clone + PartialEq;
    /// What reaches it.
    type Input: Clone;
    /// The parts of its state.
    type Component: Component;
    /// What it causes outside itself.
    type Effect: Clone + Ord;
    /// Kinds of effects.
    type Kind: Copy + Ord + Hash + std::fmt::Debug;

    /// What a step declares to touch.
    fn footprint(
        &self,
        state: &Self::State,
        input: &Self::Input,
    ) -> Footprint<Self::Component, Self::Kind>;

    /// Whether an input can come in this state at all. The same answer where what is not declared differs.
    fn is_possible(&self, state: &Self::State, input: &Self::Input) -> bool {
        let _ = (state, input);
        true
    }

    /// Whether components fit together that were taken from two states: a step may rely on what is so in
    /// every state of the actor. Where they do not, nothing is compared.
    fn is_coherent(&self, state: &Self::State) -> bool {
        let _ = state;
        true
    }

    /// The step itself.
    fn step(&self, state: &Self::State, input: &Self::Input) -> Stepped<Self::State, Self::Effect>;

    /// The kind of an effect.
    fn kind(&self, effect: &Self::Effect) -> Self::Kind;

    /// The components that a state has. What it does not have is blank.
    fn components(&self, state: &Self::State) -> BTreeSet<Self::Component>;

    /// Whether a component is the same in both states.
    fn is_same(&self, component: &Self::Component, one: &Self::State, other: &Self::State) -> bool;

    /// Takes a component over from another state, and leaves all others as they are.
    fn take_over(&self, state: &mut Self::State, component: &Self::Component, from: &Self::State);
}

/// In what a step and its declaration differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lapse<C, K> {
    /// It changes this component and does not declare so.
    Changes(C),
    /// What it does depends on this component, and it does not declare so.
    Reads(C),
    /// What it does depends on several components together, none of which it declares.
    ReadsTogether(Vec<C>),
    /// It declares to join this component, and what it does elsewhere depends on it.
    ReadsWhatItJoins(C),
    /// It sends a message of this kind and does not declare so.
    Sends(K),
    /// It tells an observer something and does not declare so.
    Tells,
    /// It changes something that is no component.
    ChangesElsewhere,
    /// Two steps that declare to be independent do not commute.
    DoesNotCommute,
}

type Footprints<A> = Footprint<<A as Actor>::Component, <A as Actor>::Kind>;
type Steps<A> = Stepped<<A as Actor>::State, <A as Actor>::Effect>;
type Lapses<A> = Lapse<<A as Actor>::Component, <A as Actor>::Kind>;

/// Takes a step and compares it with what it `declares`: what it changed and sent; and whether it does the
/// same where components that it declares not to read are as they are in one of the `donors`, which are other
/// states of the same actor.
pub fn examine<A: Actor>(
    actor: &A,
    declares: &dyn Fn(&A::State) -> Footprints<A>,
    state: &A::State,
    input: &A::Input,
    donors: &[&A::State],
) -> Vec<Lapses<A>> {
    let declared = declares(state);
    let step = actor.step(state, input);
    let mut lapses = Vec::new();
    for effect in &step.effects {
        let kind = actor.kind(effect);
        if !declared.sends.contains(&kind) {
            lapses.push(Lapse::Sends(kind));
        }
    }
    if step.tells && !declared.tells {
        lapses.push(Lapse::Tells);
    }
    let own: BTreeSet<A::Component> =
        actor.components(state).union(&actor.components(&step.after)).cloned().collect();
    let mut rebuilt = state.clone();
    for component in &own {
        if !actor.is_same(component, state, &step.after) {
            if !declared.changes(component) {
                lapses.push(Lapse::Changes(component.clone()));
            }
            actor.take_over(&mut rebuilt, component, &step.after);
        }
    }
    if rebuilt != step.after {
        lapses.push(Lapse::ChangesElsewhere);
    }
    let examined = Examined { actor, declares, declared, state, input, step, own };
    for donor in donors {
        examined.without_what_is_not_declared(donor, &mut lapses);
        examined.without_what_is_joined(donor, &mut lapses);
    }
    lapses.sort();
    lapses.dedup();
    lapses
}

/// A step that was taken.
struct Examined<'a, A: Actor> {
    actor: &'a A,
    declares: &'a dyn Fn(&A::State) -> Footprints<A>,
    declared: Footprints<A>,
    state: &'a A::State,
    input: &'a A::Input,
    step: Steps<A>,
    /// The components of the states before and after.
    own: BTreeSet<A::Component>,
}

impl<A: Actor> Examined<'_, A> {
    /// Exchanges what is not declared, all of it together. If the step is another one then, looks for the
    /// component that it depends on.
    fn without_what_is_not_declared(&self, donor: &A::State, lapses: &mut Vec<Lapses<A>>) {
        let components = self.actor.components(donor);
        let all = self.own.union(&components);
        let is_strange = |component: &&A::Component| {
            !self.declared.touches(component) && !self.actor.is_same(component, self.state, donor)
        };
        let strange: Vec<A::Component> = all.filter(is_strange).cloned().collect();
        if strange.is_empty() || self.is_alike_with(donor, &strange, &Region::default()) {
            return;
        }
        let before = lapses.len();
        for component in &strange {
            let alone = core::slice::from_ref(component);
            if !self.is_alike_with(donor, alone, &Region::default()) {
                lapses.push(Lapse::Reads(component.clone()));
            }
        }
        if lapses.len() == before {
            lapses.push(Lapse::ReadsTogether(strange));
        }
    }

    /// Exchanges what is joined, one by one: only what becomes of that itself may differ.
    fn without_what_is_joined(&self, donor: &A::State, lapses: &mut Vec<Lapses<A>>) {
        let components = self.actor.components(donor);
        for component in self.own.union(&components) {
            let is_joined = self.declared.joins.contains(component)
                && !self.declared.reads.contains(component)
                && !self.declared.writes.contains(component);
            if !is_joined || self.actor.is_same(component, self.state, donor) {
                continue;
            }
            let alone = core::slice::from_ref(component);
            let joined: Region<A::Component> = alone.iter().cloned().collect();
            if !self.is_alike_with(donor, alone, &joined) {
                lapses.push(Lapse::ReadsWhatItJoins(component.clone()));
            }
        }
    }

    /// Whether the step declares and does the same where these components are the donor's. Nothing is asked
    /// about what becomes of those that are `free`.
    fn is_alike_with(
        &self,
        donor: &A::State,
        components: &[A::Component],
        free: &Region<A::Component>,
    ) -> bool {
        let actor = self.actor;
        let mut masked = self.state.clone();
        for component in components {
            actor.take_over(&mut masked, component, donor);
        }
        if !actor.is_coherent(&masked) {
            return true;
        }
        let is_possible = actor.is_possible(&masked, self.input);
        if !is_possible || (self.declares)(&masked) != self.declared {
            return false;
        }
        let other = actor.step(&masked, self.input);
        let mut expected = masked.clone();
        for component in &self.own {
            if self.declared.changes(component) && !free.contains(component) {
                actor.take_over(&mut expected, component, &self.step.after);
            }
        }
        for component in components.iter().filter(|component| free.contains(component)) {
            actor.take_over(&mut expected, component, &other.after);
        }
        // What is joined may be news or not, so a join tells or does not.
        let tells_alike = other.tells == self.step.tells || !free.is_empty();
        other.after == expected
            && tells_alike
            && sorted(&other.effects) == sorted(&self.step.effects)
    }
}

/// Takes two steps in both orders, if they declare to be independent. `None` if they do not, otherwise
/// whether they commute.
pub fn commute<A: Actor>(
    actor: &A,
    declares: impl Fn(&A::State, &A::Input) -> Footprints<A>,
    state: &A::State,
    inputs: [&A::Input; 2],
) -> Option<bool> {
    let [one, other] = inputs;
    if !declares(state, one).is_independent_of(&declares(state, other)) {
        return None;
    }
    let run = |first: &A::Input, second: &A::Input| {
        let then = actor.step(state, first);
        let last = actor.step(&then.after, second);
        let effects: Vec<A::Effect> = then.effects.into_iter().chain(last.effects).collect();
        (last.after, sorted(&effects))
    };
    Some(run(one, other) == run(other, one))
}

fn sorted<E: Clone + Ord>(effects: &[E]) -> Vec<E> {
    let mut effects = effects.to_vec();
    effects.sort();
    effects
}
