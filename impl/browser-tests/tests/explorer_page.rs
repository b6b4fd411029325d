//! The Explorer's page in a real browser.

#[path = "../../tests/served/mod.rs"]
mod served;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use headless_chrome::{Browser, LaunchOptions, Tab};
use served::{Served, TIME_MAX};

/// How often the page is looked at.
const TICK: Duration = Duration::from_millis(50);

/// The `quorate` that is looked at: `$QUORATE`, or the one that `cargo build --release` makes.
fn quorate() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/quorate");
    let path = std::env::var_os("QUORATE").map_or_else(|| PathBuf::from(built), PathBuf::from);
    let missing = "there is no such program: run `cargo build --release`, or name one in $QUORATE";
    assert!(path.exists(), "{}: {missing}", path.display());
    path
}

fn browser() -> Browser {
    let options = LaunchOptions::default_builder()
        .headless(true)
        // Chromium has no sandbox in containers. The page is our own.
        .sandbox(false)
        .window_size(Some((1440, 900)))
        .idle_browser_timeout(TIME_MAX)
        .args(vec![OsStr::new("--disable-background-networking")])
        .build()
        .expect("the options are complete");
    Browser::new(options).expect("Chromium starts; on Debian: apt-get install chromium")
}

/// The text of an element as it is shown; empty while there is none.
fn text(tab: &Tab, selector: &str) -> String {
    let script = format!("document.querySelector({selector:?})?.innerText ?? ''");
    evaluate(tab, &script)
}

fn evaluate(tab: &Tab, script: &str) -> String {
    let value = tab.evaluate(script, false).expect("the script runs").value;
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Waits until a script's text contains this.
fn wait_for(tab: &Tab, script: &str, wanted: &str) {
    let until = Instant::now() + TIME_MAX;
    loop {
        let found = evaluate(tab, script);
        if found.contains(wanted) {
            return;
        }
        assert!(Instant::now() < until, "`{wanted}` does not appear; there is:\n{found}");
        thread::sleep(TICK);
    }
}

/// What stands beside the diagram: changes and state.
const STATE: &str = "document.querySelector('section div.font-small').innerText";
/// The labels of the diagram's rows, with their full texts.
const DIAGRAM: &str = "[...document.querySelectorAll('svg.sequence g')]
    .map(row => row.querySelector('text').textContent).join('\\n')";
/// The full texts of the diagram's rows.
const TITLES: &str = "[...document.querySelectorAll('svg.sequence g title')]
    .map(title => title.textContent).join('\\n')";

/// Clicks the offered action of exactly these words.
fn choose(tab: &Arc<Tab>, action: &str) {
    let link = format!("//nav/ul//a[normalize-space(.)='{action}']");
    tab.wait_for_xpath_with_custom_timeout(&link, TIME_MAX)
        .unwrap_or_else(|error| panic!("{action} is not offered: {error}\n{}", text(tab, "nav")))
        .click()
        .expect("a link can be clicked");
}

#[test]
fn following_actions_changes_the_state_and_the_diagram() {
    let here = tempfile::tempdir().unwrap();
    let served = Served::start(&quorate(), "r1-w1", here.path());
    let browser = browser();
    let tab = browser.new_tab().unwrap();
    tab.set_default_timeout(TIME_MAX);
    tab.navigate_to(&served.url).unwrap().wait_until_navigated().unwrap();

    choose(&tab, "Init 0");
    wait_for(&tab, STATE, "writer        next: put k = \"new\"");
    wait_for(&tab, STATE, "A             holds nothing");
    wait_for(&tab, DIAGRAM, "A\nB\nC\nwriter\nreader");
    assert_eq!(evaluate(&tab, DIAGRAM).lines().count(), 5, "only the lifelines' names");

    choose(&tab, "writer starts put k = \"new\" via A");
    wait_for(&tab, STATE, "A             k: \"new\"@A:1, seen {A:1}");
    wait_for(&tab, STATE, "under way     A -> ");
    wait_for(&tab, STATE, "acknowledged  writer#1 put k = \"new\"");
    wait_for(&tab, DIAGRAM, "reader\nput k = \"new\"\nOk");

    choose(&tab, "reader starts get k via B");
    wait_for(&tab, STATE, "B -> reader  Ok from {B}: nothing (reader#1)");
    wait_for(&tab, STATE, "read-freshness  VIOLATED");
    wait_for(&tab, DIAGRAM, "Ok\nget k\nOk: nothing");

    choose(&tab, "A -> B Store k: \"new\"@A:1, seen {A:1} (writer#1)");
    wait_for(&tab, STATE, "B             k: \"new\"@A:1, seen {A:1}");
    wait_for(&tab, DIAGRAM, "Ok: nothing\nStore k: \"new\"");
    wait_for(&tab, TITLES, "A -> B  Store k: \"new\"@A:1, seen {A:1} (writer#1)");
    let path = evaluate(&tab, "document.querySelector('ol.path-list').innerText");
    assert_eq!(path.trim().lines().filter(|line| !line.is_empty()).count(), 5, "{path}");

    // Back takes the last step back, in the state and in the diagram.
    tab.evaluate("history.back()", false).unwrap();
    wait_for(&tab, STATE, "B             holds nothing");
    assert!(!evaluate(&tab, DIAGRAM).contains("Store"));
}

#[test]
fn a_saved_run_is_open_at_its_end_and_its_steps_can_be_walked_back() {
    let here = tempfile::tempdir().unwrap();
    let mut command = Command::new(quorate());
    let check = command.args(["check", "failed-write-seen"]).current_dir(here.path()).output();
    assert!(check.expect("quorate starts").status.success());
    let saved = "quorate-traces/failed-write-seen/monotonic-reads.json";
    let served = Served::start(&quorate(), saved, here.path());
    let browser = browser();
    let tab = browser.new_tab().unwrap();
    tab.set_default_timeout(TIME_MAX);
    tab.navigate_to(&served.url).unwrap().wait_until_navigated().unwrap();

    wait_for(&tab, "document.querySelector('h1').innerText", "failed-write-seen");
    wait_for(&tab, "document.querySelector('dl').innerText", "monotonic-reads violated");
    wait_for(&tab, STATE, "monotonic-reads         VIOLATED");
    wait_for(&tab, DIAGRAM, "Fetch k\nFetchReply: ");

    let first = "//ol/li[3]/a[starts-with(normalize-space(.), 'writer starts put')]";
    tab.wait_for_xpath_with_custom_timeout(first, TIME_MAX).unwrap().click().unwrap();
    wait_for(&tab, STATE, "monotonic-reads         holds, not put to the test here");
}
