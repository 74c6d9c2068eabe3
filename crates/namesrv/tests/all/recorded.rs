//! Exchanges recorded between official clients, brokers and name servers (`testdata/wire`).

use std::fs;
use std::path::{Path, PathBuf};

use ferrocket_protocol::frame::Frame;
use serde_json::Value;

use crate::support::frames;

/// A request and what an official name server answered, if anything.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Folder and file, for messages.
    pub(crate) name: String,
    pub(crate) request: Frame,
    pub(crate) response: Option<Frame>,
}

/// The recorded exchanges of one request code, in the order of their names.
pub(crate) fn exchanges(code: i32) -> Vec<Exchange> {
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/wire");
    let prefix = format!("{code}-");
    let is_of_code = |folder: &PathBuf| {
        folder
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
    };
    let mut files: Vec<PathBuf> = entries(&wire)
        .filter(is_of_code)
        .flat_map(|folder| entries(&folder))
        .collect();
    files.sort();
    files.iter().map(|file| exchange(file)).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests read their data from files"
)]
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests read their data from files"
)]
fn exchange(file: &Path) -> Exchange {
    let value: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let side = |side: &Value| {
        let bytes = match (&side["frame_hex"], &side["frame_base64"]) {
            (Value::String(hex), _) => from_hex(hex),
            (_, Value::String(text)) => from_base64(text),
            _ => return None,
        };
        frames(&bytes).pop()
    };
    Exchange {
        name: file.display().to_string(),
        request: side(&value["request"]).unwrap(),
        response: side(&value["response"]),
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn from_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = ALPHABET.iter().position(|letter| *letter == byte).unwrap();
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
