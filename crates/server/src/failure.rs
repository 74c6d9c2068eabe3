//! How a command ends early: what it prints, and the exit code that scripts look at.

use std::fmt::Display;

/// Java's `System.exit(-1)`: anything that was thrown.
pub(crate) const EXIT_FAILED: u8 = 255;
/// Java's `System.exit(-3)`: a bad address or role, or a part that did not initialise.
pub(crate) const EXIT_INIT: u8 = 253;
/// Java's `System.exit(-4)`: two modes that exclude each other.
pub(crate) const EXIT_MODES: u8 = 252;
/// A command line that cannot be understood, and commands of ours that failed.
pub(crate) const EXIT_USAGE: u8 = 1;

/// An end with a code. `stdout` and `stderr` are printed as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Failure {
    /// One line on stderr that says what and what to do.
    pub(crate) fn new(code: u8, text: impl Display) -> Self {
        Self {
            code,
            stdout: String::new(),
            stderr: format!("ferrocket: {text}\n"),
        }
    }

    /// A text that Java prints on stdout before it leaves.
    pub(crate) fn on_stdout(code: u8, text: impl Display) -> Self {
        Self {
            code,
            stdout: text.to_string(),
            stderr: String::new(),
        }
    }
}

/// An error with its causes on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
