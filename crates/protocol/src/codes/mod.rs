//! Every request and response code of releases 4.9 and 5.5, named as in Java.
//!
//! A code is an `i32` on the wire and stays one here: an unknown code is an ordinary value that gets
//! an ordinary answer.

pub mod request;
pub mod response;

/// Declares codes as constants, with a table of them and the way back from number to name.
macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        $(pub const $name: i32 = $code;)*

        /// All codes with their Java names, by number.
        pub const ALL: &[(i32, &str)] = &[$(($code, stringify!($name))),*];

        /// The Java name of a code.
        #[must_use]
        pub const fn name(code: i32) -> Option<&'static str> {
            match code {
                $($code => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}
pub(crate) use codes;
