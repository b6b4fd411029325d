//! Keys whose value may have one of several shapes.
//!
//! By hand and not by serde's untagged enums, which forget what was wrong and where.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::steps::RawMessage;

/// One table, or a list of them.
pub(super) struct OneOrMore<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = OneOrMore<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table or a list of tables")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let one = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OneOrMore(Vec::from([one])))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMore)
            }
        }
        from.deserialize_any(Shape(PhantomData))
    }
}

/// What `deliver` may be: a verb of its own, or a word of a step that makes a request.
pub(super) enum RawDeliver {
    /// `true` or `false`: whether the messages of this step's request arrive.
    OfRequest(bool),
    /// `"all"`.
    All,
    /// A table: one message.
    One(RawMessage),
}

impl<'de> Deserialize<'de> for RawDeliver {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = RawDeliver;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\", a table that names a message, or false beside a request")
            }

            fn visit_bool<E: Error>(self, on: bool) -> Result<RawDeliver, E> {
                Ok(RawDeliver::OfRequest(on))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<RawDeliver, E> {
                match word {
                    "all" => Ok(RawDeliver::All),
                    other => Err(E::unknown_variant(other, &["all"])),
                }
            }

            fn visit_string<E: Error>(self, word: String) -> Result<RawDeliver, E> {
                self.visit_str(&word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawDeliver, A::Error> {
                RawMessage::deserialize(MapAccessDeserializer::new(map)).map(RawDeliver::One)
            }
        }
        from.deserialize_any(Shape)
    }
}
