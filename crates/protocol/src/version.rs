//! The numbers that frames carry as their sender's version (`MQVersion`).
//!
//! A number is the place of a release in a list that begins with 3.0.0 and has room up to 5.9.9.

use std::borrow::Cow;

/// The version that our frames carry: Java consumers refuse property filters below 232, and tools
/// choose body shapes by it.
pub const VERSION: i32 = V5_5_0;

pub const V3_0_7_SNAPSHOT: i32 = 28;
pub const V3_0_11: i32 = 37;
pub const V3_1_8_SNAPSHOT: i32 = 62;
pub const V3_4_9: i32 = 121;
pub const V4_1_0_SNAPSHOT: i32 = 232;
pub const V4_9_3: i32 = 399;
pub const V4_9_4: i32 = 401;
pub const V5_0_0: i32 = 413;
pub const V5_3_1: i32 = 475;
pub const V5_5_0: i32 = 513;
/// The last entry of the list, which every larger number is taken for.
pub const HIGHER_VERSION: i32 = 612;

const BEFORE_3_0_1: [&str; 16] = [
    "V3_0_0_SNAPSHOT",
    "V3_0_0_ALPHA1",
    "V3_0_0_BETA1",
    "V3_0_0_BETA2",
    "V3_0_0_BETA3",
    "V3_0_0_BETA4",
    "V3_0_0_BETA5",
    "V3_0_0_BETA6_SNAPSHOT",
    "V3_0_0_BETA6",
    "V3_0_0_BETA7_SNAPSHOT",
    "V3_0_0_BETA7",
    "V3_0_0_BETA8_SNAPSHOT",
    "V3_0_0_BETA8",
    "V3_0_0_BETA9_SNAPSHOT",
    "V3_0_0_BETA9",
    "V3_0_0_FINAL",
];

/// Runs of releases that have two numbers each, snapshot first: the first number, then the release
/// that it stands for.
const RUNS: [(i32, u8, i32, i32); 11] = [
    (16, 3, 0, 1),
    (46, 3, 1, 0),
    (66, 3, 2, 0),
    (86, 3, 3, 1),
    (104, 3, 4, 1),
    (122, 3, 5, 1),
    (140, 3, 6, 1),
    (158, 3, 7, 1),
    (176, 3, 8, 1),
    (194, 3, 9, 1),
    (212, 4, 0, 0),
];

/// The name of a version (`MQVersion#getVersionDesc`), such as `V5_5_0`.
#[must_use]
pub fn name(version: i32) -> Cow<'static, str> {
    if version >= HIGHER_VERSION {
        return Cow::Borrowed("HIGHER_VERSION");
    }
    let early = usize::try_from(version)
        .ok()
        .and_then(|index| BEFORE_3_0_1.get(index));
    if let Some(name) = early {
        return Cow::Borrowed(name);
    }
    let run = RUNS.iter().rev().find(|(first, ..)| *first <= version);
    let Some(&(first, major, minor, patch)) = run else {
        return Cow::Borrowed("V3_0_0_SNAPSHOT");
    };
    let release = (version - first) / 2;
    let suffix = if (version - first) % 2 == 0 {
        "_SNAPSHOT"
    } else {
        ""
    };
    if major < 4 {
        return Cow::Owned(format!("V{major}_{minor}_{}{suffix}", patch + release));
    }
    // From 4.0.0 on a major version has ten minor ones, and each of these ten patches.
    let (major, minor, patch) = (4 + release / 100, release / 10 % 10, release % 10);
    Cow::Owned(format!("V{major}_{minor}_{patch}{suffix}"))
}
