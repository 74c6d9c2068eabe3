//! What a group wants of a topic, and the test of a message's tags against it.
//!
//! Tags are compared by hash (`String#hashCode` of the whole `TAGS` value, as the consume queue has
//! it); clients compare the text again. SQL92 expressions that come with pulls are compiled here;
//! those of heartbeats are in `filter`.

use std::sync::Arc;

use ferrocket_filter::{Expression, ExpressionError};
use ferrocket_protocol::bodies::{EXPRESSION_TYPE_SQL92, EXPRESSION_TYPE_TAG, SubscriptionData};
use ferrocket_protocol::message::java_hash;

/// `SubscriptionData#SUB_ALL`.
const ALL: &str = "*";
/// `ExpressionType#TAG`.
const TAG: &str = EXPRESSION_TYPE_TAG;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) data: SubscriptionData,
    wanted: Wanted,
    /// Of an SQL92 subscription that came with a pull.
    expression: Option<Result<Arc<Expression>, ExpressionError>>,
}

#[derive(Debug, Clone)]
enum Wanted {
    Everything,
    /// Hashes of tags, sorted.
    Tags(Vec<i32>),
}

impl Subscription {
    /// Takes over what a client declared; hashes that it left out are made from the expression.
    pub(crate) fn new(mut data: SubscriptionData) -> Self {
        let wanted = if data.class_filter_mode
            || data.sub_string.trim().is_empty()
            || data.sub_string == ALL
            || !is_tag_type(&data.expression_type)
        {
            Wanted::Everything
        } else {
            if data.code_set.is_empty() {
                let tags = tags_of(&data.sub_string);
                data.code_set = tags.iter().map(|tag| java_hash(tag)).collect();
                data.tags_set = tags.into_iter().map(str::to_owned).collect();
            }
            let mut codes = data.code_set.clone();
            codes.sort_unstable();
            codes.dedup();
            Wanted::Tags(codes)
        };
        Self {
            data,
            wanted,
            expression: None,
        }
    }

    /// A subscription as a pull carries it in its header (`FilterAPI#build`).
    pub(crate) fn from_expression(
        topic: &str,
        expression: &str,
        expression_type: &str,
        version: i64,
    ) -> Self {
        let compiled =
            is_sql_type(expression_type).then(|| Expression::compile(expression).map(Arc::new));
        let subscription = Self::new(SubscriptionData {
            topic: topic.to_owned(),
            sub_string: if expression.trim().is_empty() {
                ALL
            } else {
                expression
            }
            .to_owned(),
            expression_type: if expression_type.is_empty() {
                TAG
            } else {
                expression_type
            }
            .to_owned(),
            sub_version: version,
            ..SubscriptionData::default()
        });
        Self {
            expression: compiled,
            ..subscription
        }
    }

    /// The compiled expression of a pull, or why it is none; nothing for other subscriptions.
    pub(crate) fn expression(&self) -> Option<Result<&Arc<Expression>, &ExpressionError>> {
        self.expression.as_ref().map(Result::as_ref)
    }

    /// Whether [`Self::from_expression`] would make the same of these.
    pub(crate) fn is_from(&self, expression: &str, expression_type: &str) -> bool {
        let expression = if expression.trim().is_empty() {
            ALL
        } else {
            expression
        };
        let expression_type = if expression_type.is_empty() {
            TAG
        } else {
            expression_type
        };
        self.data.sub_string == expression && self.data.expression_type == expression_type
    }

    pub(crate) fn is_tag(&self) -> bool {
        is_tag_type(&self.data.expression_type)
    }

    /// Whether a message with these tags may be wanted (`ExpressionMessageFilter`); one whose tags are
    /// not known may be.
    pub(crate) fn accepts(&self, tags_code: Option<i64>) -> bool {
        match (&self.wanted, tags_code) {
            (Wanted::Everything, _) | (_, None) => true,
            // The consume queue holds the hash sign-extended; Java narrows it likewise.
            (Wanted::Tags(codes), Some(code)) => codes.binary_search(&(code as i32)).is_ok(),
        }
    }
}

/// `ExpressionType#isTagType`.
pub(crate) fn is_tag_type(expression_type: &str) -> bool {
    expression_type.is_empty() || expression_type == TAG
}

/// `ExpressionType#SQL92`.
pub(crate) fn is_sql_type(expression_type: &str) -> bool {
    expression_type == EXPRESSION_TYPE_SQL92
}

fn tags_of(expression: &str) -> Vec<&str> {
    expression
        .split("||")
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(expression: &str) -> Subscription {
        Subscription::from_expression("T", expression, "", 1)
    }

    fn code(tags: &str) -> i64 {
        i64::from(java_hash(tags))
    }

    #[test]
    fn everything_is_wanted_of_a_star_or_nothing() {
        for expression in ["*", "", "  "] {
            assert!(tags(expression).accepts(Some(code("TagA"))));
            assert!(tags(expression).accepts(Some(0)));
        }
    }

    #[test]
    fn only_the_named_tags_are_wanted() {
        let wanted = tags("TagA ||  TagB||polygenelubricants||");
        assert!(wanted.accepts(Some(code("TagA"))));
        assert!(wanted.accepts(Some(code("TagB"))));
        assert!(
            wanted.accepts(Some(code("polygenelubricants"))),
            "a negative hash"
        );
        assert!(!wanted.accepts(Some(code("TagC"))));
        assert!(!wanted.accepts(Some(0)), "a message without tags");
    }

    #[test]
    fn hashes_that_a_client_declares_are_believed() {
        let declared = Subscription::new(SubscriptionData {
            sub_string: "TagA".to_owned(),
            code_set: [1].into_iter().collect(),
            ..SubscriptionData::default()
        });
        assert!(declared.accepts(Some(1)));
        assert!(!declared.accepts(Some(code("TagA"))));
    }
}
