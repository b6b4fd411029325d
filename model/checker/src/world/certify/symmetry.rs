//! That permutations of clients are automorphisms of the model: obligations of the rule that takes states for
//! the same which differ by one.

use super::super::World;
use super::super::action::Action;
use super::super::reduces::Reduces;
use super::super::state::State;
use super::super::words::Words;
use super::{Certifier, Discharge, Obligation, Place};
use crate::system::System;

impl<P: Reduces, W: Words<P> + Sync> Certifier<'_, P, W> {
    /// Looks at what a state does under other names of clients: under every exchange of clients that the reduced
    /// search takes for a change of names.
    pub(super) fn exchange_clients(&self, visited: &State<P>) {
        for permutation in 1..self.reduced.protocol().exchanges() {
            // What has no image is taken for nothing else.
            let Some(image) = self.reduced.protocol().image(permutation, visited) else { continue };
            let shows_the_same = self.shows_the_same(visited, &image);
            let discharge = shows_the_same.then_some(Discharge::Exactly);
            let place = Place { visited, step: None };
            self.note(Obligation::Symmetry, discharge, place, None);
            for model in [&self.unreduced, &self.reduced] {
                self.take_steps_under_other_names(model, permutation, visited, &image);
            }
        }
    }

    /// Whether a state and its image show the same, and are at the same goals.
    fn shows_the_same(&self, state: &State<P>, image: &State<P>) -> bool {
        let meets = |goal, state| self.judged.meets(goal, state);
        let mut goals = 0..self.judged.goals();
        self.shows_as(state, image) && goals.all(|goal| meets(goal, state) == meets(goal, image))
    }

    /// Whether two states show the same of what single states show.
    pub(super) fn shows_as(&self, state: &State<P>, other: &State<P>) -> bool {
        let shows = |condition, state| self.judged.shows(condition, state);
        let mut conditions = 0..self.judged.conditions();
        conditions.all(|condition| shows(condition, state) == shows(condition, other))
    }

    /// What may happen in a state may happen in its image, under other names, and leads to the image of what it
    /// leads to; and nothing else may happen there.
    fn take_steps_under_other_names(
        &self,
        model: &World<P>,
        permutation: usize,
        visited: &State<P>,
        image: &State<P>,
    ) {
        let (mut here, mut there): (Vec<Action<P>>, Vec<Action<P>>) = (Vec::new(), Vec::new());
        model.offer(visited, &mut here);
        model.offer(image, &mut there);
        for action in &here {
            let other = self.reduced.protocol().image_of_action(permutation, action);
            let at = other.and_then(|other| there.iter().position(|offered| *offered == other));
            let leads_to_image = |at: usize| {
                let other = model.apply(image, there.swap_remove(at));
                match (model.apply(visited, action.clone()), other) {
                    (Some(after), Some(other)) => {
                        let expected = self.reduced.protocol().image(permutation, &after);
                        expected.is_none_or(|expected| expected == other)
                    }
                    (after, other) => after.is_none() && other.is_none(),
                }
            };
            let discharge = at.is_some_and(leads_to_image).then_some(Discharge::Exactly);
            let place = Place { visited, step: Some(action) };
            self.note(Obligation::Symmetry, discharge, place, None);
        }
        for action in &there {
            let place = Place { visited, step: None };
            self.note(Obligation::Symmetry, None, place, Some((image, action)));
        }
    }
}
