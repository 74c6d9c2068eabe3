//! Why a text is no expression, and where; why an expression has no value for a message.

use crate::{DEPTH_MAX, EXPRESSION_BYTES_MAX, NODES_MAX};

/// A place in the text, counted from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    #[error("the expression has {bytes} bytes, give at most {EXPRESSION_BYTES_MAX}")]
    TooLong { bytes: usize },
    #[error("{at}: more than {DEPTH_MAX} levels, take out parentheses or chained comparisons")]
    TooDeep { at: Position },
    #[error(
        "{at}: more than {NODES_MAX} properties, values and operators, put texts into one IN (...)"
    )]
    TooMany { at: Position },
    #[error("{at}: no word begins with {found:?}, quote texts with ' and write <> for unequal")]
    Character { at: Position, found: char },
    #[error("{at}: the text that begins here has no closing '")]
    OpenText { at: Position },
    #[error("{at}: the comment that begins here has no closing */")]
    OpenComment { at: Position },
    #[error("{at}: found {found}, expected {expected}")]
    Unexpected {
        at: Position,
        found: String,
        expected: &'static str,
    },
    #[error("{at}: {number} is out of range, give {range}")]
    Number {
        at: Position,
        number: String,
        range: &'static str,
    },
    /// An operand that its operator does not take.
    #[error("{at}: {operator} does not take {found}, give {expected}")]
    Operand {
        at: Position,
        operator: &'static str,
        found: &'static str,
        expected: &'static str,
    },
    #[error("{at}: BETWEEN {low} AND {high} can never be true, give the lower bound first")]
    Bounds {
        at: Position,
        low: String,
        high: String,
    },
}

/// Why an expression has no value for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    #[error("a property was compared with a number and is none of that kind")]
    NotANumber,
    #[error("two texts were compared by order and are not both numbers")]
    TextOrder,
    #[error("a truth value stood left of a text, write the property first")]
    TruthBeforeText,
}
