//! Elements of arrays and members of objects, one after the other.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::JsonError;
use super::cursor::Cursor;
use super::key::Key;
use super::read::Reader;

pub(super) struct Elements<'c, 'a> {
    pub(super) reader: Reader<'c, 'a>,
    pub(super) is_first: bool,
    pub(super) is_done: bool,
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

pub(super) struct Members<'c, 'a> {
    pub(super) reader: Reader<'c, 'a>,
    pub(super) is_first: bool,
    pub(super) is_done: bool,
    /// Known when duplicates are to be resolved.
    pub(super) last: Option<LastMembers>,
}

/// Where each member that a type knows occurs for the last time in an object.
pub(super) struct LastMembers {
    fields: &'static [&'static str],
    at: Vec<usize>,
}

impl LastMembers {
    /// Scans the object that the cursor has just entered.
    pub(super) fn of(
        mut cursor: Cursor<'_>,
        fields: &'static [&'static str],
    ) -> Result<Self, JsonError> {
        let mut at = vec![0; fields.len()];
        let mut is_first = true;
        while cursor.next_element(is_first, b'}')? {
            is_first = false;
            let start = cursor.at;
            let field = match cursor.peek() {
                Some(b'{' | b'[') => cursor.skip_value().map(|()| None)?,
                _ => {
                    let name = cursor.name()?;
                    fields.iter().position(|field| *field == name)
                }
            };
            cursor.expect(b':', "a colon")?;
            if cursor.take_null() {
                continue;
            }
            if let Some(slot) = field.and_then(|field| at.get_mut(field)) {
                *slot = start;
            }
            cursor.skip_value()?;
        }
        Ok(Self { fields, at })
    }

    fn is_shadowed(&self, mut cursor: Cursor<'_>, start: usize) -> Result<bool, JsonError> {
        if let Some(b'{' | b'[') = cursor.peek() {
            return Ok(false);
        }
        let name = cursor.name()?;
        let last = self
            .fields
            .iter()
            .zip(&self.at)
            .find(|(field, _)| **field == name);
        Ok(last.is_some_and(|(_, at)| *at != start))
    }
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
            cursor.expect(b':', "a colon")?;
            // A member that is null counts as missing.
            if cursor.take_null() {
                continue;
            }
            let value_at = cursor.at;
            let mut key = Cursor {
                at: start,
                ..cursor.clone()
            };
            if let Some(last) = &self.last
                && last.is_shadowed(key.clone(), start)?
            {
                cursor.skip_value()?;
                continue;
            }
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
