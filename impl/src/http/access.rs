//! Who may ask.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::front::Front;
use super::problem::Problem;

/// The least a token may have: what nobody guesses.
const TOKEN_BYTES_MIN: usize = 16;

/// What a request must show.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    token: Option<blake3::Hash>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("needs_token", &self.needs_token()).finish()
    }
}

/// Why a file holds no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("--http-token-file: cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It could be guessed, or not be sent.
    #[error(
        "--http-token-file: {} must hold one line of at least {TOKEN_BYTES_MIN} printable ASCII \
         characters without spaces; `openssl rand -hex 32` makes one",
        path.display()
    )]
    Unfit {
        /// Which file.
        path: PathBuf,
    },
}

impl Access {
    /// Anybody on this machine.
    pub const LOCAL: Access = Access { token: None };

    /// Whoever shows this token.
    #[must_use]
    pub fn with_token(token: &str) -> Self {
        Access { token: Some(blake3::hash(token.as_bytes())) }
    }

    /// Whoever shows the token in this file.
    ///
    /// # Errors
    /// When it cannot be read, or holds none.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TokenError::Unreadable { path: path.into(), source })?;
        let token = text.trim_end();
        if token.len() < TOKEN_BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Unfit { path: path.into() });
        }
        Ok(Access::with_token(token))
    }

    /// Whether requests must carry a token.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    fn refusal(&self, host: Option<&str>, authorization: Option<&str>) -> Option<Problem> {
        let Some(token) = self.token else {
            let is_named = host.is_some_and(|host| !is_address(host));
            return is_named.then(|| {
                Problem::bad(
                    "Host: ask for an IP address or localhost: a name may be one that a page in a browser \
                     gave to this machine",
                )
            });
        };
        let shown = authorization.and_then(|header| {
            let (scheme, token) = header.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        // Hashes are compared in constant time.
        let is_right = shown.is_some_and(|shown| blake3::hash(shown.as_bytes()) == token);
        (!is_right).then(Problem::unauthorized)
    }
}

/// Whether no name had to be resolved to get here, or one that only this machine resolves.
fn is_address(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || inner.parse::<IpAddr>().is_ok()
}

/// Lets a request through, or says why not.
pub(super) async fn check(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    match refusal_of(&front.access, &request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

/// The same where this is all that is shared.
pub(super) async fn check_alone(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    match refusal_of(&access, &request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn refusal_of(access: &Access, request: &Request) -> Option<Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = header(HOST).or_else(|| request.uri().authority().map(|host| host.as_str()));
    // Whoever restarts nodes need not know the token.
    let is_probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    let refusal = access.refusal(host, header(AUTHORIZATION));
    refusal.filter(|_| !(is_probe && access.needs_token()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_token_only_addresses_and_localhost_are_answered() {
        let is_let_in = |host| Access::LOCAL.refusal(host, None).is_none();
        for host in ["127.0.0.1:8401", "[::1]:8401", "localhost", "LOCALHOST:1", "10.0.0.1"] {
            assert!(is_let_in(Some(host)), "{host}");
        }
        assert!(is_let_in(None), "HTTP/1.0");
        for host in
            ["example.org", "127.0.0.1.example.org:8401", "localhost.example.org", "", "a b"]
        {
            assert!(!is_let_in(Some(host)), "{host}");
        }
    }

    #[test]
    fn with_a_token_whoever_shows_it_is_let_in_by_any_name_and_nobody_else() {
        let access = Access::with_token("0123456789abcdef");
        let is_let_in = |header| access.refusal(Some("example.org"), header).is_none();
        assert!(is_let_in(Some("Bearer 0123456789abcdef")));
        assert!(is_let_in(Some("bearer  0123456789abcdef")));
        for header in
            ["Bearer 0123456789abcdeF", "Bearer", "Basic 0123456789abcdef", "0123456789abcdef"]
        {
            assert!(!is_let_in(Some(header)), "{header}");
        }
        assert!(!is_let_in(None));
    }

    #[test]
    fn a_token_that_is_short_or_cannot_be_sent_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for (text, is_fit) in [
            ("0123456789abcdef\n", true),
            ("0123456789abcde\n", false),
            ("0123456789 abcdef", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Access::read(&path).is_ok(), is_fit, "{text}");
        }
        assert!(Access::read(&directory.path().join("absent")).is_err());
    }
}
