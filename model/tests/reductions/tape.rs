//! Small scenarios made from a tape of choices: zero is always the simplest choice, so whatever
//! shortens or lowers the tape makes the scenario simpler.
//!
//! The scope is small on purpose. Every scenario in which a reduction is known to have changed a
//! verdict has two or three nodes, at most three operations and one fault or none: such scenarios are
//! met often here, and hardly ever among large ones.

use std::fmt::Write;

/// As many choices as the longest scenario takes; further ones would not be read.
pub(crate) const TAPE_LENGTH: usize = 64;

const NODES: [&str; 3] = ["A", "B", "C"];

/// What is asked together. What no property asks for is not kept in the history, and some rules apply
/// only then.
const ASKED: [&[&str]; 8] = [
    &["no-lost-write", "true-siblings", "read-freshness", "monotonic-reads", "read-your-writes"],
    &["no-lost-write", "unique-dots", "minted-once", "hint-safety"],
    &["no-resurrection", "no-lost-write", "read-freshness"],
    &["quorum-overlap", "read-freshness"],
    &["failed-write-invisible", "write-unavailable", "read-unavailable"],
    &["overlapping-write-seen", "overlapping-write-missed"],
    &["siblings", "hint-kept", "write-acknowledged", "read-answered"],
    &["tombstone-reaped", "concurrent-writes-share-no-replica"],
];

struct Tape<'a>(&'a [u8]);

impl Tape<'_> {
    /// A choice among this many; the first one when the tape has ended.
    fn choose(&mut self, among: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % among
    }

    /// Yes once in so many times.
    fn rarely(&mut self, once_in: usize) -> bool {
        self.choose(once_in) == once_in - 1
    }

    fn one_of<'b>(&mut self, from: &[&'b str]) -> &'b str {
        from[self.choose(from.len())]
    }
}

/// The text of a scenario file.
pub(crate) fn scenario_text(tape: &[u8]) -> String {
    let mut tape = Tape(tape);
    let tape = &mut tape;
    let nodes = 2 + tape.choose(2);
    let n = 1 + tape.choose(nodes);
    let (r, w) = (1 + tape.choose(n.min(2)), 1 + tape.choose(n.min(2)));
    let sloppy = n < nodes && tape.choose(2) == 1;
    let has_anti_entropy = tape.rarely(3);
    let read_repair = tape.one_of(&["off", "off", "async", "blocking"]);
    let reaping = tape.one_of(&["off", "off", "off", "agreed", "by-age"]);
    let versioning = match tape.choose(12) {
        8 => "scalar",
        9 => "server-clock",
        10 => "client-clock",
        11 => "last-write-wins",
        _ => "dotted",
    };
    let is_client_driven = reaping != "agreed" && tape.rarely(6);
    let (mut timeouts, mut drops, mut duplicates) = (0, 0, 0);
    let (mut crashes, mut wipes, mut rollbacks, mut partitions) = (0, 0, 0, 0);
    for _ in 0..tape.choose(3) {
        match tape.choose(8) {
            0 | 1 => timeouts += 1,
            2 => drops += 1,
            3 => duplicates += 1,
            4 => crashes += 1,
            5 => (crashes, wipes) = (1, 1),
            6 => (crashes, rollbacks) = (1, 1),
            _ => partitions = 1,
        }
    }
    let split = if partitions > 0 || tape.rarely(8) {
        match tape.choose(3) {
            0 => Some("[[\"A\"], [\"B\"]]"),
            1 if nodes == 3 => Some("[[\"A\", \"B\"]]"),
            2 if nodes == 3 => Some("[[\"A\", \"C\"], [\"B\", \"C\"]]"),
            _ => Some("[[\"A\"], [\"B\"]]"),
        }
    } else {
        None
    };
    let heals = split.is_some() && tape.choose(2) == 1;
    let down = tape.rarely(8).then(|| NODES[tape.choose(nodes)]);
    let down_returns = down.is_some() && tape.choose(2) == 1;
    let is_shared = tape.rarely(12);

    let mut text = String::from("title = \"Made up\"\n");
    if let Some(down) = down {
        let _ = writeln!(text, "down = [{down:?}]");
        if down_returns {
            text.push_str("down-returns = true\n");
        }
    }
    if let Some(split) = split {
        let _ = writeln!(text, "partition = {split}");
        if heals {
            text.push_str("heals = true\n");
        }
    }
    if is_shared {
        text.push_str("shared-identity = [[\"A\", \"B\"]]\n");
    }
    let fan_out = if is_client_driven { "client-driven" } else { "node-driven" };
    let _ = write!(
        text,
        "\n[cluster]\nnodes = {:?}\nn = {n}\nr = {r}\nw = {w}\nread-repair = {read_repair:?}\n\
         reaping = {reaping:?}\nversioning = {versioning:?}\nfan-out = {fan_out:?}\n\
         sloppy = {sloppy}\nhandoff = {sloppy}\nanti-entropy = {has_anti_entropy}\n",
        &NODES[..nodes]
    );
    let clients = 1 + tape.choose(2);
    let attempts = if timeouts > 0 && tape.rarely(3) { 2 } else { 1 };
    let mut left = 3;
    for client in ["x", "y"].iter().take(clients) {
        let operations = (1 + tape.choose(left.min(3))).min(left);
        left = (left - operations).max(1);
        let _ = write!(text, "\n[[client]]\nname = {client:?}\n");
        if attempts > 1 {
            let _ = writeln!(text, "attempts = {attempts}");
        }
        text.push_str("program = [\n");
        for _ in 0..operations {
            let kind = tape.one_of(&["put", "get", "put", "get", "delete"]);
            let key = if tape.rarely(10) { "other" } else { "k" };
            let _ = write!(text, "  {{ {kind} = {key:?}");
            if !tape.rarely(6) {
                let up: Vec<&str> =
                    NODES[..nodes].iter().filter(|node| Some(**node) != down).copied().collect();
                let _ = write!(text, ", via = [{:?}]", up[tape.choose(up.len())]);
            }
            if tape.rarely(8) {
                let quorum = if kind == "get" { "r" } else { "w" };
                let _ = write!(text, ", {quorum} = {}", 1 + tape.choose(n));
            }
            if kind != "get" && tape.rarely(5) {
                text.push_str(", context = \"blind\"");
            }
            if kind != "get" && sloppy && tape.rarely(10) {
                text.push_str(", sloppy = false");
            }
            text.push_str(" },\n");
        }
        text.push_str("]\n");
    }
    text.push_str("\n[faults]\n");
    for (name, budget) in [
        ("timeouts", timeouts),
        ("drops", drops),
        ("duplicates", duplicates),
        ("crashes", crashes),
        ("wipes", wipes),
        ("rollbacks", rollbacks),
        ("partitions", partitions),
    ] {
        if budget > 0 {
            let _ = writeln!(text, "{name} = {budget}");
        }
    }
    text.push_str("\n[expect]\n");
    if tape.choose(2) == 1 {
        text.push_str("convergence = \"holds\"\n");
    }
    for property in ASKED[tape.choose(ASKED.len())] {
        let is_reached = REACHED.contains(property);
        let expected = if is_reached { "reached" } else { "holds" };
        let _ = writeln!(text, "{property} = {expected:?}");
    }
    text
}

/// Properties about what can happen at all.
const REACHED: [&str; 10] = [
    "siblings",
    "hint-kept",
    "write-acknowledged",
    "read-answered",
    "write-unavailable",
    "read-unavailable",
    "tombstone-reaped",
    "overlapping-write-seen",
    "overlapping-write-missed",
    "concurrent-writes-share-no-replica",
];
