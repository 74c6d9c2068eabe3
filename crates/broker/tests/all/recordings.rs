//! Requests of official clients to official brokers, with the answers that these gave.

use std::path::PathBuf;

use ferrocket_protocol::frame::{self, Frame};
use serde_json::Value;

pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) code: i32,
    pub(crate) request: Frame,
    /// `None` for a one-way request.
    pub(crate) response: Option<Frame>,
}

/// All recordings of what a client sent to a broker of 5.5.0, by the codes that are asked for.
pub(crate) fn recordings(codes: &[i32]) -> Vec<Recording> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/wire"));
    let mut found = Vec::new();
    let mut directories: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    directories.sort();
    for directory in directories {
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(code) = name.split('-').next().and_then(|code| code.parse().ok()) else {
            continue;
        };
        if !codes.contains(&code) || name.contains("truncated") {
            continue;
        }
        let mut files: Vec<_> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read(&file).unwrap();
            let value: Value = serde_json::from_slice(&text).unwrap();
            if value["direction"] != "client -> broker" || value["server"] == "4.9.7" {
                continue;
            }
            found.push(Recording {
                name: format!("{name}/{}", file.file_name().unwrap().to_str().unwrap()),
                code,
                request: decoded(&value["request"]).unwrap(),
                response: decoded(&value["response"]),
            });
        }
    }
    found
}

fn decoded(side: &Value) -> Option<Frame> {
    let bytes = bytes(side)?;
    Some(
        frame::decode(&mut bytes.as_slice().into())
            .unwrap()
            .unwrap(),
    )
}

fn bytes(side: &Value) -> Option<Vec<u8>> {
    if let Some(hex) = side.get("frame_hex").and_then(Value::as_str) {
        return Some(
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
        );
    }
    side.get("frame_base64").and_then(Value::as_str).map(base64)
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = DIGITS.iter().position(|known| *known == digit).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xFF) as u8);
        }
    }
    bytes
}

/// Every code that the broker serves.
pub(crate) const SERVED: [i32; 48] = [
    10, 310, 320, 11, 12, 361, 14, 15, 17, 18, 21, 25, 26, 28, 29, 30, 31, 32, 33, 34, 35, 38, 41,
    42, 46, 200, 201, 202, 203, 204, 207, 208, 215, 300, 305, 351, 36, 222, 223, 303, 307, 308,
    309, 314, 317, 321, 345, 353,
];
