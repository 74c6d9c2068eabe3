//! The simulator: real cores of Ferrocket over a simulated world, everything decided by a seed.
//!
//! One thread, no clock, no sleep: the same seed gives the same run, operation by operation. A run
//! draws what it does and what goes wrong, and compares all that the core says with a model that
//! knows what was acknowledged. [`store::run`] does this for the message store over a disk that
//! loses power, fails, fills up and rots.

pub mod random;
pub mod store;
