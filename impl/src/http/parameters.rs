//! What follows the question mark, and the key in a path.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use quorate_model::ids::Key;

use super::problem::Problem;

/// The parameters of a request. Each is taken out once; what is left is not known.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, Vec<u8>)>);

impl Parameters {
    /// Those of this query.
    pub(super) fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut parameters: Vec<(String, Vec<u8>)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = String::from_utf8_lossy(&decoded(&name.replace('+', " "))).into_owned();
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(Problem::bad(&format!("{name}: given twice")));
            }
            parameters.push((name, decoded(&value.replace('+', " "))));
        }
        Ok(Parameters(parameters))
    }

    /// Takes out the bytes of a parameter.
    pub(super) fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(bytes) = self.bytes(name) else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(Problem::bad(&format!("{name}: {text:?} is not {expected}"))),
        }
    }

    /// Takes out a number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<usize>, Problem> {
        self.parsed(name, "a number", |text| text.parse().ok())
    }

    /// Takes out a yes or no.
    pub(super) fn choice(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        self.parsed(name, "true or false", |text| text.parse().ok())
    }

    /// Takes out a time.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<Duration>, Problem> {
        let parse = |text: &str| humantime::parse_duration(text).ok();
        let time = self.parsed(name, "a time such as 500ms or 3s", parse)?;
        if time.is_some_and(|time| time.is_zero()) {
            return Err(Problem::bad(&format!("{name}: must be longer than nothing")));
        }
        Ok(time)
    }

    /// Nothing else may be there.
    pub(super) fn end(self, known: &str) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::bad(&format!("{name}: not known here; {known} are"))),
        }
    }
}

/// The key that a path of `/keys/` names.
pub(super) fn key_of(path: &str) -> Key {
    let key = path.strip_prefix("/keys/").unwrap_or_default();
    Key(decoded(key).into())
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Parameters {
        Parameters::of(Some(query)).unwrap()
    }

    #[test]
    fn parameters_are_read_and_what_is_wrong_is_named() {
        let mut all = of("r=2&sloppy=true&timeout=500ms&prefix=a%2F+%ff");
        assert_eq!(all.number("r").unwrap(), Some(2));
        assert_eq!(all.number("w").unwrap(), None);
        assert_eq!(all.choice("sloppy").unwrap(), Some(true));
        assert_eq!(all.time("timeout").unwrap(), Some(Duration::from_millis(500)));
        assert_eq!(all.bytes("prefix").unwrap(), b"a/ \xff");
        assert!(all.end("r, w").is_ok());
        for (problem, name) in [
            (of("r=-1").number("r").unwrap_err(), "r: "),
            (of("sloppy=1").choice("sloppy").unwrap_err(), "sloppy: "),
            (of("timeout=3").time("timeout").unwrap_err(), "timeout: "),
            (of("timeout=0s").time("timeout").unwrap_err(), "timeout: "),
            (of("x=1").end("r").unwrap_err(), "x: "),
            (Parameters::of(Some("r=1&r=2")).unwrap_err(), "r: "),
        ] {
            assert!(problem.message().starts_with(name), "{problem:?}");
        }
    }

    #[test]
    fn a_key_is_the_rest_of_the_path_as_bytes() {
        for (path, key) in [
            ("/keys/cart", &b"cart"[..]),
            ("/keys/a/b", b"a/b"),
            ("/keys/a%2Fb", b"a/b"),
            ("/keys/%FF%00+", b"\xff\x00+"),
        ] {
            assert_eq!(&*key_of(path).0, key);
        }
    }
}
