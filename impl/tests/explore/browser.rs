//! A Chromium without a window, spoken to over a pipe: as much of the DevTools protocol as the tests of a page need.
//!
//! The crates that drive a browser bring a WebSocket, TLS and the whole protocol along, which takes longer to build than
//! everything else that is tested here. Over its pipe, Chromium reads and writes JSON that ends with a zero byte:
//! <https://chromedevtools.github.io/devtools-protocol/>.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::served::TIME_MAX;

/// How often the page is looked at.
const TICK: Duration = Duration::from_millis(50);

/// It reads requests from descriptor 3 and writes to descriptor 4.
const ON_A_PIPE: &str = r#"exec chromium "$@" 3<&0 4>&1 </dev/null >&2"#;

/// A page in a browser of its own, which ends with it.
pub(crate) struct Page {
    browser: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    /// The page among what the browser has open, once it is known.
    session: Option<Value>,
    asked: u64,
    _profile: TempDir,
}

impl Page {
    /// Starts a browser and opens this address.
    pub(crate) fn open(url: &str) -> Page {
        let profile = tempfile::tempdir().expect("a temporary directory can be made");
        let mut browser = Command::new("sh")
            .args(["-c", ON_A_PIPE, "sh", "--headless", "--remote-debugging-pipe"])
            // Chromium has no sandbox in containers, and little shared memory. The page is our own.
            .args(["--no-sandbox", "--disable-dev-shm-usage"])
            .args(["--disable-background-networking", "--disable-sync", "--no-first-run"])
            .args(["--window-size=1440,900", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let requests = browser.stdin.take().expect("it is piped");
        let output = BufReader::new(browser.stdout.take().expect("it is piped"));
        let (tell, answers) = channel();
        thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("Chromium writes JSON");
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let session = None;
        let mut page = Page { browser, requests, answers, session, asked: 0, _profile: profile };
        let target = page.ask("Target.createTarget", json!({ "url": url }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        page.session = Some(page.ask("Target.attachToTarget", attach)["sessionId"].take());
        page
    }

    /// What Chromium answers to a request.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut request = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = session.clone();
        }
        let none = "Chromium does not answer; on Debian: apt-get install chromium";
        self.requests.write_all(format!("{request}\0").as_bytes()).expect(none);
        let until = Instant::now() + TIME_MAX;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            // What happens in the page is told as well, without a number.
            let mut answer = self.answers.recv_timeout(left).expect(none);
            if answer["id"] == self.asked {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
        }
    }

    /// The text that a script ends with, or none if it fails, as where an element is not there yet.
    pub(crate) fn evaluate(&mut self, script: &str) -> String {
        let script = json!({ "expression": script, "returnByValue": true });
        let evaluated = self.ask("Runtime.evaluate", script);
        evaluated["result"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a script's text contains this.
    pub(crate) fn wait_for(&mut self, script: &str, wanted: &str) {
        let until = Instant::now() + TIME_MAX;
        loop {
            let found = self.evaluate(script);
            if found.contains(wanted) {
                return;
            }
            assert!(Instant::now() < until, "`{wanted}` does not appear; there is:\n{found}");
            thread::sleep(TICK);
        }
    }

    /// Clicks with the mouse on what an XPath names, once it is there.
    pub(crate) fn click(&mut self, xpath: &str) {
        let script = format!(
            "(() => {{
                const found = document.evaluate({xpath:?}, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null);
                found.singleNodeValue.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const at = found.singleNodeValue.getClientRects()[0];
                return JSON.stringify([at.x + at.width / 2, at.y + at.height / 2]);
            }})()"
        );
        let until = Instant::now() + TIME_MAX;
        let at: Option<[f64; 2]> = loop {
            let found = serde_json::from_str(&self.evaluate(&script)).ok();
            if found.is_some() || Instant::now() > until {
                break found;
            }
            thread::sleep(TICK);
        };
        let Some([x, y]) = at else {
            panic!("{xpath} is not there:\n{}", self.evaluate("document.body.innerText"));
        };
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let mouse = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", mouse);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
