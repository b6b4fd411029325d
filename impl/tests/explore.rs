//! `quorate explore` without a browser.

mod served;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use served::{Served, TIME_MAX};

fn explore(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.arg("explore").args(arguments).output().expect("quorate starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it serves at this path.
fn get(served: &Served, path: &str) -> String {
    let host = served.url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).expect("quorate accepts connections");
    stream.set_read_timeout(Some(TIME_MAX)).expect("a timeout can be set");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        .expect("the request is sent");
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
    let mut served = Served::start("r1-w1", here.path());
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
    let served = Served::start("r1-w1", here.path());
    let page = get(&served, "/");
    assert!(page.contains("<title>Stateright Explorer</title>"), "{page}");
}

#[test]
fn a_scenario_file_is_explored_with_its_operations_in_words() {
    let here = tempfile::tempdir().unwrap();
    let file = "title = \"t\"\n[cluster]\nnodes = [\"P\", \"Q\"]\nn = 2\nr = 1\nw = 1\n\
        [[client]]\nname = \"ann\"\nprogram = [{ put = \"k\", value = \"v\" }]\n\
        [expect]\nno-lost-write = \"holds\"\n";
    std::fs::write(here.path().join("mine.toml"), file).unwrap();
    let served = Served::start("mine.toml", here.path());
    let states = get(&served, "/.states/0");
    assert!(states.contains(r#""action":"ann starts put k = \"v\" via P""#), "{states}");
    assert!(states.contains(r#""action":"ann starts put k = \"v\" via Q""#), "{states}");
}

#[test]
fn a_path_that_does_not_exist_leaves_the_server_up() {
    let here = tempfile::tempdir().unwrap();
    let served = Served::start("r1-w1", here.path());
    for path in ["/.states/7", "/.states/0/99", "/.states/x", "/nothing"] {
        assert!(get(&served, path).starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert!(get(&served, "/.states/0").starts_with("HTTP/1.1 200 "));
}
