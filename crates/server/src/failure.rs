//! How a command ends early: what it prints, and the exit code that scripts look at.

use std::any::Any;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;

/// Java's `System.exit(-1)`: anything that was thrown.
pub(crate) const EXIT_FAILED: u8 = 255;
/// Java's `System.exit(-3)`: a bad address or role, or a part that did not initialise.
pub(crate) const EXIT_INIT: u8 = 253;
/// Java's `System.exit(-4)`: two modes that exclude each other.
pub(crate) const EXIT_MODES: u8 = 252;
/// A command line that cannot be understood, and commands of ours that failed.
pub(crate) const EXIT_USAGE: u8 = 1;

/// Nobody reads the output any more: what the shell shows for a program that SIGPIPE ended.
pub(crate) const EXIT_PIPE: u8 = 141;

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

/// Runs what the process cannot do without; a panic is logged and ends the process at once. What was
/// acknowledged is on the disk or in the page cache, where the next start finds it.
pub(crate) fn end_process_on_panic(name: &str, job: impl FnOnce()) {
    on_panic(job, |cause| {
        tracing::error!(
            thread = name,
            cause,
            "panicked, the process ends with code {EXIT_FAILED}; start it again, the store is recovered then"
        );
        std::process::exit(i32::from(EXIT_FAILED));
    });
}

/// Gives the text of a panic of `job` to `end`.
fn on_panic(job: impl FnOnce(), end: impl FnOnce(&str)) {
    if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(job)) {
        end(panic_text(panic.as_ref()));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_text() {
        let mut told = Vec::new();
        on_panic(|| {}, |cause| told.push(cause.to_owned()));
        on_panic(|| panic!("plain"), |cause| told.push(cause.to_owned()));
        let number = 7;
        on_panic(
            || panic!("number {number}"),
            |cause| told.push(cause.to_owned()),
        );
        assert_eq!(told, ["plain", "number 7"]);
    }
}
