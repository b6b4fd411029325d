//! Keys and values for people and other programs. They are bytes; people read text.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Bytes, shown so that no two are shown alike.
///
/// In text, what is UTF-8 without control characters is printed as it is. Anything else, and what
/// starts with a quotation mark, is printed between quotation marks, with escapes as in Rust's byte
/// strings: `"line\nnext"`, `"\xff"`.
///
/// In JSON, a string is the UTF-8 text; bytes that are no UTF-8 are an object, `{"base64": "/w=="}`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match str::from_utf8(self.0) {
            Ok(text) if !text.starts_with('"') && !text.chars().any(char::is_control) => {
                f.write_str(text)
            }
            _ => write!(f, "\"{}\"", self.0.escape_ascii()),
        }
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match str::from_utf8(self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => {
                let mut map = to.serialize_map(Some(1))?;
                map.serialize_entry("base64", &STANDARD.encode(self.0))?;
                map.end()
            }
        }
    }
}

/// A value in JSON, always with its encoding: `{"encoding": "utf-8", "value": "milk"}`, or
/// `{"encoding": "base64", "value": "/w=="}` where it is no UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct EncodedValue<'a>(pub &'a [u8]);

impl Serialize for EncodedValue<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        match str::from_utf8(self.0) {
            Ok(text) => {
                map.serialize_entry("encoding", "utf-8")?;
                map.serialize_entry("value", text)?;
            }
            Err(_) => {
                map.serialize_entry("encoding", "base64")?;
                map.serialize_entry("value", &STANDARD.encode(self.0))?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_printed_as_it_is_and_anything_else_in_quotation_marks() {
        for (bytes, shown) in [
            (&b"hello world"[..], "hello world"),
            (b"0x41", "0x41"),
            ("käse".as_bytes(), "käse"),
            (b"", ""),
            (b"\"a\"", r#""\"a\"""#),
            (b"a\nb", r#""a\nb""#),
            (b"\x1b[2J\xff", r#""\x1b[2J\xff""#),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
    }

    #[test]
    fn json_says_text_as_a_string_and_other_bytes_in_base64() {
        let json = |bytes| serde_json::to_string(&Bytes(bytes)).unwrap();
        assert_eq!(json(b"0x41\n"), r#""0x41\n""#);
        assert_eq!(json(b"\xff"), r#"{"base64":"/w=="}"#);
        let json = |bytes| serde_json::to_string(&EncodedValue(bytes)).unwrap();
        assert_eq!(json(b"a\n"), r#"{"encoding":"utf-8","value":"a\n"}"#);
        assert_eq!(json(b"\xff"), r#"{"encoding":"base64","value":"/w=="}"#);
    }

    proptest! {
        #[test]
        fn no_two_values_are_shown_alike(
            values in prop::collection::vec(
                prop::collection::vec(prop::sample::select(b"0x\"\\n\n\xff\xc3\xa4 ".to_vec()), 0..6),
                2..40,
            ),
        ) {
            let (mut texts, mut jsons) = (BTreeMap::new(), BTreeMap::new());
            for value in &values {
                let text = Bytes(value).to_string();
                let json = serde_json::to_string(&Bytes(value)).unwrap();
                prop_assert_eq!(texts.entry(text).or_insert(value), &value);
                prop_assert_eq!(jsons.entry(json).or_insert(value), &value);
            }
        }
    }
}
