//! What the documents show of the program is what it prints.
//!
//! A block of a document marked `toml NAME` is a file of this name. One marked `text` shows a run of
//! the program if it starts with `$ quorate`, or follows commands of which the last is `quorate`. A
//! line `...` stands for any lines, and at the end of a line for any words. Times and rates may
//! differ.

use std::fs;
use std::path::Path;

use crate::support::quorate;

const DOCUMENTS: [(&str, &str, usize); 3] = [
    ("README.md", include_str!("../../../README.md"), 1),
    ("docs/scenarios.md", include_str!("../../../docs/scenarios.md"), 6),
    ("docs/learn.md", include_str!("../../../docs/learn.md"), 12),
];

/// The blocks of a document: what stands after the opening fence, and the lines within.
fn blocks(document: &str) -> Vec<(&str, &str)> {
    let fenced = document.split("\n```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').expect("a fence ends its line")).collect()
}

/// Takes out of a line what differs from run to run.
fn lasting(line: &str) -> String {
    let mut words: Vec<&str> = line.trim_end().split(' ').collect();
    for at in 1..words.len() {
        let is_measured =
            words[at].starts_with("distinct/s") || words[at].trim_end_matches(',') == "s";
        if is_measured && words[at - 1].starts_with(|first: char| first.is_ascii_digit()) {
            words[at - 1] = "N";
        }
    }
    words.join(" ")
}

fn fits(printed: &str, shown: &str) -> bool {
    match shown.strip_suffix("...") {
        Some(start) => printed.starts_with(start),
        None => printed == shown,
    }
}

/// Whether these lines are what was printed, but for those that were left out.
fn shows(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=printed.len()).any(|left_out| shows(rest, &printed[left_out..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, after)| fits(line, first) && shows(rest, after)),
    }
}

fn run(directory: &Path, command: &str) -> String {
    let arguments = command.split_whitespace().skip(1);
    let output = quorate().args(arguments).current_dir(directory).output().expect("it runs");
    String::from_utf8([output.stdout, output.stderr].concat()).expect("it prints text")
}

#[test]
fn every_run_that_a_document_shows_comes_out_as_shown() {
    for (name, document, at_least) in DOCUMENTS {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let mut compared = 0;
        let mut last_command = "";
        for (info, body) in blocks(document) {
            match info.split_once(' ').unwrap_or((info, "")) {
                ("toml", file) if !file.is_empty() => {
                    fs::write(directory.path().join(file), body).expect("it can be written");
                }
                ("sh", _) => last_command = body.lines().last().unwrap_or_default(),
                ("text", _) => {
                    let (command, shown) = match body.strip_prefix("$ ") {
                        Some(session) => session.split_once('\n').expect("a command ends its line"),
                        None => (last_command, body),
                    };
                    if !command.starts_with("quorate ") {
                        continue;
                    }
                    let printed = run(directory.path(), command);
                    let lines = |text: &str| text.lines().map(lasting).collect::<Vec<_>>();
                    assert!(
                        shows(&lines(shown), &lines(&printed)),
                        "{name} shows of `{command}`:\n{shown}\nbut it prints:\n{printed}"
                    );
                    compared += 1;
                }
                _ => {}
            }
        }
        assert!(compared >= at_least, "{name} shows {compared} runs");
    }
}

#[test]
fn a_run_that_comes_out_otherwise_is_noticed() {
    let lines = |text: &str| text.lines().map(lasting).collect::<Vec<_>>();
    let printed = lines("one\ntwo 3.1 s, 5 distinct/s\nthree\nfour");
    for shown in ["one\n...\nfour", "one\ntwo 9.9 s, 77 distinct/s\nthr...\nfour", "...\nfour\n..."]
    {
        assert!(shows(&lines(shown), &printed), "{shown}");
    }
    for shown in
        ["one\n...\nthree", "one\ntwo 3.1 s, 5 distinct\n...", "two\n...", "one\n...\nfive\n..."]
    {
        assert!(!shows(&lines(shown), &printed), "{shown}");
    }
}
