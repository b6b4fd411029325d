//! What it serves, without a browser.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use crate::served::{Served, TIME_MAX};

pub(crate) fn quorate() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_quorate"))
}

fn explore(arguments: &[&str]) -> Output {
    let mut command = Command::new(quorate());
    command.arg("explore").args(arguments).output().expect("quorate starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it serves at this path; in one piece, which HTTP/1.0 asks for.
fn get(served: &Served, path: &str) -> String {
    let host = served.url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).expect("quorate accepts connections");
    stream.set_read_timeout(Some(TIME_MAX)).expect("a timeout can be set");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("the request is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the response is text");
    response
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = explore(&["r1-w1", "--listen", &address]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = stderr(&output);
    assert!(text.starts_with(&format!("error: cannot listen on {address}: ")), "{text}");
    assert!(text.contains("--listen"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn an_unknown_scenario_is_exit_code_2_with_the_known_ones() {
    let output = explore(&["r1-w4"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("no scenario is named `r1-w4`"), "{text}");
    assert!(text.contains("r1-w1, r1-w2"), "{text}");
}

#[test]
fn an_address_that_is_none_is_exit_code_2() {
    let output = explore(&["r1-w1", "--listen", "3000"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--listen"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_with_exit_code_0() {
    let here = tempfile::tempdir().unwrap();
    let mut served = Served::start(quorate(), "r1-w1", here.path());
    let kill = Command::new("kill").args(["-INT", &served.child.id().to_string()]).status();
    assert!(kill.expect("kill starts").success());
    served.wait_for_line("stopped");
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_ui_directory_in_the_working_directory_is_not_served() {
    let here = tempfile::tempdir().unwrap();
    std::fs::create_dir(here.path().join("ui")).unwrap();
    std::fs::write(here.path().join("ui/index.htm"), "not the Explorer").unwrap();
    let served = Served::start(quorate(), "r1-w1", here.path());
    let page = get(&served, "/");
    assert!(page.contains("<title>r1-w1 - quorate explore</title>"), "{page}");
}

#[test]
fn a_scenario_file_is_explored_with_its_operations_in_words() {
    let here = tempfile::tempdir().unwrap();
    let file = "title = \"t\"\n[cluster]\nnodes = [\"P\", \"Q\"]\nn = 2\nr = 1\nw = 1\n\
        [[client]]\nname = \"ann\"\nprogram = [{ put = \"k\", value = \"v\" }]\n\
        [expect]\nno-lost-write = \"holds\"\n";
    std::fs::write(here.path().join("mine.toml"), file).unwrap();
    let served = Served::start(quorate(), "mine.toml", here.path());
    let states = get(&served, "/.states/0");
    assert!(states.contains(r#""action":"ann starts put k = \"v\" via P""#), "{states}");
    assert!(states.contains(r#""action":"ann starts put k = \"v\" via Q""#), "{states}");
}

#[test]
fn the_page_says_which_scenario_it_shows_and_within_which_bounds() {
    let here = tempfile::tempdir().unwrap();
    let file = "title = \"is <b>1</b> enough?\"\nnotes = \"a & b\"\nturn-length = 1\n\
        [cluster]\nnodes = [\"P\", \"Q\"]\nn = 2\nr = 1\nw = 1\n\
        [[client]]\nname = \"ann\"\nprogram = [{ put = \"k\", value = \"v\" }]\n\
        [faults]\ndrops = 1\n[reductions]\nreplies = false\n\
        [expect]\nno-lost-write = \"holds\"\n";
    std::fs::write(here.path().join("mine.toml"), file).unwrap();
    let served = Served::start(quorate(), "mine.toml", here.path());
    let page = get(&served, "/");
    for wanted in [
        "<h1><a href=\"/\">quorate explore: mine</a></h1>",
        "<p>is &lt;b&gt;1&lt;/b&gt; enough?</p>",
        "<dt>cluster</dt><dd>P Q; N=2, R=1, W=1 (R + W &lt;= N); dotted versions",
        "<dt>client</dt><dd>ann: put k = &quot;v&quot;</dd>",
        "faults at any moment: at most 1 drop",
        "<dt>reductions</dt><dd>client-hops, answers, ",
        "; off: replies</dd>",
        "<dt>expected</dt><dd>no-lost-write holds</dd>",
        "<p>a &amp; b</p>",
    ] {
        assert!(page.contains(wanted), "`{wanted}` is not in {page}");
    }
    assert!(!page.contains("{{"), "every place has its text: {page}");
    assert!(!page.contains("<dt>run</dt>"), "no run is preferred: {page}");
}

#[test]
fn a_scenario_of_the_leader_based_protocol_is_explored_and_so_is_its_script() {
    let here = tempfile::tempdir().unwrap();
    let served = Served::start(quorate(), "async-leader-lost", here.path());
    let page = get(&served, "/");
    assert!(page.contains("<dt>cluster</dt><dd>A B C; leader-based: async, raft;"), "{page}");
    assert!(page.contains("<dt>reductions</dt><dd>client-hops, dead-messages</dd>"), "{page}");
    let states = get(&served, "/.states/0");
    assert!(states.contains(r#""action":"x starts k = red via A""#), "{states}");
    assert!(states.contains("<svg"), "there is a diagram: {states}");

    let served = Served::start(quorate(), "async-leader-lost-script", here.path());
    let page = get(&served, "/");
    assert!(page.contains("<dt>run</dt><dd>as scripted</dd>"), "{page}");
    let first = get(&served, "/.states/0");
    assert!(first.contains("step 1 (line "), "{first}");
}

/// The part of the page's address that it shows first.
fn opens_at(page: &str) -> &str {
    let (_, rest) = page.split_once("window.location.replace('#/steps/").expect("a run is shown");
    rest.split_once('\'').expect("the address ends").0
}

/// What is offered in a state.
fn offered(served: &Served, path: &str) -> Vec<serde_json::Value> {
    let response = get(served, &format!("/.states/{path}"));
    let (head, body) = response.split_once("\r\n\r\n").expect("a response has a head");
    assert!(head.starts_with("HTTP/1.0 200 "), "{path}: {head}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[test]
fn a_script_is_explored_as_its_one_run_each_transition_with_the_step_it_belongs_to() {
    let here = tempfile::tempdir().unwrap();
    let served = Served::start(quorate(), "r1-w1-script", here.path());
    let page = get(&served, "/");
    assert!(page.contains("<dt>bounds</dt><dd>one run, as scripted</dd>"), "{page}");
    assert!(page.contains("<dt>run</dt><dd>as scripted</dd>"), "{page}");
    let end = opens_at(&page).to_owned();
    let (mut path, mut told) = (String::from("0"), Vec::new());
    loop {
        let offered = offered(&served, &path);
        let Some(only) = offered.first() else { break };
        assert_eq!(offered.len(), 1, "a script leaves nothing to choose");
        told.push(only["outcome"].as_str().expect("an action has an outcome").to_owned());
        path.push_str("/0");
    }
    assert_eq!(path, end, "the page shows the whole run");
    assert!(told[0].starts_with("step 1 (line "), "{}", told[0]);
    let last = told.last().expect("the script has steps");
    assert!(last.contains("the script ends here"), "{last}");
    assert!(!told[0].contains("the script ends here"), "{}", told[0]);
}

#[test]
fn a_script_that_differs_is_shown_up_to_there_and_says_so() {
    let here = tempfile::tempdir().unwrap();
    let file = "title = \"t\"\nstep = [{ put = \"k\", client = \"x\", via = \"A\", \
        deliver = false, expect = \"unavailable\" }, { crash = \"A\" }]\n\
        [cluster]\nnodes = [\"A\", \"B\"]\nn = 2\nr = 1\nw = 2\n\
        [expect]\nno-lost-write = \"holds\"\n";
    std::fs::write(here.path().join("mine.toml"), file).unwrap();
    let served = Served::start(quorate(), "mine.toml", here.path());
    let page = get(&served, "/");
    let differs = "expected unavailable, got no answer yet";
    assert!(page.contains("as scripted until it differs") && page.contains(differs), "{page}");
    let last = &offered(&served, "0")[0]["outcome"];
    assert!(last.as_str().is_some_and(|told| told.contains(differs)), "{last}");
    assert!(offered(&served, "0/0").is_empty(), "nothing was carried out beyond");
}

/// A run that `quorate check` saves in this directory.
fn saved_run(here: &Path, scenario: &str, property: &str) -> String {
    let mut command = Command::new(quorate());
    let output = command.args(["check", scenario]).current_dir(here).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    format!("quorate-traces/{scenario}/{property}.json")
}

#[test]
fn a_saved_run_is_shown_to_its_end_and_other_runs_can_be_walked_from_it() {
    let here = tempfile::tempdir().unwrap();
    let saved = saved_run(here.path(), "failed-write-seen", "monotonic-reads");
    let served = Served::start(quorate(), &saved, here.path());
    let page = get(&served, "/");
    assert!(page.contains("<dt>run</dt><dd>monotonic-reads violated, in "), "{page}");
    let end = opens_at(&page);
    let (before, last) = end.rsplit_once('/').expect("a run has steps");
    let before_last = offered(&served, before);
    let last: u64 = last.parse().expect("a step is told by its number");
    let told = before_last.iter().find(|offered| offered["actionIndex"].as_u64() == Some(last));
    let told = told.expect("the run's step is offered")["outcome"].as_str().expect("it is told");
    let property = told.lines().find(|line| line.contains("monotonic-reads "));
    assert!(property.is_some_and(|line| line.contains("VIOLATED")), "{told}");
    assert!(before_last.len() > 1, "other choices are offered too");
}

#[test]
fn a_saved_run_of_a_script_is_walked_alone() {
    let here = tempfile::tempdir().unwrap();
    let saved = saved_run(here.path(), "r1-w1-script", "read-freshness");
    let served = Served::start(quorate(), &saved, here.path());
    let end = opens_at(&get(&served, "/")).to_owned();
    assert!(end.len() > 1 && end.split('/').all(|index| index == "0"), "{end}");
    assert!(offered(&served, &end).is_empty());
}

#[test]
fn a_saved_run_that_no_longer_fits_is_exit_code_1_and_what_is_none_exit_code_2() {
    let here = tempfile::tempdir().unwrap();
    let saved = here.path().join(saved_run(here.path(), "r1-w1", "read-freshness"));
    let text = std::fs::read_to_string(&saved).unwrap();
    let no_such_client = text.replacen("\"client\": 0", "\"client\": 7", 1);
    assert_ne!(text, no_such_client, "the run starts with the first client");
    let stale = here.path().join("stale.json");
    std::fs::write(&stale, no_such_client).unwrap();
    let output = explore(&[stale.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("step 1 no longer fits the model"), "{}", stderr(&output));
    let none = here.path().join("none.json");
    std::fs::write(&none, "{}").unwrap();
    let output = explore(&[none.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("not a saved run"), "{}", stderr(&output));
}

#[test]
fn a_path_that_does_not_exist_leaves_the_server_up() {
    let here = tempfile::tempdir().unwrap();
    let served = Served::start(quorate(), "r1-w1", here.path());
    for path in ["/.states/7", "/.states/0/99", "/.states/x", "/nothing"] {
        assert!(get(&served, path).starts_with("HTTP/1.0 404 "), "{path}");
    }
    assert!(get(&served, "/.states/0").starts_with("HTTP/1.0 200 "));
}
