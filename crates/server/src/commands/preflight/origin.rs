//! Guessing who wrote a store: no file says so, but each version leaves its marks.

use std::path::Path;

use ferrocket_store::inspect::{ConfigView, StateView};

/// A guess and what it is based on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) guess: &'static str,
    pub(super) evidence: Vec<&'static str>,
}

pub(super) fn guess(root: &Path, state: &StateView, files: &[ConfigView]) -> Origin {
    let mut evidence = Vec::new();
    let marks = |name: &str| root.join(name).exists();
    let physical = state
        .checkpoint
        .map_or(0, |found| found.logics_physical_offset);
    let has_state_version = files.iter().any(|file| {
        let version = file
            .value
            .as_ref()
            .and_then(|value| value.get("dataVersion"));
        version.is_some_and(|version| version.get("stateVersion").is_some())
    });
    // fastjson2, since 5.4, ends empty objects on their own line as `{}`.
    let is_fastjson2 = files
        .iter()
        .any(|file| contains(&file.text, b":{},\n") || contains(&file.text, b":{}\n"));
    let ours = marks("ferrocket");
    let java_55 = marks("rocksdbstore");
    let java_5 = state.is_abort_backup_there;
    if ours {
        evidence.push("the directory ferrocket is there");
    }
    if java_55 {
        evidence.push("rocksdbstore is there, which 5.4 and later make at every start");
    }
    if java_5 {
        evidence.push("abort.bak is there, which Java leaves since 5.0");
    }
    if physical > 0 {
        evidence.push(
            "the check point names a position of the queues, as 5.4 and later and Ferrocket do",
        );
    }
    if has_state_version {
        evidence.push("dataVersion has a stateVersion, as since 5.0");
    }
    let guess = match (ours, java_55, java_5) {
        (true, false, false) => "Ferrocket",
        (true, _, _) => "Java 5.x first, Ferrocket since",
        (false, true, _) => "Java 5.4 or 5.5",
        (false, false, true) if is_fastjson2 || physical > 0 => "Java 5.4 or 5.5",
        (false, false, true) => "Java 5.0 to 5.3",
        (false, false, false) if physical > 0 || has_state_version => "Ferrocket",
        (false, false, false) => "Java 4.x",
    };
    Origin { guess, evidence }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
