//! Attributes of topics and groups (`TopicAttributes`, `SubscriptionGroupAttributes`, `AttributeUtil`,
//! `AttributeParser`): which there are, and how an administrator's `+key=value,-key` changes them.

use std::collections::BTreeMap;

/// Attributes as they are stored: keys without sign.
pub(crate) type Attributes = BTreeMap<String, String>;

pub(crate) const QUEUE_TYPE: &str = "queue.type";
pub(crate) const CLEANUP_POLICY: &str = "cleanup.policy";
pub(crate) const MESSAGE_TYPE: &str = "message.type";

/// Why a change of attributes is refused; the text is the remark of a SYSTEM_ERROR answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttributeError {
    #[error("add/alter attribute format is wrong: {0}")]
    AddFormat(String),
    #[error("delete attribute format is wrong: {0}")]
    DeleteFormat(String),
    #[error("key duplication: {0}")]
    Duplicate(String),
    #[error("kv string format wrong.")]
    Empty,
    #[error("wrong format key: {0}")]
    Sign(String),
    #[error("only add attribute is supported while creating topic. key: {0}")]
    OnlyAdd(String),
    #[error("unsupported key: {0}")]
    Unsupported(String),
    #[error("attempt to update an unchangeable attribute. key: {0}")]
    Unchangeable(String),
    #[error("attempt to delete a nonexistent key: {0}")]
    Nonexistent(String),
    #[error("value is not in set: {0}")]
    NotInSet(String),
    #[error("value is not in range({min}, {max})")]
    NotInRange { min: i64, max: i64 },
    #[error("Update topic reserveTime not supported")]
    ReserveTime,
}

enum Values {
    Any,
    OneOf(&'static [&'static str]),
    Between { min: i64, max: i64 },
}

/// One attribute of a kind of thing.
pub(crate) struct Attribute {
    key: &'static str,
    changeable: bool,
    values: Values,
}

/// Where a new group begins: by Java's rule, which shows it all of a young queue, or at the end
/// whenever its consumers ask for the end. Ours alone.
pub(crate) const START_FROM: &str = "startFrom";
pub(crate) const STRICT_LAST: &str = "strict-last";

const TRUTH: Values = Values::OneOf(&["true", "false"]);

const fn changeable(key: &'static str, values: Values) -> Attribute {
    Attribute {
        key,
        changeable: true,
        values,
    }
}

/// Attributes of groups (`SubscriptionGroupAttributes` of 5.5).
pub(crate) const OF_GROUPS: [Attribute; 9] = [
    changeable(START_FROM, Values::OneOf(&["java", STRICT_LAST])),
    changeable("priority.factor", Values::Between { min: 0, max: 100 }),
    changeable("lite.bind.topic", Values::Any),
    changeable("lite.sub.wildcard", Values::Any),
    changeable(
        "lite.sub.client.quota",
        Values::Between {
            min: -1,
            max: i64::MAX,
        },
    ),
    changeable(
        "lite.sub.client.max.event.cnt",
        Values::Between {
            min: 10,
            max: i64::MAX,
        },
    ),
    changeable("lite.sub.model", Values::OneOf(&["Shared", "Exclusive"])),
    changeable("lite.sub.reset.offset.exclusive", TRUTH),
    changeable("lite.sub.reset.offset.unsubscribe", TRUTH),
];

/// Attributes of topics.
pub(crate) const OF_TOPICS: [Attribute; 5] = [
    Attribute {
        key: QUEUE_TYPE,
        changeable: false,
        values: Values::OneOf(&["BatchCQ", "SimpleCQ"]),
    },
    Attribute {
        key: CLEANUP_POLICY,
        changeable: false,
        values: Values::OneOf(&["DELETE", "COMPACTION"]),
    },
    Attribute {
        key: MESSAGE_TYPE,
        changeable: true,
        values: Values::OneOf(&[
            "UNSPECIFIED",
            "NORMAL",
            "FIFO",
            "DELAY",
            "TRANSACTION",
            "PRIORITY",
            "LITE",
            "MIXED",
        ]),
    },
    Attribute {
        key: "reserve.time",
        changeable: true,
        values: Values::Between {
            min: -1,
            max: i64::MAX,
        },
    },
    Attribute {
        key: "lite.topic.expiration",
        changeable: true,
        values: Values::Between {
            min: -1,
            max: 43_200,
        },
    },
];

/// The text of a CreateTopic header as signed keys and values (`AttributeParser#parseToMap`).
pub(crate) fn parse(text: &str) -> Result<Attributes, AttributeError> {
    let mut parsed = Attributes::new();
    for piece in text.split(',') {
        if piece.is_empty() {
            continue;
        }
        let (key, value) = match piece.split_once('=') {
            Some((key, value)) => {
                if !key.starts_with('+') || key.len() < 2 || value.is_empty() {
                    return Err(AttributeError::AddFormat(piece.to_owned()));
                }
                (key, value)
            }
            None if piece.starts_with('-') && piece.len() > 1 => (piece, ""),
            None => return Err(AttributeError::DeleteFormat(piece.to_owned())),
        };
        if parsed.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(AttributeError::Duplicate(key.to_owned()));
        }
    }
    Ok(parsed)
}

/// What the present attributes become (`AttributeUtil#alterCurrentAttributes`). `present` is `None`
/// when the topic or group is being created.
pub(crate) fn alter(
    known: &[Attribute],
    present: Option<&Attributes>,
    changes: &Attributes,
) -> Result<Attributes, AttributeError> {
    let mut result = present.cloned().unwrap_or_default();
    for (signed, value) in changes {
        let (add, key) = match (signed.strip_prefix('+'), signed.strip_prefix('-')) {
            (Some(key), _) if !key.is_empty() => (true, key),
            (_, Some(key)) if !key.is_empty() => (false, key),
            _ => return Err(AttributeError::Sign(signed.clone())),
        };
        if present.is_none() && !add {
            return Err(AttributeError::OnlyAdd(key.to_owned()));
        }
        let Some(known) = known.iter().find(|known| known.key == key) else {
            return Err(AttributeError::Unsupported(key.to_owned()));
        };
        if key == "reserve.time" {
            return Err(AttributeError::ReserveTime);
        }
        if present.is_some() && !known.changeable {
            return Err(AttributeError::Unchangeable(key.to_owned()));
        }
        if add {
            verify(known, value)?;
            result.insert(key.to_owned(), value.clone());
        } else if result.remove(key).is_none() {
            return Err(AttributeError::Nonexistent(key.to_owned()));
        }
    }
    Ok(result)
}

fn verify(attribute: &Attribute, value: &str) -> Result<(), AttributeError> {
    if value.is_empty() {
        return Err(AttributeError::Empty);
    }
    match &attribute.values {
        Values::Any => Ok(()),
        Values::OneOf(values) if values.contains(&value) => Ok(()),
        Values::OneOf(_) => Err(AttributeError::NotInSet(value.to_owned())),
        Values::Between { min, max } => match value.parse::<i64>() {
            Ok(number) if (*min..=*max).contains(&number) => Ok(()),
            _ => Err(AttributeError::NotInRange {
                min: *min,
                max: *max,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(present: Option<&[(&str, &str)]>, text: &str) -> Result<Attributes, String> {
        let present = present.map(|pairs| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        });
        let changes = parse(text).map_err(|error| error.to_string())?;
        alter(&OF_TOPICS, present.as_ref(), &changes).map_err(|error| error.to_string())
    }

    #[test]
    fn attributes_are_added_changed_and_deleted() {
        let made = change(None, "+message.type=FIFO,+queue.type=SimpleCQ").unwrap();
        assert_eq!(made.get("message.type").map(String::as_str), Some("FIFO"));
        let now = change(Some(&[("message.type", "FIFO")]), "+message.type=NORMAL").unwrap();
        assert_eq!(now.get("message.type").map(String::as_str), Some("NORMAL"));
        assert_eq!(
            change(Some(&[("message.type", "FIFO")]), "-message.type"),
            Ok(Attributes::new())
        );
        assert_eq!(change(Some(&[]), ""), Ok(Attributes::new()));
    }

    #[test]
    fn refusals_carry_the_words_of_java() {
        let refused = [
            (
                None,
                "+no.such.attribute=x",
                "unsupported key: no.such.attribute",
            ),
            (
                None,
                "-message.type",
                "only add attribute is supported while creating topic. key: message.type",
            ),
            (
                Some(&[][..]),
                "+queue.type=BatchCQ",
                "attempt to update an unchangeable attribute. key: queue.type",
            ),
            (
                Some(&[][..]),
                "-message.type",
                "attempt to delete a nonexistent key: message.type",
            ),
            (None, "+message.type=WRONG", "value is not in set: WRONG"),
            (
                None,
                "message.type=FIFO",
                "add/alter attribute format is wrong: message.type=FIFO",
            ),
            (
                None,
                "message.type",
                "delete attribute format is wrong: message.type",
            ),
            (
                None,
                "+message.type=FIFO,+message.type=FIFO",
                "key duplication: +message.type",
            ),
            (
                None,
                "+lite.topic.expiration=-2",
                "value is not in range(-1, 43200)",
            ),
        ];
        for (present, text, remark) in refused {
            assert_eq!(change(present, text), Err(remark.to_owned()), "{text}");
        }
    }
}
