//! Scenarios made from a tape of choices, over every key of the format.
//!
//! Zero is always the simplest choice, so whatever lowers the tape makes the scenario simpler. Scenarios are small on
//! purpose: what has more than a few thousand states unreduced cannot be compared.

use quorate_checker::tape::Tape;

use crate::promises::Judged;

use super::draft::{Draft, DraftClient, DraftOperation, Somebody, Verb};

/// As many choices as the longest scenario takes; further ones would not be read.
pub const TAPE_LENGTH: usize = 96;

/// The tape of one case of a seed: always the same.
#[must_use]
pub fn tape(seed: u64, case: u64) -> Vec<u8> {
    // SplitMix64 (Steele, Lea and Flood 2014).
    let mix = |value: u64| {
        let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    };
    let mut state = mix(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ case;
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(mix(state)).to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(TAPE_LENGTH).collect()
}

/// What can go wrong once or twice in a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Crash,
    Timeout,
    Drop,
    Duplicate,
    Wipe,
    Rollback,
    Partition,
}

/// The scenario that these choices make.
#[must_use]
pub fn draft(tape: &[u8]) -> Draft {
    let tape = &mut Tape(tape);
    let mut draft = Draft::plain(tape.one_of(&[2, 2, 3]));
    faults(tape, &mut draft);
    protocol(tape, &mut draft);
    for at in 0..tape.one_of(&[1, 1, 2]) {
        let client = client(tape, &draft, at);
        draft.clients.push(client);
    }
    asked(tape, &mut draft);
    rarities(tape, &mut draft);
    draft
}

/// What may be asked, and found by single states.
pub(super) const PROPERTIES: [&str; 12] = [
    "no-lost-write",
    "one-leader-per-epoch",
    "one-acting-leader",
    "log-matching",
    "leader-completeness",
    "linearizable",
    "read-your-writes",
    "monotonic-reads",
    "consistent-prefix",
    "exactly-once",
    "unique-ids",
    "write-acknowledged",
];

fn asked(tape: &mut Tape<'_>, draft: &mut Draft) {
    let mut asked = vec![tape.one_of(&PROPERTIES), tape.one_of(&PROPERTIES), "convergence"];
    if draft.split.is_some() {
        asked.push("both-sides-acknowledge");
    }
    asked.sort_unstable();
    asked.dedup();
    draft.asked = asked;
}

/// What can go wrong: budgets, and whether the network may be split.
fn faults(tape: &mut Tape<'_>, draft: &mut Draft) {
    let mut faults = Vec::new();
    for _ in 0..tape.one_of(&[1, 1, 2, 2, 2, 0, 3]) {
        let fault = match tape.choose(10) {
            0..=2 => Fault::Timeout,
            3..=5 => Fault::Crash,
            6 => Fault::Drop,
            7 => Fault::Duplicate,
            8 => Fault::Partition,
            _ => {
                faults.push(Fault::Crash);
                tape.one_of(&[Fault::Wipe, Fault::Rollback])
            }
        };
        faults.push(fault);
    }
    for fault in faults {
        let budgets = &mut draft.faults;
        *match fault {
            Fault::Crash => &mut budgets.crashes,
            Fault::Timeout => &mut budgets.timeouts,
            Fault::Drop => &mut budgets.drops,
            Fault::Duplicate => &mut budgets.duplicates,
            Fault::Wipe => &mut budgets.wipes,
            Fault::Rollback => &mut budgets.rollbacks,
            Fault::Partition => &mut budgets.partitions,
        } += 1;
    }
    if draft.faults.partitions > 0 || tape.rarely(24) {
        draft.split = Some(1 + tape.choose(draft.nodes - 1));
        draft.heals = !tape.rarely(4);
    }
    if tape.rarely(12) {
        draft.down = vec![tape.choose(draft.nodes)];
        draft.down_returns = tape.rarely(2);
    }
    if tape.rarely(6) {
        draft.faulty = vec![tape.choose(draft.nodes)];
    }
}

fn protocol(tape: &mut Tape<'_>, draft: &mut Draft) {
    let last = draft.nodes - 1;
    draft.replication = tape.one_of(&["async", "semi-sync", "sync", "majority", "majority"]);
    draft.election = tape.one_of(&["raft", "raft", "raft", "bully", "manual"]);
    draft.reads = tape.one_of(&["leader", "confirmed", "any", "sticky", "own-writes", "position"]);
    draft.log = tape.one_of(&["row", "row", "row", "statement", "replaced"]);
    draft.epochs = !tape.rarely(8) || draft.election == "raft";
    draft.window_passes = tape.rarely(2) && draft.reads == "own-writes";
    draft.attempts = if tape.rarely(4) { 2 } else { 1 };
    draft.waits_for_leader = tape.rarely(6);
    draft.snapshot_after = tape.rarely(5).then_some(1);
    draft.entries_max = tape.rarely(6).then_some(1);
    draft.page_rows = tape.rarely(6).then_some(1);
    draft.crashed_stay_down = tape.rarely(4);
    let impatient = tape.one_of(&[Somebody::Node(last), Somebody::Node(0), Somebody::Client(0)]);
    draft.impatient = if tape.rarely(4) { vec![impatient] } else { Vec::new() };
    draft.clocks_differ = tape.rarely(8);
    let deviation = tape.one_of(&[
        "keeps-suffix",
        "falls-back-to-async",
        "forgets-requests",
        "commits-older-epochs",
        "votes-uncaught",
    ]);
    draft.deviation = tape.rarely(6).then_some(deviation);
    match tape.choose(12) {
        0..=8 => {}
        9 | 10 => draft.leader = Some(last),
        _ => draft.second_log = Some(last),
    }
}

fn client(tape: &mut Tape<'_>, draft: &Draft, at: usize) -> DraftClient {
    let count = tape.one_of(&[1, 1, 1, 2]);
    let operations = (0..count).map(|_| operation(tape)).collect();
    let asks = tape.rarely(6).then(|| tape.choose(draft.nodes));
    let is_after_first = at > 0 && tape.rarely(4);
    DraftClient { operations, asks, is_after_first }
}

fn operation(tape: &mut Tape<'_>) -> DraftOperation {
    let other_key = tape.rarely(4);
    let verb = match tape.choose(8) {
        0 | 1 => Verb::Set,
        2 => Verb::Execute("+= 2"),
        3 => Verb::Execute("= next-id()"),
        4 => Verb::Execute(tape.one_of(&["= now()", "= random()"])),
        _ => Verb::Read,
    };
    DraftOperation { other_key, verb }
}

/// What few scenarios have. Chosen last: whoever draws none of it is as it was in campaigns that were recorded before.
fn rarities(tape: &mut Tape<'_>, draft: &mut Draft) {
    if tape.rarely(16) {
        let at = draft.clients.len();
        let third = DraftClient {
            operations: vec![operation(tape)],
            asks: None,
            is_after_first: at > 0 && tape.rarely(2),
        };
        draft.clients.push(third);
    }
    if tape.rarely(16) {
        draft.nodes = 3 + tape.choose(3);
    }
    if draft.attempts > 1 && tape.rarely(4) {
        draft.attempts = 3;
    }
    if draft.snapshot_after.is_some() && tape.rarely(4) {
        draft.snapshot_after = Some(2);
    }
    if !draft.impatient.is_empty() && tape.rarely(4) {
        let other = Somebody::Node(1);
        if !draft.impatient.contains(&other) {
            draft.impatient.push(other);
        }
    }
    let last = draft.nodes - 1;
    for some in [&mut draft.faulty, &mut draft.down] {
        if !some.is_empty() && tape.rarely(4) && !some.contains(&last) {
            some.push(last);
        }
    }
    draft.splits_in_three = draft.split.is_some_and(|at| at < last) && tape.rarely(4);
    if tape.rarely(16) {
        draft.asked.extend(PROPERTIES);
        draft.asked.sort_unstable();
        draft.asked.dedup();
    }
    if draft.second_log.is_some() && tape.rarely(3) {
        draft.leader = Some(1);
    }
    for property in ["state-machine-safety", "progress"] {
        if tape.rarely(4) {
            draft.asked.push(property);
        }
    }
    draft.asked.sort_unstable();
    let loses_disks = draft.faults.wipes > 0 || draft.faults.rollbacks > 0;
    if loses_disks && draft.election != "raft" && tape.rarely(3) {
        draft.deviation = Some("epochs-without-lives");
    }
    if draft.epochs && tape.rarely(6) {
        draft.sessions = Some(tape.one_of(&[1, 1, 2]));
    }
    // Only where somebody else asks meanwhile is there ever no room.
    if draft.clients.len() > 1 && tape.rarely(3) {
        draft.pending_max = Some(1);
        if draft.deviation.is_none() && tape.rarely(3) {
            draft.deviation = Some("trusts-refusals");
        }
    }
    if tape.rarely(5) {
        promising(tape, draft);
    }
}

/// Makes of a scenario one of a cluster that promises much, and asks for all of that.
fn promising(tape: &mut Tape<'_>, draft: &mut Draft) {
    draft.replication = tape.one_of(&["majority", "semi-sync", "sync", "async"]);
    draft.reads = tape.one_of(&["confirmed", "position"]);
    (draft.election, draft.epochs, draft.window_passes) = ("raft", true, false);
    draft.deviation = None;
    draft.faults.wipes += std::mem::take(&mut draft.faults.rollbacks);
    // Once one client has done more, values may come back.
    for _ in 0..tape.one_of(&[1, 2, 3]) {
        let operation = operation(tape);
        draft.clients[0].operations.push(operation);
    }
    draft.asked = Judged::ALL.map(Judged::name).to_vec();
    draft.asked.sort_unstable();
}
