//! SQL92 filter expressions over the properties of a message, as Apache RocketMQ 5.5 reads them
//! (`SqlFilter`, `SelectorParser` and the classes of `filter.expression`).
//!
//! An expression is compiled once, and then evaluated for each message without allocating. Any text
//! is answered with an [`Expression`] or an [`ExpressionError`] that tells where and what; nothing
//! panics, and length, depth and parts are bounded.
//!
//! What surprises people who know SQL, all of it Java's: a property is a text, and a text that meets
//! a number is read as a number of *that literal's* type (`a > 1` fails for `a=1.5`, `a > 1.0` does
//! not); `NOT` binds tighter than any comparison; what follows a complete expression is ignored; two
//! missing properties are equal; a bare property is never true. `testdata/filter/expressions.tsv` has
//! what Java makes of hundreds of cases.
//!
//! Deliberately absent: tags, which are compared by hash where queues are read; what a failed
//! evaluation means (no match) is the caller's to say.

mod check;
mod error;
mod evaluate;
mod lexer;
mod parser;
mod tree;
mod value;

pub use crate::error::{EvaluationError, ExpressionError, Position};
use crate::tree::Node;

/// Bytes of an expression's text.
pub const EXPRESSION_BYTES_MAX: usize = 64 * 1024;
/// Levels that an expression may be nested: parentheses, signs, `NOT`, and chains of `=` and of the
/// other comparisons. Long chains of `AND` and `OR` are one level.
pub const DEPTH_MAX: usize = 100;

/// Properties, values and operators of an expression; the texts behind an `IN` are one with it.
pub const NODES_MAX: usize = 4096;

/// A compiled expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Node,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Where and why it is none.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        parser::parse(text).map(|root| Self { root })
    }

    /// Evaluates the expression over a message: true, false, or `None` when it is unknown. Only true
    /// is a match. `property` answers the value of a property by its name.
    ///
    /// # Errors
    /// When values meet that cannot be compared; Java throws, and takes the message for no match.
    pub fn evaluate<'m>(
        &self,
        property: impl Fn(&str) -> Option<&'m str>,
    ) -> Result<Option<bool>, EvaluationError> {
        evaluate::evaluate(&self.root, &property)
    }

    /// Whether a message matches: the expression is true for it, neither false nor unknown nor
    /// impossible to evaluate.
    pub fn matches<'m>(&self, property: impl Fn(&str) -> Option<&'m str>) -> bool {
        matches!(self.evaluate(property), Ok(Some(true)))
    }
}
