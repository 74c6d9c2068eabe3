//! Map keys: names, numbers, objects, and objects in quotes.

use std::borrow::Cow;

use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::JsonError;
use super::convert::integer_of_text;
use super::cursor::Cursor;
use super::read::Reader;

/// A map key: a name, a number, an object, or the text of an object in quotes.
pub(super) struct Key<'c, 'a> {
    pub(super) reader: Reader<'c, 'a>,
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
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if self.reader.cursor.peek() == Some(b'{') {
            return self.reader.object(visitor, Some(fields));
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
        reader.object(visitor, Some(fields))
    }

    serde::forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}
