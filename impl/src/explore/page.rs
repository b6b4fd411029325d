//! The page: Explorer's own, with what is explored at its head.

use std::fmt::Write as _;

use quorate_checker::world::diagram::escape;

use crate::check::Case;

const TEMPLATE: &str = include_str!("page.htm");

/// The page of an exploration: of a scenario, with what is told of the run that is walked, and where it opens.
pub(super) fn of(case: &impl Case, about: Option<&str>, opens_at: Option<&str>) -> String {
    let mut facts = String::new();
    for (label, text) in facts_of(case, about) {
        let _ = writeln!(facts, "            <dt>{label}</dt><dd>{}</dd>", escape(&text));
    }
    // An address holds digits and slashes only.
    let open = opens_at.map_or_else(String::new, |address| {
        format!("if (!window.location.hash) {{ window.location.replace('{address}'); }}")
    });
    let mut notes = String::new();
    if !case.notes().is_empty() {
        let text = escape(case.notes());
        let _ = write!(notes, "<details><summary>notes</summary><p>{text}</p></details>");
    }
    let name = escape(case.name());
    let title = escape(case.title());
    fill(&[
        ("name", &name),
        ("title", &title),
        ("facts", &facts),
        ("notes", &notes),
        ("open", &open),
    ])
}

/// What is explored, and within which bounds, a label and a text each.
fn facts_of(case: &impl Case, about: Option<&str>) -> Vec<(&'static str, String)> {
    let mut facts = vec![("cluster", case.cluster())];
    facts.extend(case.clients().into_iter().map(|client| ("client", client)));
    facts.push(("bounds", case.bounds()));
    facts.push(("reductions", case.reductions()));
    let expected =
        case.expectations().iter().map(|(property, expected)| format!("{property} {expected}"));
    facts.push(("expected", expected.collect::<Vec<_>>().join(", ")));
    facts.extend(case.problems().into_iter().map(|problem| ("warning", problem)));
    facts.extend(about.map(|about| ("run", about.to_owned())));
    facts
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
