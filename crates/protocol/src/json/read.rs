//! The serde half of reading.
//!
//! Values are converted as fastjson does: numbers and booleans from text and back, fractions cut
//! where integers are meant, an object given for text becomes its source. Strings are never lent
//! to the reading type, since a map key may be JSON text that exists only while it is read.

use std::borrow::Cow;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use super::cursor::{Cursor, Scalar};
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
        // The last of a duplicated member wins. That takes looking ahead in every object, so it is
        // done only for the documents that need it.
        Err(JsonError::Duplicate { .. }) => read(input, containers_max, Duplicates::LastWins),
        result => result,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duplicates {
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

/// What following `{"$ref":"$.path"}` may still cost: bytes looked at to find targets, and bytes of
/// the targets themselves, which become memory.
#[derive(Debug)]
struct References {
    search_bytes: usize,
    target_bytes: usize,
}

impl References {
    const fn of(document_bytes: usize) -> Self {
        Self {
            search_bytes: document_bytes.saturating_mul(64).saturating_add(1 << 20),
            target_bytes: document_bytes.saturating_add(1 << 16),
        }
    }

    fn charge(&mut self, searched: usize, target: usize) -> Option<()> {
        self.search_bytes = self.search_bytes.checked_sub(searched)?;
        self.target_bytes = self.target_bytes.checked_sub(target)?;
        Some(())
    }
}

struct Reader<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    duplicates: Duplicates,
    references: &'c mut References,
}

impl<'a> Reader<'_, 'a> {
    fn reborrow(&mut self) -> Reader<'_, 'a> {
        Reader {
            cursor: self.cursor,
            duplicates: self.duplicates,
            references: self.references,
        }
    }

    fn object<'de, V: Visitor<'de>>(
        mut self,
        visitor: V,
        is_struct: bool,
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
            let value = reader.object(visitor, is_struct)?;
            self.cursor.containers = cursor.containers;
            return Ok(value);
        }
        self.cursor.enter()?;
        let looks_ahead = is_struct && self.duplicates == Duplicates::LastWins;
        let mut members = Members {
            reader: self.reborrow(),
            is_first: true,
            looks_ahead,
            is_done: false,
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

    /// If the object that is next is a reference, consumes it and returns where its target is.
    /// fastjson 1 writes one for an object that occurs twice in a document.
    fn reference(&mut self) -> Result<Option<usize>, JsonError> {
        let at = self.cursor.at;
        let rest = self.cursor.input.get(at..).unwrap_or_default();
        if !rest.starts_with(b"{\"$ref\"") {
            return Ok(None);
        }
        self.cursor.skip_value()?;
        let mut inner = Cursor {
            at: at + 7,
            ..self.cursor.clone()
        };
        inner.expect(b':', "a colon")?;
        let Scalar::Text(path) = inner.scalar()? else {
            return Err(JsonError::Reference { at });
        };
        let target = self.resolve(&path, at)?;
        Ok(Some(target))
    }

    /// Finds `$.name[0].name` by walking the document from its start.
    fn resolve(&mut self, path: &str, at: usize) -> Result<usize, JsonError> {
        let nowhere = JsonError::Reference { at };
        let mut steps = path.strip_prefix('$').ok_or(nowhere.clone())?;
        let mut walker = Cursor {
            at: 0,
            depth: self.cursor.depth,
            ..self.cursor.clone()
        };
        while !steps.is_empty() {
            let found = if let Some(index) = steps.strip_prefix('[') {
                let (index, after) = index.split_once(']').ok_or(nowhere.clone())?;
                steps = after;
                let index = index.parse().map_err(|_| nowhere.clone())?;
                step_into_array(&mut walker, index)?
            } else {
                let name = steps.strip_prefix('.').ok_or(nowhere.clone())?;
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                steps = after;
                step_into_object(&mut walker, name)?
            };
            if !found {
                return Err(nowhere);
            }
        }
        walker.skip_space();
        let target = walker.at;
        walker.skip_value()?;
        self.references
            .charge(walker.at, walker.at - target)
            .ok_or(nowhere)?;
        Ok(target)
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
    fn text(&mut self) -> Result<Cow<'a, str>, JsonError> {
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

/// Steps to the value of a member; the cursor is left in front of it.
fn step_into_object(walker: &mut Cursor<'_>, name: &str) -> Result<bool, JsonError> {
    walker.skip_space();
    if walker.peek() != Some(b'{') {
        return Ok(false);
    }
    walker.enter()?;
    let mut is_first = true;
    while walker.next_element(is_first, b'}')? {
        is_first = false;
        let found = match walker.peek() {
            Some(b'{' | b'[') => walker.skip_value().map(|()| false)?,
            _ => walker.name()? == name,
        };
        walker.expect(b':', "a colon")?;
        if found {
            return Ok(true);
        }
        walker.skip_value()?;
    }
    Ok(false)
}

/// Steps to an element; the cursor is left in front of it.
fn step_into_array(walker: &mut Cursor<'_>, index: usize) -> Result<bool, JsonError> {
    walker.skip_space();
    if walker.peek() != Some(b'[') {
        return Ok(false);
    }
    walker.enter()?;
    let mut position = 0;
    while walker.next_element(position == 0, b']')? {
        if position == index {
            return Ok(true);
        }
        position += 1;
        walker.skip_value()?;
    }
    Ok(false)
}

fn integer_of(scalar: &Scalar<'_>) -> Option<i64> {
    match scalar {
        Scalar::Null => Some(0),
        Scalar::Bool(value) => Some(i64::from(*value)),
        Scalar::Number(text) => integer_of_text(text),
        Scalar::Text(text) => match text.trim() {
            "" | "null" => Some(0),
            text => integer_of_text(text),
        },
    }
}

/// An integer, or the whole part of a fraction.
fn integer_of_text(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    if !text.contains(['.', 'e', 'E']) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Both bounds are exact as floating-point numbers.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
        .contains(&value)
        .then_some(value as i64)
}

fn boolean_of(scalar: &Scalar<'_>) -> Option<bool> {
    match scalar {
        Scalar::Null => Some(false),
        Scalar::Bool(value) => Some(*value),
        Scalar::Number(text) => integer_of_text(text).map(|value| value == 1),
        Scalar::Text(text) => {
            let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
            if is(&["true", "1", "y", "t", "yes"]) {
                Some(true)
            } else if is(&["false", "0", "n", "f", "no", "", "null"]) {
                Some(false)
            } else {
                None
            }
        }
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
            Some(b'{') => self.object(visitor, false),
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
        self.object(visitor, false)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.object(visitor, true)
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

struct Elements<'c, 'a> {
    reader: Reader<'c, 'a>,
    is_first: bool,
    is_done: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        if self.is_done {
            return Ok(None);
        }
        if !self.reader.cursor.next_element(self.is_first, b']')? {
            self.is_done = true;
            return Ok(None);
        }
        self.is_first = false;
        seed.deserialize(self.reader.reborrow()).map(Some)
    }
}

struct Members<'c, 'a> {
    reader: Reader<'c, 'a>,
    is_first: bool,
    looks_ahead: bool,
    is_done: bool,
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        while !self.is_done {
            let cursor = &mut *self.reader.cursor;
            if !cursor.next_element(self.is_first, b'}')? {
                self.is_done = true;
                break;
            }
            self.is_first = false;
            let start = cursor.at;
            cursor.skip_name()?;
            let end = cursor.at;
            cursor.expect(b':', "a colon")?;
            // A member that is null counts as missing.
            if cursor.take_null() {
                continue;
            }
            let value_at = cursor.at;
            if self.looks_ahead && occurs_again(cursor.clone(), start, end)? {
                cursor.skip_value()?;
                continue;
            }
            let mut key = Cursor {
                at: start,
                ..cursor.clone()
            };
            let key = seed.deserialize(Key {
                reader: Reader {
                    cursor: &mut key,
                    duplicates: self.reader.duplicates,
                    references: self.reader.references,
                },
            })?;
            self.reader.cursor.at = value_at;
            return Ok(Some(key));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        seed.deserialize(self.reader.reborrow())
    }
}

/// Whether a later member of the object, not null, has the name between two positions. The cursor
/// is in front of the value that belongs to the name.
fn occurs_again(mut cursor: Cursor<'_>, start: usize, end: usize) -> Result<bool, JsonError> {
    let name = Cursor {
        at: start,
        ..cursor.clone()
    }
    .name()?;
    debug_assert!(end > start);
    cursor.skip_value()?;
    while cursor.next_element(false, b'}')? {
        let is_same = match cursor.peek() {
            Some(b'{' | b'[') => cursor.skip_value().map(|()| false)?,
            _ => cursor.name()? == name,
        };
        cursor.expect(b':', "a colon")?;
        if cursor.take_null() {
            continue;
        }
        if is_same {
            return Ok(true);
        }
        cursor.skip_value()?;
    }
    Ok(false)
}

/// A map key: a name, a number, an object, or the text of an object in quotes.
struct Key<'c, 'a> {
    reader: Reader<'c, 'a>,
}

impl Key<'_, '_> {
    fn name(&mut self) -> Result<Cow<'_, str>, JsonError> {
        match self.reader.cursor.peek() {
            Some(b'{' | b'[') => self.reader.text(),
            _ => self.reader.cursor.name(),
        }
    }
}

macro_rules! integer_keys {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
            let at = self.reader.cursor.at;
            let name = self.name()?;
            visitor.visit_i64(integer_of_text(name.trim()).ok_or(JsonError::Number { at })?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_, '_> {
    type Error = JsonError;

    integer_keys! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_str(&self.name()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_enum(self.name()?.as_ref().into_deserializer())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if self.reader.cursor.peek() == Some(b'{') {
            return self.reader.object(visitor, true);
        }
        // fastjson also takes the object's JSON text in quotes.
        let text = self.reader.cursor.name()?;
        let outer = &*self.reader.cursor;
        let mut inner = Cursor {
            input: text.as_bytes(),
            at: 0,
            depth: outer.depth,
            containers: outer.containers,
            containers_max: outer.containers_max,
        };
        let reader = Reader {
            cursor: &mut inner,
            duplicates: self.reader.duplicates,
            references: self.reader.references,
        };
        reader.object(visitor, true)
    }

    serde::forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}
