//! The Explorer's page in a real browser: `cargo test --workspace --test explore -- --ignored`, with Chromium installed.

use std::process::Command;

use crate::browser::Page;
use crate::served::Served;
use crate::served_pages::quorate;

/// What stands beside the diagram: changes and state.
const STATE: &str = "document.querySelector('section div.font-small').innerText";
/// The labels of the diagram's rows, with their full texts.
const DIAGRAM: &str = "[...document.querySelectorAll('svg.sequence g')]
    .map(row => row.querySelector('text').textContent).join('\\n')";
/// The full texts of the diagram's rows.
const TITLES: &str = "[...document.querySelectorAll('svg.sequence g title')]
    .map(title => title.textContent).join('\\n')";

/// Clicks the offered action of exactly these words.
fn choose(page: &mut Page, action: &str) {
    page.click(&format!("//nav/ul//a[normalize-space(.)='{action}']"));
}

#[test]
#[ignore = "it needs Chromium"]
fn following_actions_changes_the_state_and_the_diagram() {
    let here = tempfile::tempdir().unwrap();
    let served = Served::start(quorate(), "r1-w1", here.path());
    let mut page = Page::open(&served.url);

    choose(&mut page, "Init 0");
    page.wait_for(STATE, "writer        next: put k = \"new\"");
    page.wait_for(STATE, "A             holds nothing");
    page.wait_for(DIAGRAM, "A\nB\nC\nwriter\nreader");
    assert_eq!(page.evaluate(DIAGRAM).lines().count(), 5, "only the lifelines' names");

    choose(&mut page, "writer starts put k = \"new\" via A");
    page.wait_for(STATE, "A             k: \"new\"@A:1, seen {A:1}");
    page.wait_for(STATE, "under way     A -> ");
    page.wait_for(STATE, "acknowledged  writer#1 put k = \"new\"");
    page.wait_for(DIAGRAM, "reader\nput k = \"new\"\nOk");

    choose(&mut page, "reader starts get k via B");
    page.wait_for(STATE, "B -> reader  Ok from {B}: nothing (reader#1)");
    page.wait_for(STATE, "read-freshness  VIOLATED");
    page.wait_for(DIAGRAM, "Ok\nget k\nOk: nothing");

    choose(&mut page, "A -> B Store k: \"new\"@A:1, seen {A:1} (writer#1)");
    page.wait_for(STATE, "B             k: \"new\"@A:1, seen {A:1}");
    page.wait_for(DIAGRAM, "Ok: nothing\nStore k: \"new\"");
    page.wait_for(TITLES, "A -> B  Store k: \"new\"@A:1, seen {A:1} (writer#1)");
    let path = page.evaluate("document.querySelector('ol.path-list').innerText");
    assert_eq!(path.trim().lines().filter(|line| !line.is_empty()).count(), 5, "{path}");

    // Back takes the last step back, in the state and in the diagram.
    page.evaluate("history.back()");
    page.wait_for(STATE, "B             holds nothing");
    assert!(!page.evaluate(DIAGRAM).contains("Store"));
}

#[test]
#[ignore = "it needs Chromium"]
fn a_saved_run_is_open_at_its_end_and_its_steps_can_be_walked_back() {
    let here = tempfile::tempdir().unwrap();
    let mut command = Command::new(quorate());
    let check = command.args(["check", "failed-write-seen"]).current_dir(here.path()).output();
    assert!(check.expect("quorate starts").status.success());
    let saved = "quorate-traces/failed-write-seen/monotonic-reads.json";
    let served = Served::start(quorate(), saved, here.path());
    let mut page = Page::open(&served.url);

    page.wait_for("document.querySelector('h1').innerText", "failed-write-seen");
    page.wait_for("document.querySelector('dl').innerText", "monotonic-reads violated");
    page.wait_for(STATE, "monotonic-reads         VIOLATED");
    page.wait_for(DIAGRAM, "Fetch k\nFetchReply: ");

    let first = "//ol/li[3]/a[starts-with(normalize-space(.), 'writer starts put')]";
    page.click(first);
    page.wait_for(STATE, "monotonic-reads         holds, not put to the test here");
}
