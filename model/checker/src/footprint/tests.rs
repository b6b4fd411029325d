//! Laws, on actors whose state is a few numbers.

use std::collections::BTreeSet;

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;

const CELLS: u8 = 5;

/// A number of an actor; even ones are of one family, odd ones of another.
impl Component for u8 {
    type Family = bool;

    fn family(&self) -> bool {
        self % 2 == 1
    }
}

/// What a step does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Set(u8, u8),
    Add(u8, u8),
    Raise(u8, u8),
    Send(u8),
    SendIfEqual(u8, u8),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Acts(Vec<Act>);

impl Arbitrary for Act {
    fn arbitrary(g: &mut Gen) -> Self {
        let cell = |g: &mut Gen| u8::arbitrary(g) % CELLS;
        let (one, other) = (cell(g), cell(g));
        match u8::arbitrary(g) % 5 {
            0 => Act::Set(one, u8::arbitrary(g) % 4),
            1 => Act::Add(one, other),
            2 => Act::Raise(one, u8::arbitrary(g) % 4),
            3 => Act::Send(one),
            _ => Act::SendIfEqual(one, other),
        }
    }
}

impl Arbitrary for Acts {
    fn arbitrary(g: &mut Gen) -> Self {
        let acts = u8::arbitrary(g) % 3 + 1;
        Acts((0..acts).map(|_| Act::arbitrary(g)).collect())
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Cells([u8; CELLS as usize]);

impl Arbitrary for Cells {
    fn arbitrary(g: &mut Gen) -> Self {
        Cells(core::array::from_fn(|_| u8::arbitrary(g) % 4))
    }
}

struct Machine;

impl Actor for Machine {
    type State = Cells;
    type Input = Acts;
    type Component = u8;
    type Effect = (u8, u8);
    type Kind = u8;

    fn footprint(&self, _: &Cells, input: &Acts) -> Footprint<u8, u8> {
        let mut declared = Footprint::default();
        let touched_otherwise = |cell: u8, at: usize| {
            let of = |act: &Act| match *act {
                Act::Set(one, _) | Act::Raise(one, _) | Act::Send(one) => one == cell,
                Act::Add(one, other) | Act::SendIfEqual(one, other) => one == cell || other == cell,
            };
            input.0.iter().enumerate().any(|(position, act)| position != at && of(act))
        };
        for (at, act) in input.0.iter().enumerate() {
            match *act {
                Act::Set(one, _) => declared.writes.insert(one),
                Act::Add(one, other) => {
                    declared.writes.insert(one);
                    declared.reads.insert(other);
                }
                // A join stays one only if nothing else in the step looks at it.
                Act::Raise(one, _) if touched_otherwise(one, at) => declared.writes.insert(one),
                Act::Raise(one, _) => declared.joins.insert(one),
                Act::Send(one) => {
                    declared.reads.insert(one);
                    declared.sends.insert(0);
                }
                Act::SendIfEqual(one, other) => {
                    declared.reads.insert(one);
                    declared.reads.insert(other);
                    declared.sends.insert(1);
                }
            }
        }
        declared
    }

    fn step(&self, state: &Cells, input: &Acts) -> Stepped<Cells, (u8, u8)> {
        let (mut after, mut effects) = (state.clone(), Vec::new());
        for act in &input.0 {
            let cells = &mut after.0;
            match *act {
                Act::Set(one, value) => cells[usize::from(one)] = value,
                Act::Add(one, other) => {
                    cells[usize::from(one)] =
                        cells[usize::from(one)].wrapping_add(cells[usize::from(other)]);
                }
                Act::Raise(one, value) => {
                    cells[usize::from(one)] = cells[usize::from(one)].max(value);
                }
                Act::Send(one) => effects.push((0, cells[usize::from(one)])),
                Act::SendIfEqual(one, other) => {
                    if cells[usize::from(one)] == cells[usize::from(other)] {
                        effects.push((1, 0));
                    }
                }
            }
        }
        Stepped { after, effects, tells: false }
    }

    fn kind(&self, effect: &(u8, u8)) -> u8 {
        effect.0
    }

    fn components(&self, _: &Cells) -> BTreeSet<u8> {
        (0..CELLS).collect()
    }

    fn is_same(&self, component: &u8, one: &Cells, other: &Cells) -> bool {
        one.0[usize::from(*component)] == other.0[usize::from(*component)]
    }

    fn take_over(&self, state: &mut Cells, component: &u8, from: &Cells) {
        state.0[usize::from(*component)] = from.0[usize::from(*component)];
    }
}

fn region(cells: &[u8], families: &[bool]) -> Region<u8> {
    let mut region: Region<u8> = cells.iter().map(|cell| cell % CELLS).collect();
    families.iter().for_each(|family| region.insert_family(*family));
    region
}

quickcheck! {
    fn regions_meet_where_some_component_is_in_both(
        one: (Vec<u8>, Vec<bool>), other: (Vec<u8>, Vec<bool>)
    ) -> bool {
        let (one, other) = (region(&one.0, &one.1), region(&other.0, &other.1));
        let some = (0..CELLS).any(|cell| one.contains(&cell) && other.contains(&cell));
        one.meets(&other) == some && other.meets(&one) == some
    }

    fn a_union_has_what_either_has(one: (Vec<u8>, Vec<bool>), other: (Vec<u8>, Vec<bool>)) -> bool {
        let (one, other) = (region(&one.0, &one.1), region(&other.0, &other.1));
        let both = one.union(&other);
        (0..CELLS).all(|cell| both.contains(&cell) == (one.contains(&cell) || other.contains(&cell)))
    }

    fn independence_is_mutual(state: Cells, one: Acts, other: Acts) -> bool {
        let (one, other) = (Machine.footprint(&state, &one), Machine.footprint(&state, &other));
        one.is_independent_of(&other) == other.is_independent_of(&one)
    }

    fn a_union_is_independent_of_what_both_are_independent_of(
        state: Cells, one: Acts, two: Acts, other: Acts
    ) -> bool {
        let of = |acts: &Acts| Machine.footprint(&state, acts);
        let both = of(&one).union(&of(&two));
        let apart = of(&one).is_independent_of(&of(&other)) && of(&two).is_independent_of(&of(&other));
        both.is_independent_of(&of(&other)) == apart
    }

    fn independent_steps_commute(state: Cells, one: Acts, other: Acts) -> bool {
        let declares = |state: &Cells, acts: &Acts| Machine.footprint(state, acts);
        commute(&Machine, declares, &state, [&one, &other]) != Some(false)
    }

    fn steps_that_join_alone_are_independent(state: Cells, cell: u8, values: (u8, u8)) -> bool {
        let raise = |value: u8| Acts(vec![Act::Raise(cell % CELLS, value)]);
        let declares = |state: &Cells, acts: &Acts| Machine.footprint(state, acts);
        commute(&Machine, declares, &state, [&raise(values.0), &raise(values.1)]) == Some(true)
    }

    fn a_step_that_does_what_it_declares_has_no_lapse(
        state: Cells, acts: Acts, donors: Vec<Cells>
    ) -> bool {
        let declares = |state: &Cells| Machine.footprint(state, &acts);
        let donors: Vec<&Cells> = donors.iter().collect();
        examine(&Machine, &declares, &state, &acts, &donors).is_empty()
    }

    fn a_declaration_that_forgets_something_lapses_or_does_no_harm(
        state: Cells, one: Acts, other: Acts
    ) -> bool {
        let declared = Machine.footprint(&state, &one);
        // What is called a join wrongly, only the two orders of a pair may show.
        let shows = |forgetting: &Forgetting<bool, u8>| {
            !matches!(forgetting, Forgetting::WriteCalledJoin(_))
        };
        Forgetting::of(&declared).into_iter().filter(shows).all(|forgetting| {
            let wrong = |_: &Cells| forgetting.in_(&declared);
            // Every change of one cell: then nothing that is read stays hidden.
            let mut all: Vec<Cells> = Vec::new();
            for (cell, value) in (0..usize::from(CELLS)).flat_map(|cell| (0..=u8::MAX).map(move |value| (cell, value))) {
                let mut changed = state.clone();
                changed.0[cell] = value;
                all.push(changed);
            }
            let honest = |state: &Cells, acts: &Acts| {
                if *acts == one { wrong(state) } else { Machine.footprint(state, acts) }
            };
            let lapses = examine(&Machine, &wrong, &state, &one, &all.iter().collect::<Vec<_>>());
            !lapses.is_empty()
                || one == other
                || commute(&Machine, honest, &state, [&one, &other]) != Some(false)
        })
    }
}

fn lapses_of(wrong: &Footprint<u8, u8>, acts: &Acts) -> Vec<Lapse<u8, u8>> {
    let state = Cells([0, 1, 2, 3, 0]);
    let donor = Cells([1, 2, 3, 0, 1]);
    examine(&Machine, &|_| wrong.clone(), &state, acts, &[&donor])
}

#[test]
fn a_write_that_is_forgotten_is_noticed() {
    let acts = Acts(vec![Act::Set(1, 3)]);
    assert_eq!(lapses_of(&Footprint::default(), &acts)[0], Lapse::Changes(1));
}

#[test]
fn a_read_that_is_forgotten_is_noticed_and_named() {
    let acts = Acts(vec![Act::Send(2)]);
    let mut wrong = Machine.footprint(&Cells([0; 5]), &acts);
    wrong.reads = Region::default();
    assert_eq!(lapses_of(&wrong, &acts), [Lapse::Reads(2)]);
}

#[test]
fn components_that_matter_only_together_are_named_together() {
    let acts = Acts(vec![Act::SendIfEqual(0, 4)]);
    let mut wrong = Machine.footprint(&Cells([0; 5]), &acts);
    wrong.reads = Region::default();
    let state = Cells([0, 1, 2, 3, 1]);
    // Equal only when both change.
    let donor = Cells([2, 1, 2, 3, 2]);
    let lapses = examine(&Machine, &|_| wrong.clone(), &state, &acts, &[&donor]);
    assert_eq!(lapses, [Lapse::ReadsTogether(vec![0, 4])]);
}

#[test]
fn a_write_that_is_called_a_join_is_noticed() {
    let acts = Acts(vec![Act::Add(1, 1), Act::Send(1)]);
    let declared = Machine.footprint(&Cells([0; 5]), &acts);
    let wrong = Forgetting::WriteCalledJoin(true).in_(&declared);
    assert_eq!(lapses_of(&wrong, &acts), [Lapse::ReadsWhatItJoins(1)]);
}

#[test]
fn a_kind_of_message_that_is_forgotten_is_noticed() {
    let acts = Acts(vec![Act::Send(2)]);
    let declared = Machine.footprint(&Cells([0; 5]), &acts);
    assert_eq!(lapses_of(&Forgetting::Sends(0).in_(&declared), &acts), [Lapse::Sends(0)]);
}
