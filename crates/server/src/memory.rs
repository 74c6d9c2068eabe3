//! How much memory this process may count on: the smaller of the machine's and the control group's.

use std::fs;

/// The answer and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) bytes: u64,
    pub(crate) source: &'static str,
}

/// Asked when nothing can be read.
const FALLBACK_BYTES: u64 = 1024 * 1024 * 1024;

pub(crate) fn available() -> Memory {
    let read = |path: &str| fs::read_to_string(path).ok();
    decide(
        read("/proc/meminfo").as_deref(),
        read("/sys/fs/cgroup/memory.max").as_deref(),
        read("/sys/fs/cgroup/memory/memory.limit_in_bytes").as_deref(),
    )
}

fn decide(meminfo: Option<&str>, group_v2: Option<&str>, group_v1: Option<&str>) -> Memory {
    let total = meminfo
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("MemTotal:")))
        .and_then(|rest| {
            rest.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<u64>()
                .ok()
        })
        .map(|kib| Memory {
            bytes: kib * 1024,
            source: "the machine",
        });
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok());
    let group = number(group_v2)
        .map(|bytes| Memory {
            bytes,
            source: "the control group (v2)",
        })
        .or_else(|| {
            number(group_v1).map(|bytes| Memory {
                bytes,
                source: "the control group (v1)",
            })
        });
    [total, group]
        .into_iter()
        .flatten()
        .min_by_key(|memory| memory.bytes)
        .unwrap_or(Memory {
            bytes: FALLBACK_BYTES,
            source: "a guess",
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Option<&str> = Some("MemTotal:       16384 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_smaller_limit_counts() {
        let bytes = |v2, v1| decide(MACHINE, v2, v1).bytes;
        assert_eq!(bytes(None, None), 16 * 1024 * 1024);
        assert_eq!(bytes(Some("max\n"), None), 16 * 1024 * 1024);
        assert_eq!(bytes(Some("1048576\n"), None), 1_048_576);
        assert_eq!(bytes(None, Some("9223372036854771712\n")), 16 * 1024 * 1024);
        assert_eq!(decide(None, None, None).source, "a guess");
    }
}
