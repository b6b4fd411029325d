//! Scenarios made from a tape of choices, over every key of the format.
//!
//! Zero is always the simplest choice, so whatever shortens or lowers the tape makes the scenario
//! simpler. Scenarios are small on purpose: what has more than a few thousand states unreduced cannot be
//! compared, and every scenario in which a rule was found wrong is small.

use alloc::vec::Vec;

use quorate_checker::tape::Tape;

use super::draft::{Asked, Draft, DraftClient, DraftOperation, Nodes, Verb, asked_of_campaigns};
use super::small_scope::splits;

use crate::cluster::Reaping;
use crate::deviation::Deviation;
use crate::protocol::{FanOut, ReadRepair};
use crate::scenario::{Faults, Rounds, Rule};
use crate::versions::Versioning;

/// As many choices as the longest scenario takes; further ones would not be read.
pub const TAPE_LENGTH: usize = 96;

/// The tape of one case of a seed: always the same.
#[must_use]
pub fn tape(seed: u64, case: u64) -> Vec<u8> {
    let mut tape = alloc::vec![0; TAPE_LENGTH];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&case.to_le_bytes());
    hasher.finalize_xof().fill(&mut tape);
    tape
}

/// Some nodes among so many, at least one: most often one.
fn nodes(tape: &mut Tape<'_>, among: usize) -> Nodes {
    let all: Nodes = (1 << among) - 1;
    match tape.choose(4) {
        0 | 1 => 1 << tape.choose(among),
        2 => all,
        _ => 1 + tape.choose(all.into()) as Nodes,
    }
}

/// The scenario that these choices make.
#[must_use]
pub fn draft(tape: &[u8]) -> Draft {
    let mut tape = Tape(tape);
    let tape = &mut tape;
    let nodes = 2 + tape.one_of(&[0, 0, 0, 1, 1, 1, 1, 2]);
    let mut draft = Draft::plain(nodes);
    cluster(tape, &mut draft);
    let wants_hints = faults(tape, &mut draft);
    let wishes = theme(tape, &mut draft);
    hints(tape, &mut draft, wants_hints || wishes.hints);
    clients(tape, &mut draft, wishes);
    rarities(tape, &mut draft);
    asked(tape, &mut draft);
    lies(tape, &mut draft);
    speculation(tape, &mut draft);
    draft
}

fn cluster(tape: &mut Tape<'_>, draft: &mut Draft) {
    draft.last_has_left = draft.nodes > 2 && tape.rarely(16);
    let present = draft.nodes - usize::from(draft.last_has_left);
    draft.n = 1 + tape.choose(present.min(3));
    draft.r = 1 + tape.choose(draft.n);
    draft.w = 1 + tape.choose(draft.n);
    draft.anti_entropy = tape.rarely(3);
    let repairs = [ReadRepair::Off, ReadRepair::Off, ReadRepair::Async, ReadRepair::Blocking];
    draft.read_repair = tape.one_of(&repairs);
    let keeps = Reaping::Off;
    draft.reaping = tape.one_of(&[keeps, keeps, keeps, keeps, Reaping::Agreed, Reaping::ByAge]);
    draft.versioning = match tape.choose(16) {
        11 => Versioning::Scalar,
        12 => Versioning::ServerClock,
        13 => Versioning::ClientClock,
        14 | 15 => Versioning::LastWriteWins,
        _ => Versioning::Dotted,
    };
    if draft.reaping != Reaping::Agreed && tape.rarely(6) {
        draft.fan_out = FanOut::ClientDriven;
    }
}

/// Gives it faults, and says whether it may be sloppy.
fn faults(tape: &mut Tape<'_>, draft: &mut Draft) -> bool {
    let faults = &mut draft.faults;
    for _ in 0..tape.one_of(&[0, 1, 1, 1, 2]) {
        match tape.choose(10) {
            0..=2 => faults.timeouts += 1,
            3 => faults.drops += 1,
            4 => faults.duplicates += 1,
            5 => faults.crashes += 1,
            6 => (faults.crashes, faults.wipes) = (faults.crashes.max(1), 1),
            7 => (faults.crashes, faults.rollbacks) = (faults.crashes.max(1), 1),
            8 => faults.partitions = 1,
            _ => draft.down = Some(tape.choose(draft.nodes)),
        }
    }
    if draft.faults.partitions > 0 || tape.rarely(12) {
        let splits = splits(draft.nodes);
        draft.partition = splits[tape.choose(splits.len())].clone();
        draft.heals = tape.rarely(2);
    }
    draft.down_returns = draft.down.is_some() && tape.rarely(2);
    let struck = draft.faults.crashes > 0;
    draft.faulty = (struck && tape.rarely(3)).then(|| 1 << tape.choose(draft.nodes));
    draft.shared_identity = tape.rarely(16);
    draft.faults.timeouts > 0 || tape.rarely(4)
}

/// What a theme asks of the rest of a scenario.
#[derive(Clone, Copy)]
struct Wishes {
    hints: bool,
    retries: bool,
    are_alike: bool,
    two_keys: bool,
    deletes: bool,
    operations_max: usize,
}

/// Most scenarios have a theme: things together that have to do with each other, and that chance
/// seldom brings together in a scenario small enough.
fn theme(tape: &mut Tape<'_>, draft: &mut Draft) -> Wishes {
    let none = Wishes {
        hints: false,
        retries: false,
        are_alike: false,
        two_keys: false,
        deletes: false,
        operations_max: 3,
    };
    let faults = |draft: &mut Draft, faults: Faults| {
        (draft.faults, draft.partition, draft.heals) = (faults, Vec::new(), false);
        (draft.down, draft.down_returns, draft.faulty) = (None, false, None);
    };
    let calm = Faults::default();
    match tape.choose(20) {
        // A request that is tried again, and a coordinator that forgets or messages that go astray.
        6..=8 => {
            let other = tape.choose(4);
            let (crashes, drops, duplicates) =
                (u8::from(other == 1), u8::from(other == 2), u8::from(other == 3));
            faults(draft, Faults { timeouts: 1, crashes, drops, duplicates, ..calm });
            draft.reaping = Reaping::Off;
            Wishes { retries: true, operations_max: 2, ..none }
        }
        // Two nodes under one name, and messages that come twice or late.
        9 => {
            draft.shared_identity = true;
            (draft.versioning, draft.reaping) = (Versioning::Dotted, Reaping::Off);
            draft.anti_entropy = tape.rarely(2);
            let duplicates = u8::from(!draft.anti_entropy);
            faults(draft, Faults { duplicates, ..calm });
            none
        }
        // Exchanges that overlap.
        18 => {
            draft.anti_entropy = true;
            (draft.versioning, draft.reaping) = (Versioning::Dotted, Reaping::Off);
            faults(draft, calm);
            let Rounds { exchanges, overtaken, .. } = &mut draft.rounds;
            *(if tape.rarely(2) { exchanges } else { overtaken }) += 1;
            Wishes { operations_max: 2, ..none }
        }
        // Reads that repair late, and what they read goes.
        19 => {
            draft.read_repair = ReadRepair::Async;
            draft.reaping = tape.one_of(&[Reaping::ByAge, Reaping::Agreed]);
            (draft.versioning, draft.fan_out) = (Versioning::Dotted, FanOut::NodeDriven);
            faults(draft, calm);
            Wishes { deletes: true, ..none }
        }
        // Tombstones that go.
        10 | 11 => {
            draft.reaping = tape.one_of(&[Reaping::Agreed, Reaping::Agreed, Reaping::ByAge]);
            draft.fan_out = FanOut::NodeDriven;
            draft.versioning = Versioning::Dotted;
            if tape.choose(2) == 0 {
                faults(draft, calm);
            }
            Wishes { deletes: true, operations_max: 2, ..none }
        }
        // Homes that exchange what they hold.
        12 => {
            draft.anti_entropy = true;
            draft.versioning = Versioning::Dotted;
            faults(draft, Faults { drops: 1, ..calm });
            none
        }
        // The same, where disks are lost or old.
        13 => {
            draft.anti_entropy = true;
            let (wipes, rollbacks) = if tape.rarely(2) { (1, 0) } else { (0, 1) };
            faults(draft, Faults { crashes: 1, wipes, rollbacks, ..calm });
            Wishes { operations_max: 2, ..none }
        }
        // Fallbacks.
        14 => {
            draft.n = draft.n.min(draft.nodes - 1 - usize::from(draft.last_has_left)).max(1);
            (draft.r, draft.w) = (draft.r.min(draft.n), draft.w.min(draft.n));
            faults(draft, Faults { timeouts: 1, ..calm });
            Wishes { hints: true, operations_max: 2, ..none }
        }
        // Clients that do the same, where something tells them apart.
        15 => {
            draft.versioning = tape.one_of(&[
                Versioning::LastWriteWins,
                Versioning::Scalar,
                Versioning::ClientClock,
                Versioning::Dotted,
            ]);
            Wishes { are_alike: true, ..none }
        }
        // Several keys, which one exchange is about.
        16 => {
            draft.anti_entropy = true;
            faults(draft, calm);
            Wishes { two_keys: true, ..none }
        }
        // A request through a node that is no home, of which one may be away.
        17 => {
            draft.n = draft.n.min(draft.nodes - 1 - usize::from(draft.last_has_left)).max(1);
            (draft.r, draft.w) = (draft.r.min(draft.n), draft.w.min(draft.n));
            draft.read_repair = ReadRepair::Off;
            none
        }
        _ => none,
    }
}

fn hints(tape: &mut Tape<'_>, draft: &mut Draft, wanted: bool) {
    let present = draft.nodes - usize::from(draft.last_has_left);
    draft.sloppy = wanted && draft.n < present && tape.rarely(2);
    draft.handoff = draft.sloppy && tape.rarely(2);
}

fn clients(tape: &mut Tape<'_>, draft: &mut Draft, wishes: Wishes) {
    let count = 1 + tape.choose(2) + usize::from(tape.rarely(8));
    let count = if wishes.are_alike { count.max(2) } else { count };
    let may_retry = draft.faults.timeouts > 0;
    let attempts = if may_retry && (wishes.retries || tape.rarely(3)) { 2 } else { 1 };
    let are_alike = count > 1 && (wishes.are_alike || tape.rarely(4));
    let mut left = wishes.operations_max;
    for position in 0..count {
        if are_alike && position > 0 {
            let alike = draft.clients[0].clone();
            draft.clients.push(alike);
            continue;
        }
        let most = if are_alike { left / count } else { left };
        let operations = 1 + tape.choose(most.max(1));
        left = left.saturating_sub(operations).max(1);
        let repeat = if operations == 1 && tape.rarely(24) { 2 } else { 1 };
        let operations = (0..operations).map(|_| operation(tape, draft, wishes)).collect();
        draft.clients.push(DraftClient { operations, attempts, repeat });
    }
    draft.turn_length = (count > 1 && tape.rarely(20)).then_some(1);
}

fn operation(tape: &mut Tape<'_>, draft: &Draft, wishes: Wishes) -> DraftOperation {
    let last = if wishes.deletes { Verb::Delete } else { Verb::Get };
    let verb = tape.one_of(&[Verb::Put, Verb::Get, Verb::Put, last, Verb::Delete]);
    let plain = DraftOperation::new(verb, nodes(tape, draft.nodes));
    let is_write = verb != Verb::Get;
    let may_be_sloppy = draft.n < draft.nodes - usize::from(draft.last_has_left);
    DraftOperation {
        other_key: tape.rarely(if wishes.two_keys { 2 } else { 10 }),
        quorum: tape.rarely(8).then(|| 1 + tape.choose(draft.n)),
        blind: tape.rarely(5) && is_write,
        sloppy: (tape.rarely(10) && is_write && may_be_sloppy).then_some(!draft.sloppy),
        ..plain
    }
}

/// What few scenarios have.
fn rarities(tape: &mut Tape<'_>, draft: &mut Draft) {
    draft.on_ring = tape.rarely(24);
    draft.siblings_max = tape.rarely(24).then_some(1);
    if draft.reaping == Reaping::Agreed {
        draft.context_entries_max = tape.rarely(3).then_some(1);
    }
    if draft.versioning == Versioning::LastWriteWins && tape.rarely(2) {
        draft.clock_ahead = Some((tape.choose(draft.nodes), 1 + tape.choose(2) as u64));
    }
    if tape.rarely(20) {
        draft.deviation = Some(tape.one_of(Deviation::COMPARISONS));
    }
    // Where no rule is off, one may hide what another one misses.
    let usual: Vec<Rule> = Rule::ALL.into_iter().filter(|rule| rule.is_usual()).collect();
    draft.switched = tape.rarely(6).then(|| usual[tape.choose(usual.len())]);
    if tape.rarely(8) {
        let Rounds { exchanges, overtaken, handoffs, catch_ups, reaps } = &mut draft.rounds;
        match tape.choose(5) {
            0 => *catch_ups += u8::from(draft.faults.wipes > 0),
            1 => *exchanges += u8::from(draft.anti_entropy),
            2 => *overtaken += u8::from(draft.anti_entropy),
            3 => *handoffs += u8::from(draft.handoff),
            _ => *reaps += u8::from(draft.reaping == Reaping::Agreed),
        }
    }
}

/// Gives it a lie, which puts alone can carry. Chosen last, so that whoever draws none is as it was without.
fn lies(tape: &mut Tape<'_>, draft: &mut Draft) {
    let mut operations = draft.clients.iter().flat_map(|client| &client.operations);
    let puts = operations.any(|operation| operation.verb == Verb::Put);
    draft.faults.lies = u8::from(puts && tape.rarely(8));
}

/// Lets reads ask some homes later, where some read leaves some. Chosen after what a campaign that was recorded drew from.
fn speculation(tape: &mut Tape<'_>, draft: &mut Draft) {
    let holders_needed = match draft.read_repair {
        ReadRepair::Off | ReadRepair::Async => 0,
        ReadRepair::Blocking => draft.n + 1 - draft.r,
    };
    let leaves_some = |operation: &DraftOperation| {
        let needed = operation.quorum.unwrap_or(draft.r).max(holders_needed);
        operation.verb == Verb::Get && needed < draft.n
    };
    let mut operations = draft.clients.iter().flat_map(|client| &client.operations);
    let may = draft.fan_out == FanOut::NodeDriven && operations.any(leaves_some);
    draft.speculative_retry = may && tape.rarely(4);
}

/// All that some rule tells apart, or a few properties alone, whose histories tell fewer states apart.
fn asked(tape: &mut Tape<'_>, draft: &mut Draft) {
    draft.asked = match tape.choose(8) {
        0 => Asked::Plain.properties(),
        1 => Asked::Endings.properties(),
        2 => Asked::Acknowledgers.properties(),
        3 => Asked::Everything.properties(),
        several => (3..several).map(|_| tape.choose(asked_of_campaigns().len())).fold(
            Vec::new(),
            |mut asked, index| {
                let name = asked_of_campaigns()[index].name;
                if !asked.contains(&name) {
                    asked.push(name);
                }
                asked
            },
        ),
    };
}
