//! The page: Explorer's own, with what is explored at its head.

use std::fmt::Write as _;

use quorate_checker::world::diagram::escape;
use quorate_model::scenario::{Reductions, Rule, Scenario};

use super::exploration::Exploration;
use crate::check::describe;

const TEMPLATE: &str = include_str!("page.htm");

/// The page of an exploration.
pub(super) fn of(exploration: &Exploration) -> String {
    let scenario = exploration.scenario();
    let mut facts = String::new();
    for (label, text) in facts_of(exploration) {
        let _ = writeln!(facts, "            <dt>{label}</dt><dd>{}</dd>", escape(&text));
    }
    // An address holds digits and slashes only.
    let open = exploration.opens_at().map_or_else(String::new, |address| {
        format!("if (!window.location.hash) {{ window.location.replace('{address}'); }}")
    });
    let mut notes = String::new();
    if !scenario.notes.is_empty() {
        let text = escape(&scenario.notes);
        let _ = write!(notes, "<details><summary>notes</summary><p>{text}</p></details>");
    }
    let name = escape(&scenario.name);
    let title = escape(&scenario.title);
    fill(&[
        ("name", &name),
        ("title", &title),
        ("facts", &facts),
        ("notes", &notes),
        ("open", &open),
    ])
}

/// What is explored, and within which bounds, a label and a text each.
fn facts_of(exploration: &Exploration) -> Vec<(&'static str, String)> {
    let scenario = exploration.scenario();
    let mut facts = vec![("cluster", describe::cluster(scenario))];
    facts.extend(describe::clients(scenario).into_iter().map(|client| ("client", client)));
    facts.push(("bounds", describe::bounds(scenario)));
    facts.push(("reductions", reductions(scenario)));
    let expected =
        scenario.expect.iter().map(|(property, expected)| format!("{property} {expected}"));
    facts.push(("expected", expected.collect::<Vec<_>>().join(", ")));
    facts.extend(scenario.warnings.iter().map(|warning| ("warning", warning.kind.to_string())));
    if let Some(about) = exploration.about() {
        facts.push(("run", about.to_owned()));
    }
    facts
}

/// Which reductions apply, and which are off.
fn reductions(scenario: &Scenario) -> String {
    let applied = scenario.reductions_that_apply();
    let named = |wanted: bool| {
        let told = |rule: &Rule| {
            // Of those that are off, the ones that are off everywhere are not worth a word.
            applied.has(*rule) == wanted && (wanted || rule.is_usual())
        };
        let names = Rule::ALL.into_iter().filter(told).map(Rule::name);
        names.collect::<Vec<_>>().join(", ")
    };
    match applied {
        Reductions::NONE => "none".to_owned(),
        Reductions::ALL => named(true),
        // A script has one run, which no other reduction could change.
        _ if scenario.script.is_some() => named(true),
        _ => format!("{}; off: {}", named(true), named(false)),
    }
}

/// The template with these texts in the places that bear their names.
fn fill(texts: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut parts = TEMPLATE.split("{{");
    page.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once("}}").expect("the template closes what it opens");
        let text = texts.iter().find(|(known, _)| *known == name);
        page.push_str(text.expect("every place of the template has a text").1);
        page.push_str(rest);
    }
    page
}
