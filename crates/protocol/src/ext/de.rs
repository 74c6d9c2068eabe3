//! Reading: from ext fields to a struct.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::value::CowStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{ExtFields, Pairs};
use crate::json_text::{RawText, digits};

/// The most fields that a header struct may have; Java's largest has fifteen.
const FIELDS_MAX: usize = 24;

/// How much of a value an error repeats.
const QUOTED_CHARS_MAX: usize = 64;

/// Why the ext fields of a frame do not make the header that the handler wants.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    #[error("field {field} has the value {value:?}, which is not {expected}")]
    Value {
        field: String,
        value: String,
        expected: &'static str,
    },
    /// The type is no header: a mistake of ours, never of the peer.
    #[error("{0}")]
    Type(String),
}

impl Error for HeaderError {
    fn custom<T: Display>(words: T) -> Self {
        Self::Type(words.to_string())
    }
}

impl<'de> Deserializer<'de> for ExtFields<'de> {
    type Error = HeaderError;

    /// Collects the wanted fields first, because of a name that comes twice the last one counts.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, HeaderError> {
        let mut found = [None; FIELDS_MAX];
        let Some(found) = found.get_mut(..fields.len()) else {
            return Err(HeaderError::Type(format!(
                "{name} has more than {FIELDS_MAX} fields"
            )));
        };
        let mut hint = 0;
        for (key, value) in self.pairs() {
            // Java's codecs and our own write fields in declaration order, so the next one is
            // usually the one after the last.
            let index = match fields.get(hint) {
                Some(field) if key.is(field) => Some(hint),
                _ => fields.iter().position(|field| key.is(field)),
            };
            let Some(index) = index else { continue };
            hint = index + 1;
            if let Some(slot) = found.get_mut(index) {
                *slot = value;
            }
        }
        visitor.visit_map(Wanted {
            fields: (0..).zip(fields.iter().zip(found.iter())),
            current: None,
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
        visitor.visit_map(All {
            pairs: self.pairs(),
            current: None,
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
        self.deserialize_map(visitor)
    }

    /// Each element of a tuple is read from all the fields.
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, HeaderError> {
        visitor.visit_seq(Each(self))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, HeaderError> {
        visitor.visit_seq(Each(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, HeaderError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, HeaderError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf option seq enum identifier ignored_any
    }
}

struct Each<'de>(ExtFields<'de>);

impl<'de> SeqAccess<'de> for Each<'de> {
    type Error = HeaderError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, HeaderError> {
        seed.deserialize(self.0).map(Some)
    }
}

/// The wanted fields that are there, each told by its number, which costs serde no comparison.
struct Wanted<'de, F> {
    fields: F,
    current: Option<FieldValue<'de>>,
}

impl<'f, 'de: 'f, F> MapAccess<'de> for Wanted<'de, F>
where
    F: Iterator<Item = (u64, (&'static &'static str, &'f Option<RawText<'de>>))>,
{
    type Error = HeaderError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, HeaderError> {
        for (number, (name, value)) in self.fields.by_ref() {
            if let Some(value) = value {
                self.current = Some(FieldValue {
                    name: Cow::Borrowed(name),
                    value: *value,
                });
                return seed.deserialize(number.into_deserializer()).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, HeaderError> {
        next_value(self.current.take(), seed)
    }
}

/// All fields that have a value, for maps.
struct All<'de> {
    pairs: Pairs<'de>,
    current: Option<FieldValue<'de>>,
}

impl<'de> MapAccess<'de> for All<'de> {
    type Error = HeaderError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, HeaderError> {
        for (name, value) in self.pairs.by_ref() {
            if let Some(value) = value {
                let name = name.text();
                self.current = Some(FieldValue {
                    name: name.clone(),
                    value,
                });
                return seed.deserialize(TextDeserializer(name)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, HeaderError> {
        next_value(self.current.take(), seed)
    }
}

fn next_value<'de, V: DeserializeSeed<'de>>(
    current: Option<FieldValue<'de>>,
    seed: V,
) -> Result<V::Value, HeaderError> {
    match current {
        Some(field) => seed.deserialize(field),
        None => Err(HeaderError::Type(
            "a value was asked for before its name".to_owned(),
        )),
    }
}

/// A text that is handed out borrowed if it is.
struct TextDeserializer<'de>(Cow<'de, str>);

impl<'de> Deserializer<'de> for TextDeserializer<'de> {
    type Error = HeaderError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The value of one field.
struct FieldValue<'de> {
    name: Cow<'de, str>,
    value: RawText<'de>,
}

impl FieldValue<'_> {
    /// The usual integer without a detour over a text.
    #[inline]
    fn integer<T: FromStr + TryFrom<i64>>(&self, expected: &'static str) -> Result<T, HeaderError> {
        match digits(self.value.bytes).map(T::try_from) {
            Some(Ok(number)) => Ok(number),
            _ => self.parse(expected),
        }
    }

    #[cold]
    fn parse<T: FromStr>(&self, expected: &'static str) -> Result<T, HeaderError> {
        let text = self.value.text();
        text.parse().map_err(|_| HeaderError::Value {
            field: self.name.chars().take(QUOTED_CHARS_MAX).collect(),
            value: text.chars().take(QUOTED_CHARS_MAX).collect(),
            expected,
        })
    }
}

macro_rules! numbers {
    ($parse:ident: $($method:ident => $visit:ident, $expected:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
            visitor.$visit(self.$parse($expected)?)
        })*
    };
}

impl<'de> Deserializer<'de> for FieldValue<'de> {
    type Error = HeaderError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
        TextDeserializer(self.value.text()).deserialize_any(visitor)
    }

    /// `Boolean.parseBoolean`: everything but "true" is false.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
        visitor.visit_bool(self.value.text().eq_ignore_ascii_case("true"))
    }

    numbers! { integer:
        deserialize_i8 => visit_i8, "an 8-bit integer";
        deserialize_i16 => visit_i16, "a 16-bit integer";
        deserialize_i32 => visit_i32, "a 32-bit integer";
        deserialize_i64 => visit_i64, "a 64-bit integer";
        deserialize_u8 => visit_u8, "an unsigned 8-bit integer";
        deserialize_u16 => visit_u16, "an unsigned 16-bit integer";
        deserialize_u32 => visit_u32, "an unsigned 32-bit integer";
        deserialize_u64 => visit_u64, "an unsigned 64-bit integer";
    }

    numbers! { parse:
        deserialize_f32 => visit_f32, "a number";
        deserialize_f64 => visit_f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, HeaderError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, HeaderError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, HeaderError> {
        visitor.visit_enum(UnitVariant(self.value.text().into_deserializer()))
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// An enum is the name of its variant.
struct UnitVariant<'de>(CowStrDeserializer<'de, HeaderError>);

impl<'de> EnumAccess<'de> for UnitVariant<'de> {
    type Error = HeaderError;
    type Variant = Unit;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Unit), HeaderError> {
        Ok((seed.deserialize(self.0)?, Unit))
    }
}

struct Unit;

impl<'de> VariantAccess<'de> for Unit {
    type Error = HeaderError;

    fn unit_variant(self) -> Result<(), HeaderError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        _seed: T,
    ) -> Result<T::Value, HeaderError> {
        Err(HeaderError::Type(
            "an ext field holds no variant with data".to_owned(),
        ))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, HeaderError> {
        Err(HeaderError::Type(
            "an ext field holds no variant with data".to_owned(),
        ))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, HeaderError> {
        Err(HeaderError::Type(
            "an ext field holds no variant with data".to_owned(),
        ))
    }
}
