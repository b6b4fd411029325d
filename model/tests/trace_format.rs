//! The lines of a trace stay the same, byte for byte, as long as the version of the format does.

#[expect(dead_code, reason = "other tests record other runs")]
mod recording;

use std::collections::BTreeMap;

use quorate_model::refine::trace::TraceLine;
use recording::{Plan, record};

/// What a line begins with, as far as lines of one shape have it in common.
fn shape(line: &str) -> String {
    let kind = match serde_json::from_str(line).unwrap() {
        TraceLine::Node(_) => return "a node's header".to_owned(),
        TraceLine::Client(_) => return "a client's header".to_owned(),
        TraceLine::Step(step) => format!("a node: {:?}", step.input),
        TraceLine::ClientStep(step) => format!("a client: {:?}", step.input),
    };
    kind.split([' ', '(', '{']).take(3).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_line_of_every_shape_is_written_as_ever() {
    let files = record(&Plan { expired: 10, crashed: 1, ..Plan::new(1) });
    let mut first_of = BTreeMap::new();
    for line in files.iter().flat_map(|(_, lines)| lines) {
        first_of.entry(shape(line)).or_insert(line);
    }
    let lines: Vec<_> =
        first_of.into_iter().map(|(shape, line)| format!("{shape}\n  {line}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
