//! That permutations of clients are automorphisms of the model: obligations of the rule that takes states for
//! the same which differ by one.

use alloc::vec::Vec;

use quorate_checker::System;
use stateright::Model;

use super::{Certifier, Discharge, Obligation, Place};
use crate::check::action::Action;
use crate::check::model::ClusterModel;
use crate::check::state::ClusterState;
use crate::scenario::Rule;

impl Certifier {
    /// Looks at what a state does under other names of clients: under every exchange of clients that the reduced
    /// search takes for a change of names.
    pub(super) fn exchange_clients(&self, visited: &ClusterState) {
        if !self.reduced.scenario().reductions.has(Rule::ClientSymmetry) {
            return;
        }
        for permutation in 1..self.reduced.permutations().len() {
            // What has no image is taken for nothing else.
            let Some(image) = self.reduced.image(permutation, visited) else { continue };
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
    fn shows_the_same(&self, state: &ClusterState, image: &ClusterState) -> bool {
        let model = &self.reduced;
        let conditions = model.conditions().iter();
        let mut conditions =
            conditions.map(|of| of.is_met(model, state) == of.is_met(model, image));
        let goals = 0..self.goals.goals();
        let mut goals =
            goals.map(|goal| self.goals.meets(goal, state) == self.goals.meets(goal, image));
        conditions.all(|is_same| is_same) && goals.all(|is_same| is_same)
    }

    /// What may happen in a state may happen in its image, under other names, and leads to the image of what it
    /// leads to; and nothing else may happen there.
    fn take_steps_under_other_names(
        &self,
        model: &ClusterModel,
        permutation: usize,
        visited: &ClusterState,
        image: &ClusterState,
    ) {
        let (mut here, mut there): (Vec<Action>, Vec<Action>) = (Vec::new(), Vec::new());
        model.actions(visited, &mut here);
        model.actions(image, &mut there);
        for action in &here {
            let other = self.reduced.image_of_action(permutation, action);
            let at = other.and_then(|other| there.iter().position(|offered| *offered == other));
            let leads_to_image = |at: usize| {
                let other = model.apply(image, there.swap_remove(at));
                match (model.apply(visited, action.clone()), other) {
                    (Some(after), Some(other)) => {
                        let expected = self.reduced.image(permutation, &after);
                        expected.is_none_or(|expected| expected == other)
                    }
                    (after, other) => after.is_none() && other.is_none(),
                }
            };
            let discharge = at.is_some_and(leads_to_image).then_some(Discharge::Exactly);
            let place = Place { visited, step: Some((model, action)) };
            self.note(Obligation::Symmetry, discharge, place, None);
        }
        for action in &there {
            let place = Place { visited, step: None };
            self.note(Obligation::Symmetry, None, place, Some((image, action)));
        }
    }
}
