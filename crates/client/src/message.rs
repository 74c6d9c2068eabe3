//! Messages before they are sent.

use bytes::Bytes;
use ferrocket_protocol::message::{properties, property};

use crate::error::Error;

/// Topics of clients (`Validators`); retry and dead-letter topics may be longer.
const TOPIC_CHARACTERS_MAX: usize = 127;

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Message {
    pub(crate) topic: String,
    pub(crate) body: Bytes,
    pub(crate) flag: i32,
    properties: Vec<(String, String)>,
}

impl Message {
    /// A message without properties.
    pub fn new(topic: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            body: body.into(),
            flag: 0,
            properties: Vec::new(),
        }
    }

    /// What consumers may filter by.
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.set(property::TAGS, tag.into())
    }

    /// What the message can be found by, in the console and by `mqadmin queryMsgByKey`.
    #[must_use]
    pub fn keys<S: AsRef<str>>(self, keys: impl IntoIterator<Item = S>) -> Self {
        let keys: Vec<S> = keys.into_iter().collect();
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        self.set(property::KEYS, keys.join(" "))
    }

    /// Delivery later, by a level of the broker (1 = 1 s … 18 = 2 h by default).
    #[must_use]
    pub fn delay_level(self, level: u8) -> Self {
        self.set(property::DELAY_TIME_LEVEL, level.to_string())
    }

    /// A property of your own.
    ///
    /// # Errors
    /// When the name is one of RocketMQ's, or either text is empty or has control characters that
    /// the wire format needs itself.
    pub fn property(self, name: &str, value: &str) -> Result<Self, Error> {
        if property::is_reserved(name) {
            return Err(Error::invalid(
                "property",
                format!("the name {name} is RocketMQ's own"),
            ));
        }
        if name.is_empty() || value.is_empty() {
            return Err(Error::invalid(
                "property",
                "name and value must not be empty",
            ));
        }
        if !properties::is_clean(name) || !properties::is_clean(value) {
            return Err(Error::invalid(
                "property",
                "the characters U+0001 and U+0002 are taken",
            ));
        }
        Ok(self.set(name, value.to_owned()))
    }

    /// An integer that travels with the message, for your own use.
    #[must_use]
    pub fn flag(mut self, flag: i32) -> Self {
        self.flag = flag;
        self
    }

    /// The topic that the message is for.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    fn set(mut self, name: &str, value: String) -> Self {
        self.properties.retain(|(n, _)| n != name);
        self.properties.push((name.to_owned(), value));
        self
    }

    /// The property text with the unique key, if the message has none yet.
    pub(crate) fn property_text(&self, unique_key: &str) -> String {
        let own = self
            .properties
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()));
        let ours = [
            (property::UNIQ_KEY, unique_key),
            (property::WAIT_STORE_MSG_OK, "true"),
        ];
        let mut text = String::new();
        for (name, value) in own.chain(ours) {
            text.push_str(name);
            text.push(char::from(properties::NAME_END));
            text.push_str(value);
            text.push(char::from(properties::PAIR_END));
        }
        text
    }

    pub(crate) fn is_delayed(&self) -> bool {
        self.properties
            .iter()
            .any(|(name, _)| name == property::DELAY_TIME_LEVEL)
    }

    pub(crate) fn validate(&self, body_bytes_max: usize) -> Result<(), Error> {
        validate_topic(&self.topic)?;
        if self.body.is_empty() {
            return Err(Error::invalid("body", "it is empty"));
        }
        if self.body.len() > body_bytes_max {
            let reason = format!("{} bytes, the limit is {body_bytes_max}", self.body.len());
            return Err(Error::invalid("body", reason));
        }
        let clean = |(name, value): &(String, String)| {
            properties::is_clean(name) && properties::is_clean(value)
        };
        if self.properties.iter().all(clean) {
            Ok(())
        } else {
            Err(Error::invalid(
                "property",
                "the characters U+0001 and U+0002 are taken",
            ))
        }
    }
}

/// `Validators#checkTopic`.
pub(crate) fn validate_topic(topic: &str) -> Result<(), Error> {
    if topic.trim().is_empty() {
        return Err(Error::invalid("topic", "it is empty"));
    }
    if topic.len() > TOPIC_CHARACTERS_MAX {
        return Err(Error::invalid(
            "topic",
            format!("more than {TOPIC_CHARACTERS_MAX} characters"),
        ));
    }
    if !is_name(topic) {
        let reason = format!("{topic:?} has characters besides a-z A-Z 0-9 _ - % |");
        return Err(Error::invalid("topic", reason));
    }
    Ok(())
}

/// `Validators#checkGroup`.
pub(crate) fn validate_group(group: &str) -> Result<(), Error> {
    const GROUP_CHARACTERS_MAX: usize = 255;
    if group.trim().is_empty() {
        return Err(Error::invalid("group", "it is empty"));
    }
    if group.len() > GROUP_CHARACTERS_MAX {
        return Err(Error::invalid(
            "group",
            format!("more than {GROUP_CHARACTERS_MAX} characters"),
        ));
    }
    if !is_name(group) {
        let reason = format!("{group:?} has characters besides a-z A-Z 0-9 _ - % |");
        return Err(Error::invalid("group", reason));
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"%|_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_written_with_the_unique_key() {
        let message = Message::new("T", "x").tag("A").keys(["k1", "k2"]).tag("B");
        let text = message.property_text("ID");
        let text = text.as_bytes();
        assert_eq!(properties::find(text, "TAGS"), Some("B"));
        assert_eq!(properties::find(text, "KEYS"), Some("k1 k2"));
        assert_eq!(properties::find(text, "UNIQ_KEY"), Some("ID"));
        assert_eq!(properties::find(text, "WAIT"), Some("true"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_here() {
        let refused = |message: Message| message.validate(10).unwrap_err().to_string();
        assert!(refused(Message::new("", "x")).contains("topic"));
        assert!(refused(Message::new("a b", "x")).contains("topic"));
        assert!(refused(Message::new("T".repeat(128), "x")).contains("127"));
        assert!(refused(Message::new("T", "")).contains("body"));
        assert!(refused(Message::new("T", "12345678901")).contains("limit is 10"));
        assert!(refused(Message::new("T", "x").tag("a\u{1}b")).contains("U+0001"));
        assert!(Message::new("T", "x").property("TAGS", "x").is_err());
        assert!(Message::new("T", "x").property("mine", "").is_err());
        assert!(
            Message::new("%RETRY%g|_-1", "1234567890")
                .validate(10)
                .is_ok()
        );
    }
}
