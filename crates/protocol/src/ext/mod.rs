//! Ext fields: the flat list of names and texts that carries every header.
//!
//! [`ExtFields`] is a view of the bytes as they came, in either encoding. It is a serde data format:
//! a struct is read from it and written to it field by field, without a map in between. Texts are
//! borrowed; only a JSON escape or broken UTF-8 forces a copy.
//!
//! The rules are those of `RemotingCommand#decodeCommandCustomHeader`: unknown fields are ignored,
//! missing ones take the type's default, of a name that comes twice the last one counts, `null` and
//! (in the binary encoding) an empty value mean absent. One thing is stricter than Java: a number
//! that is none is an error for every header, while Java only logs it for headers without a codec of
//! their own and fails later.

mod de;
mod ser;

use std::borrow::Cow;

use serde::Deserializer;
use serde::de::Visitor;
use serde::ser::{Serialize, SerializeMap, Serializer};

pub use de::HeaderError;
pub(crate) use ser::{ShapeError, write_fields};

use crate::frame::Encoding;
use crate::json_text::{RawText, Scanner, Unexpected, Value};

/// The ext fields of a frame, in the order received. Made by a decoded frame, which has checked
/// them: a walk through them cannot fail.
#[derive(Debug, Clone, Copy)]
pub struct ExtFields<'a> {
    encoding: Encoding,
    bytes: &'a [u8],
}

impl<'a> ExtFields<'a> {
    pub(crate) const EMPTY: Self = Self {
        encoding: Encoding::Binary,
        bytes: &[],
    };

    /// `bytes` is a JSON object with its braces, or a binary map without its length.
    pub(crate) fn new(encoding: Encoding, bytes: &'a [u8]) -> Self {
        Self { encoding, bytes }
    }

    /// All fields in the order received, names that come twice twice. `None` is a field that came
    /// without a value.
    #[must_use]
    pub fn iter(&self) -> Iter<'a> {
        Iter(self.pairs())
    }

    /// The value of the last field of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Cow<'a, str>> {
        let last = self.pairs().filter(|(key, _)| key.is(name)).last();
        last.and_then(|(_, value)| value).map(RawText::text)
    }

    pub(crate) fn pairs(&self) -> Pairs<'a> {
        match self.encoding {
            Encoding::Json => Pairs::Json(JsonPairs {
                scanner: Scanner::new(self.bytes),
                begun: false,
            }),
            Encoding::Binary => Pairs::Binary(BinaryPairs { rest: self.bytes }),
        }
    }
}

impl<'a> IntoIterator for ExtFields<'a> {
    type Item = (Cow<'a, str>, Option<Cow<'a, str>>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Passes the fields on as they came, as a broker does that forwards a request.
impl Serialize for ExtFields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, value) in *self {
            if let Some(value) = value {
                map.serialize_entry(&name, &value)?;
            }
        }
        map.end()
    }
}

/// The same fields in the same encoding, where an empty binary value stays one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsReceived<'a>(pub(crate) ExtFields<'a>);

impl Serialize for AsReceived<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.encoding == Encoding::Json {
            return self.0.serialize(to);
        }
        let mut map = to.serialize_map(None)?;
        for (name, value) in self.0 {
            map.serialize_entry(&name, value.as_deref().unwrap_or_default())?;
        }
        map.end()
    }
}

/// See [`ExtFields::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(Pairs<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = (Cow<'a, str>, Option<Cow<'a, str>>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0
            .next()
            .map(|(name, value)| (name.text(), value.map(RawText::text)))
    }
}

type Pair<'a> = (RawText<'a>, Option<RawText<'a>>);

/// The fields as they stand in the bytes.
#[derive(Debug, Clone)]
pub(crate) enum Pairs<'a> {
    Json(JsonPairs<'a>),
    Binary(BinaryPairs<'a>),
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        match self {
            Pairs::Json(pairs) => pairs.next_pair().ok().flatten(),
            Pairs::Binary(pairs) => pairs.next_pair().ok().flatten(),
        }
    }
}

/// Walks the members of a JSON object.
#[derive(Debug, Clone)]
pub(crate) struct JsonPairs<'a> {
    scanner: Scanner<'a>,
    begun: bool,
}

impl<'a> JsonPairs<'a> {
    /// Checks a whole object that `scanner` is at, and takes it.
    pub(crate) fn check(scanner: &mut Scanner<'a>) -> Result<(), Unexpected> {
        let mut pairs = JsonPairs {
            scanner: scanner.clone(),
            begun: false,
        };
        while pairs.next_pair()?.is_some() {}
        *scanner = pairs.scanner;
        Ok(())
    }

    /// Java's map turns every value into a string: a number is its digits, an object its text.
    #[inline]
    fn next_pair(&mut self) -> Result<Option<Pair<'a>>, Unexpected> {
        let usual = self.begun.then(|| self.scanner.take_next_name()).flatten();
        let Some(name) = usual.map_or_else(|| self.next_name(), |name| Ok(Some(name)))? else {
            return Ok(None);
        };
        let value = match self.scanner.value()? {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Bare(text) | Value::Nested(text) => Some(RawText::plain(text)),
        };
        Ok(Some((name, value)))
    }

    /// The name of the next member with its colon, in any form that JSON allows.
    fn next_name(&mut self) -> Result<Option<RawText<'a>>, Unexpected> {
        let scanner = &mut self.scanner;
        if self.begun {
            if scanner.take(b'}') {
                return Ok(None);
            }
            scanner.expect(b',', "a comma between ext fields")?;
        } else {
            self.begun = true;
            scanner.expect(b'{', "an object of ext fields")?;
            if scanner.take(b'}') {
                return Ok(None);
            }
        }
        let name = scanner.string()?;
        scanner.expect(b':', "a colon after the name of an ext field")?;
        Ok(Some(name))
    }
}

/// Walks the entries of a binary map.
#[derive(Debug, Clone)]
pub(crate) struct BinaryPairs<'a> {
    rest: &'a [u8],
}

/// A binary map whose lengths do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uneven;

impl<'a> BinaryPairs<'a> {
    pub(crate) fn check(map: &'a [u8]) -> Result<(), Uneven> {
        let mut pairs = BinaryPairs { rest: map };
        while pairs.next_pair()?.is_some() {}
        Ok(())
    }

    /// `RocketMQSerializable#readStr`: a length of zero is null. A null name cannot be asked for.
    #[inline]
    fn next_pair(&mut self) -> Result<Option<Pair<'a>>, Uneven> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Uneven)?;
        let name_bytes = usize::try_from(i16::from_be_bytes(*bytes)).map_err(|_| Uneven)?;
        let (name, rest) = rest.split_at_checked(name_bytes).ok_or(Uneven)?;
        let (bytes, rest) = rest.split_first_chunk().ok_or(Uneven)?;
        let value_bytes = usize::try_from(i32::from_be_bytes(*bytes)).map_err(|_| Uneven)?;
        let (value, rest) = rest.split_at_checked(value_bytes).ok_or(Uneven)?;
        self.rest = rest;
        let value = (!value.is_empty()).then_some(RawText::plain(value));
        Ok(Some((RawText::plain(name), value)))
    }
}

/// For `deserialize_with` on `Option<Cow<'a, str>>`, which serde itself would copy.
pub(crate) fn optional_text<'de, D>(from: D) -> Result<Option<Cow<'de, str>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("a text")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }

        fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text))
        }
    }

    from.deserialize_str(Text).map(Some)
}

#[cfg(test)]
mod tests;
