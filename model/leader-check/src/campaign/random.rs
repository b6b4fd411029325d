//! Scenarios made from a tape of choices, over every key of the format.
//!
//! Zero is always the simplest choice, so whatever lowers the tape makes the scenario simpler. Scenarios are small on
//! purpose: what has more than a few thousand states unreduced cannot be compared.

use std::fmt::Write;

use quorate_checker::tape::Tape;

/// As many choices as the longest scenario takes; further ones would not be read.
pub const TAPE_LENGTH: usize = 72;

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

/// Everything that is this tape with one choice simpler, what makes it simplest first.
#[must_use]
pub fn simpler(tape: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let set = |at: usize, to: u8| {
        let mut simpler = tape.to_vec();
        simpler[at] = to;
        simpler
    };
    let positions = || (0..tape.len()).filter(|at| tape[*at] > 0);
    all.extend(positions().map(|at| set(at, 0)));
    // A choice is made by a remainder: by another one that is as good, it is lower.
    let lower = |at: usize| (1..16).filter(move |to| *to < tape[at]).map(move |to| (at, to));
    all.extend(positions().flat_map(lower).map(|(at, to)| set(at, to)));
    all
}

const NODES: [&str; 3] = ["A", "B", "C"];
const CLIENTS: [&str; 2] = ["x", "y"];

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

/// The text of the scenario that these choices make.
#[must_use]
pub fn text(tape: &[u8]) -> String {
    let tape = &mut Tape(tape);
    let nodes = &NODES[..tape.one_of(&[2, 2, 3])];
    let mut top = format!("title = \"Random\"\nnodes = {nodes:?}\n");
    let (budgets, is_split) = faults(tape, nodes, &mut top);
    let mut text = String::from("[protocol]\nname = \"leader\"\n");
    protocol(tape, nodes, &mut text);
    let clients = &CLIENTS[..tape.one_of(&[1, 1, 2])];
    let mut values = ["red", "blue", "green", "gray"].into_iter();
    for (at, client) in clients.iter().enumerate() {
        let count = tape.one_of(&[1, 1, 1, 2]);
        let operation = |_| {
            let key = if tape.rarely(4) { "z" } else { "k" };
            match tape.choose(8) {
                0 | 1 => {
                    let value = values.next().unwrap_or("black");
                    format!("{key} = {value}")
                }
                2 => format!("{key} += 2"),
                3 => format!("{key} = next-id()"),
                4 => tape
                    .one_of(&[format!("{key} = now()").as_str(), &format!("{key} = random()")])
                    .to_owned(),
                _ => format!("read {key}"),
            }
        };
        let operations: Vec<String> = (0..count).map(operation).collect();
        let _ =
            write!(text, "[[protocol.clients]]\nname = {client:?}\noperations = {operations:?}\n");
        if tape.rarely(6) {
            let _ = writeln!(text, "asks = {:?}", tape.one_of(nodes));
        }
        if at > 0 && tape.rarely(4) {
            let _ = writeln!(text, "after = {:?}", clients[0]);
        }
    }
    text.push_str(&budgets);
    text.push_str("[expect]\n");
    let mut asked = vec![tape.one_of(&PROPERTIES), tape.one_of(&PROPERTIES), "convergence"];
    if is_split {
        asked.push("both-sides-acknowledge");
    }
    asked.sort_unstable();
    asked.dedup();
    for property in asked {
        let is_of_reaching = ["write-acknowledged", "both-sides-acknowledge"].contains(&property);
        let expected = if is_of_reaching { "not reached" } else { "holds" };
        let _ = writeln!(text, "{property} = {expected:?}");
    }
    top + &text
}

/// What may be asked, and found by single states.
const PROPERTIES: [&str; 12] = [
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

/// What can go wrong: the table of budgets, and whether the network may be split. What a file says before its tables goes to
/// `top`.
fn faults(tape: &mut Tape<'_>, nodes: &[&str], top: &mut String) -> (String, bool) {
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
    let count = |of: Fault| faults.iter().filter(|fault| **fault == of).count();
    let is_split = count(Fault::Partition) > 0 || tape.rarely(24);
    if is_split {
        let (one, others) = nodes.split_at(1 + tape.choose(nodes.len() - 1));
        let _ = writeln!(top, "partition = {:?}", [one, others]);
        if !tape.rarely(4) {
            top.push_str("heals = true\n");
        }
    }
    if tape.rarely(12) {
        let _ =
            writeln!(top, "down = [{:?}]\ndown-returns = {}", tape.one_of(nodes), tape.rarely(2));
    }
    if tape.rarely(6) {
        let _ = writeln!(top, "faulty = [{:?}]", tape.one_of(nodes));
    }
    let budgets = [
        ("crashes", Fault::Crash),
        ("timeouts", Fault::Timeout),
        ("drops", Fault::Drop),
        ("duplicates", Fault::Duplicate),
        ("wipes", Fault::Wipe),
        ("rollbacks", Fault::Rollback),
        ("partitions", Fault::Partition),
    ];
    let mut table = String::from("[faults]\n");
    for (name, fault) in budgets {
        if count(fault) > 0 {
            let _ = writeln!(table, "{name} = {}", count(fault));
        }
    }
    (table, is_split)
}

fn protocol(tape: &mut Tape<'_>, nodes: &[&str], text: &mut String) {
    let last = nodes[nodes.len() - 1];
    let replication = tape.one_of(&["async", "semi-sync", "sync", "majority", "majority"]);
    let election = tape.one_of(&["raft", "raft", "raft", "bully", "manual"]);
    let reads = tape.one_of(&["leader", "confirmed", "any", "sticky", "own-writes", "position"]);
    let _ =
        write!(text, "replication = {replication:?}\nelection = {election:?}\nreads = {reads:?}\n");
    let _ =
        writeln!(text, "log = {:?}", tape.one_of(&["row", "row", "row", "statement", "replaced"]));
    let mut say = |is_so: bool, what: &str| {
        if is_so {
            text.push_str(what);
            text.push('\n');
        }
    };
    say(tape.rarely(8) && election != "raft", "epochs = false");
    say(tape.rarely(2) && reads == "own-writes", "window-passes = true");
    say(tape.rarely(4), "attempts = 2");
    say(tape.rarely(6), "waits-for-leader = true");
    say(tape.rarely(5), "snapshot-after = 1");
    say(tape.rarely(6), "entries-max = 1");
    say(tape.rarely(6), "page-rows = 1");
    say(tape.rarely(4), "crashed-stay-down = true");
    let impatient = tape.one_of(&[last, nodes[0], "x"]);
    say(tape.rarely(4), &format!("impatient = [{impatient:?}]"));
    let ahead: Vec<usize> = (1..=nodes.len()).rev().collect();
    say(tape.rarely(8), &format!("clocks-ahead = {ahead:?}"));
    let deviation = tape.one_of(&[
        "keeps-suffix",
        "falls-back-to-async",
        "forgets-requests",
        "commits-older-epochs",
        "votes-uncaught",
    ]);
    say(tape.rarely(6), &format!("deviations = [{deviation:?}]"));
    match tape.choose(12) {
        0..=8 => {}
        9 | 10 => say(true, &format!("leader = {last:?}")),
        _ => {
            let shards = format!(
                "[[protocol.shards]]\nleader = {:?}\n[[protocol.shards]]\nleader = {last:?}\nfrom = \"p\"",
                nodes[0]
            );
            say(true, &shards);
        }
    }
}
