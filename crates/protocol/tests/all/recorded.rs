//! Frames recorded between official clients and servers (`testdata/wire`), and tables of the
//! releases.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read their data from files"
)]

use std::fs;
use std::path::{Path, PathBuf};

use ferrocket_protocol::frame::Encoding;
use serde_json::Value;

/// One side of a recorded exchange.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Folder and file, for messages.
    pub(crate) name: String,
    pub(crate) is_request: bool,
    pub(crate) encoding: Encoding,
    /// The header as the recorder decoded it.
    pub(crate) header: Value,
    pub(crate) body_bytes: usize,
    /// The complete frame.
    pub(crate) bytes: Vec<u8>,
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

pub(crate) fn table(name: &str) -> Value {
    let path = testdata().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// All recorded frames, in the order of their names.
pub(crate) fn frames() -> Vec<Recorded> {
    let mut files: Vec<PathBuf> = fs::read_dir(testdata().join("wire"))
        .unwrap()
        .map(|folder| folder.unwrap().path())
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut frames = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let exchange: Value = serde_json::from_str(&text).unwrap();
        for side in ["request", "response"] {
            if exchange[side].is_object() {
                frames.push(recorded(&file, side, &exchange[side]));
            }
        }
    }
    assert!(frames.len() > 2500, "only {} frames found", frames.len());
    frames
}

fn recorded(file: &Path, side: &str, value: &Value) -> Recorded {
    let name = file
        .components()
        .rev()
        .take(2)
        .map(|part| part.as_os_str().to_string_lossy());
    let name: Vec<_> = name.collect();
    let bytes = match (&value["frame_hex"], &value["frame_base64"]) {
        (Value::String(hex), _) => from_hex(hex),
        (_, Value::String(text)) => from_base64(text),
        _ => panic!("{file:?} has no frame"),
    };
    Recorded {
        name: format!("{}/{} {side}", name[1], name[0]),
        is_request: side == "request",
        encoding: match value["encoding"].as_str() {
            Some("JSON") => Encoding::Json,
            Some("ROCKETMQ") => Encoding::Binary,
            other => panic!("{file:?}: encoding {other:?}"),
        },
        header: value["header"].clone(),
        body_bytes: value["body_bytes"]
            .as_u64()
            .map_or(0, |bytes| usize::try_from(bytes).unwrap()),
        bytes,
    }
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = ALPHABET.iter().position(|letter| *letter == byte).unwrap();
        bits = bits << 6 | u32::try_from(digit).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).unwrap());
        }
    }
    bytes
}
