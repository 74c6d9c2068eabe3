//! The serde half of reading.
//!
//! Values are converted as fastjson does: numbers and booleans from text and back, fractions cut
//! where integers are meant, an object given for text becomes its source. Strings are never lent
//! to the reading type, since a map key may be JSON text that exists only while it is read.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

use super::convert::{boolean_of, integer_of};
use super::cursor::{Cursor, Scalar};
use super::members::{Elements, LastMembers, Members};
use super::reference::References;
use super::{CONTAINERS_MAX, JsonError};

/// Reads a body from the network.
pub fn from_slice<T: DeserializeOwned>(input: &[u8]) -> Result<T, JsonError> {
    from_slice_bounded(input, CONTAINERS_MAX)
}

/// Reads a document with at most `containers_max` objects and arrays, for files of our own that may
/// hold more than a frame does.
pub fn from_slice_bounded<T: DeserializeOwned>(
    input: &[u8],
    containers_max: usize,
) -> Result<T, JsonError> {
    match read(input, containers_max, Duplicates::Refuse) {
        // The last of a duplicated member wins. That takes a scan ahead of every object, so it is
        // done only for the documents that need it.
        Err(JsonError::Duplicate { .. }) => read(input, containers_max, Duplicates::LastWins),
        result => result,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    Refuse,
    LastWins,
}

fn read<T: DeserializeOwned>(
    input: &[u8],
    containers_max: usize,
    duplicates: Duplicates,
) -> Result<T, JsonError> {
    let mut cursor = Cursor::new(input, containers_max);
    if cursor.is_at_end() {
        return Err(JsonError::Empty);
    }
    cursor.at = 0;
    let mut references = References::of(input.len());
    let reader = Reader {
        cursor: &mut cursor,
        duplicates,
        references: &mut references,
    };
    let value = T::deserialize(reader)?;
    if cursor.is_at_end() {
        Ok(value)
    } else {
        Err(cursor.unexpected("the end of the document"))
    }
}

pub(super) struct Reader<'c, 'a> {
    pub(super) cursor: &'c mut Cursor<'a>,
    pub(super) duplicates: Duplicates,
    pub(super) references: &'c mut References,
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn reborrow(&mut self) -> Reader<'_, 'a> {
        Reader {
            cursor: self.cursor,
            duplicates: self.duplicates,
            references: self.references,
        }
    }

    pub(super) fn object<'de, V: Visitor<'de>>(
        mut self,
        visitor: V,
        fields: Option<&'static [&'static str]>,
    ) -> Result<V::Value, JsonError> {
        self.cursor.skip_space();
        if self.cursor.peek() != Some(b'{') {
            return Err(self.cursor.unexpected("an object"));
        }
        if let Some(target) = self.reference()? {
            let mut cursor = Cursor {
                at: target,
                ..self.cursor.clone()
            };
            let reader = Reader {
                cursor: &mut cursor,
                duplicates: self.duplicates,
                references: self.references,
            };
            let value = reader.object(visitor, fields)?;
            self.cursor.containers = cursor.containers;
            return Ok(value);
        }
        self.cursor.enter()?;
        let last = match fields {
            Some(fields) if self.duplicates == Duplicates::LastWins => {
                Some(LastMembers::of(self.cursor.clone(), fields)?)
            }
            _ => None,
        };
        let mut members = Members {
            reader: self.reborrow(),
            is_first: true,
            is_done: false,
            last,
        };
        let value = visitor.visit_map(&mut members)?;
        // A visitor may stop early; the object must be left all the same.
        if !members.is_done {
            return Err(self.cursor.unexpected("the end of the object"));
        }
        Ok(value)
    }

    fn array<'de, V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.cursor.enter()?;
        let mut elements = Elements {
            reader: self.reborrow(),
            is_first: true,
            is_done: false,
        };
        let value = visitor.visit_seq(&mut elements)?;
        if !elements.is_done && self.cursor.next_element(false, b']')? {
            return Err(self.cursor.unexpected("the end of the array"));
        }
        Ok(value)
    }

    fn integer(&mut self) -> Result<i64, JsonError> {
        self.cursor.skip_space();
        let at = self.cursor.at;
        let scalar = self.cursor.scalar()?;
        integer_of(&scalar).ok_or(JsonError::Number { at })
    }

    fn float(&mut self) -> Result<f64, JsonError> {
        self.cursor.skip_space();
        let at = self.cursor.at;
        match self.cursor.scalar()? {
            Scalar::Null => Ok(0.0),
            Scalar::Bool(value) => Ok(f64::from(u8::from(value))),
            Scalar::Number(text) => text.parse().map_err(|_| JsonError::Number { at }),
            Scalar::Text(text) => match text.trim() {
                "" => Ok(0.0),
                text => text.parse().map_err(|_| JsonError::Number { at }),
            },
        }
    }

    fn boolean(&mut self) -> Result<bool, JsonError> {
        self.cursor.skip_space();
        let at = self.cursor.at;
        let scalar = self.cursor.scalar()?;
        boolean_of(&scalar).ok_or(JsonError::Unexpected {
            expected: "true or false",
            at,
        })
    }

    /// Any value as text: objects and arrays as their source.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.cursor.skip_space();
        let start = self.cursor.at;
        if let Some(b'{' | b'[') = self.cursor.peek() {
            self.cursor.skip_value()?;
            return Ok(String::from_utf8_lossy(self.cursor.slice(start)));
        }
        Ok(match self.cursor.scalar()? {
            Scalar::Null => Cow::Borrowed(""),
            Scalar::Bool(true) => Cow::Borrowed("true"),
            Scalar::Bool(false) => Cow::Borrowed("false"),
            Scalar::Number(text) => Cow::Borrowed(text),
            Scalar::Text(text) => text,
        })
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
            visitor.visit_i64(self.integer()?)
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
            visitor.visit_str(&self.text()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = JsonError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    texts! { deserialize_char deserialize_str deserialize_string deserialize_identifier
    deserialize_bytes deserialize_byte_buf }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.cursor.skip_space();
        match self.cursor.peek() {
            Some(b'{') => self.object(visitor, None),
            Some(b'[') => self.array(visitor),
            _ => {
                let at = self.cursor.at;
                match self.cursor.scalar()? {
                    Scalar::Null => visitor.visit_unit(),
                    Scalar::Bool(value) => visitor.visit_bool(value),
                    Scalar::Text(text) => visitor.visit_str(&text),
                    Scalar::Number(text) => {
                        if let Ok(value) = text.parse() {
                            return visitor.visit_i64(value);
                        }
                        let value = text.parse().map_err(|_| JsonError::Number { at })?;
                        visitor.visit_f64(value)
                    }
                }
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.cursor.take_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.cursor.skip_value()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.cursor.skip_space();
        if self.cursor.peek() == Some(b'[') {
            return self.array(visitor);
        }
        Err(self.cursor.unexpected("an array"))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.object(visitor, None)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.object(visitor, Some(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let name = self.text()?;
        visitor.visit_enum(name.as_ref().into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_unit(visitor)
    }
}
