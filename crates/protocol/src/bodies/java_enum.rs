//! Enumerations of Java in JSON: written by name, read by name or ordinal number.
//!
//! fastjson makes `null` of unknown names and an error of ordinals out of range; so do we, with
//! `None` or the default where `null` has no meaning.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserializer, Visitor};

/// An enumeration with names and ordinals.
pub trait JavaEnum: Copy + 'static {
    /// All values by ordinal.
    const ALL: &'static [Self];

    /// The name as on the wire.
    fn name(self) -> &'static str;

    #[must_use]
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.name() == name)
    }
}

/// Reads a value; unknown names are `None`.
pub(super) fn optional<'de, D: Deserializer<'de>, E: JavaEnum>(
    deserializer: D,
) -> Result<Option<E>, D::Error> {
    deserializer.deserialize_any(NameOrOrdinal(PhantomData))
}

/// Reads a value; unknown names are the default.
pub(super) fn or_default<'de, D: Deserializer<'de>, E: JavaEnum + Default>(
    deserializer: D,
) -> Result<E, D::Error> {
    optional(deserializer).map(Option::unwrap_or_default)
}

struct NameOrOrdinal<E>(PhantomData<E>);

impl<E: JavaEnum> Visitor<'_> for NameOrOrdinal<E> {
    type Value = Option<E>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name or the ordinal of an enumeration")
    }

    fn visit_str<X: de::Error>(self, name: &str) -> Result<Self::Value, X> {
        Ok(E::from_name(name))
    }

    fn visit_i64<X: de::Error>(self, ordinal: i64) -> Result<Self::Value, X> {
        let value = usize::try_from(ordinal)
            .ok()
            .and_then(|ordinal| E::ALL.get(ordinal));
        value
            .copied()
            .map(Some)
            .ok_or_else(|| X::custom(format_args!("no ordinal {ordinal}")))
    }

    fn visit_unit<X: de::Error>(self) -> Result<Self::Value, X> {
        Ok(None)
    }
}

macro_rules! java_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $first:ident = $first_text:literal, $($value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub enum $name {
            #[default]
            $first,
            $($value,)*
        }

        impl $crate::bodies::JavaEnum for $name {
            const ALL: &'static [Self] = &[Self::$first, $(Self::$value,)*];

            fn name(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$value => $text,)*
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::bodies::JavaEnum::name(*self))
            }
        }
    };
}
pub(super) use java_enum;

impl serde::Serialize for crate::Language {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JavaEnum for crate::Language {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

impl<'de> serde::Deserialize<'de> for crate::Language {
    /// A language that we do not know is another one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        optional(deserializer).map(|language| language.unwrap_or(Self::Other))
    }
}
