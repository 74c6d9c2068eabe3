//! `ferrocket store ls`.

use std::io;

use ferrocket_protocol::message::View;
use ferrocket_store::disk::LockState;
use ferrocket_store::inspect::{ConfigState, LogView, StoreView};
use serde_json::json;

use super::print::{Out, Table, bytes, ended, time};
use super::source::{self, Source};
use crate::cli::Output;
use crate::cli::store::Ls;
use crate::failure::Failure;

pub(super) fn run(options: &Ls) -> Result<u8, Failure> {
    let source = source::open(&options.place)?;
    let view = &source.view;
    let json = options.place.output == Output::Json;
    let mut out = Out::new();
    if options.segments {
        ended(segments(view, json, &mut out))?;
    }
    if options.index {
        ended(index(view, json, &mut out))?;
    }
    if options.files {
        ended(files(&source, json, &mut out))?;
    }
    if !(options.segments || options.index || options.files) {
        ended(queues(view, options.topic.as_deref(), json, &mut out))?;
    }
    ended(out.flush())?;
    Ok(0)
}

fn queues(view: &StoreView, topic: Option<&str>, json: bool, out: &mut Out) -> io::Result<()> {
    let log = view.log()?;
    let mut table = Table::new(&[
        "TOPIC",
        ">QUEUE",
        "TYPE",
        ">MIN",
        ">MAX",
        ">MESSAGES",
        "FIRST STORED",
        "LAST STORED",
        ">BYTES",
    ]);
    for queue in view.queues()? {
        if topic.is_some_and(|topic| topic != queue.topic) {
            continue;
        }
        let bounds = queue.bounds(log.start())?;
        let stored = |at: Option<i64>| match at {
            Some(at) => store_ms(&log, at),
            None => Ok(0),
        };
        let (first, last) = (
            stored(bounds.first_physical)?,
            stored(bounds.last_physical)?,
        );
        let messages = bounds.max - bounds.min;
        let last = if messages > 0 { last } else { 0 };
        let file_bytes = queue.files.total_bytes();
        if json {
            out.json(&json!({
                "topic": queue.topic,
                "queueId": queue.queue_id,
                "type": queue.kind.java_name(),
                "min": bounds.min,
                "max": bounds.max,
                "messages": messages,
                "firstStoreTimestamp": first,
                "lastStoreTimestamp": last,
                "firstPhy": bounds.first_physical,
                "lastPhy": bounds.last_physical,
                "fileBytes": file_bytes,
                "files": queue.files.files.len(),
            }))?;
            continue;
        }
        table.row(vec![
            queue.topic.clone(),
            queue.queue_id.to_string(),
            queue.kind.java_name().to_owned(),
            bounds.min.to_string(),
            bounds.max.to_string(),
            messages.to_string(),
            time(first),
            time(last),
            file_bytes.to_string(),
        ]);
    }
    if json { Ok(()) } else { table.print(out) }
}

/// Store time of a record; 0 when there is none.
fn store_ms(log: &LogView, at: i64) -> io::Result<i64> {
    let record = log.record_at(at)?;
    let view = record
        .as_deref()
        .and_then(|record| View::parse(record).ok());
    Ok(view.map_or(0, |view| view.store_ms))
}

fn segments(view: &StoreView, json: bool, out: &mut Out) -> io::Result<()> {
    let log = view.log()?;
    let mut table = Table::new(&[">BEGINS AT", ">BYTES", "FIRST STORED", "FILE", "REMARK"]);
    let mut expected = None;
    for file in &log.files.files {
        let mut remarks = Vec::new();
        if let Some(end) = expected
            && file.base > end
        {
            remarks.push(format!("segments are missing before it, from {end} on"));
        }
        if file.bytes != log.segment_bytes {
            remarks.push(format!("the others are {} bytes long", log.segment_bytes));
        }
        expected = Some(file.base.saturating_add_unsigned(file.bytes));
        let first = store_ms(&log, file.base)?;
        let path = file.path.display().to_string();
        let remark = remarks.join(", ");
        if json {
            out.json(&json!({
                "segment": path, "base": file.base, "bytes": file.bytes,
                "firstStoreTimestamp": first, "remark": remark,
            }))?;
            continue;
        }
        let (base, count) = (file.base.to_string(), file.bytes.to_string());
        table.row(vec![base, count, time(first), path, remark]);
    }
    for path in &log.files.foreign {
        let path = path.display().to_string();
        let remark = "a foreign name: ours leaves it alone, Java refuses to start".to_owned();
        if json {
            out.json(&json!({"segment": path, "remark": remark}))?;
        } else {
            let none = || "-".to_owned();
            table.row(vec![none(), none(), none(), path, remark]);
        }
    }
    if json { Ok(()) } else { table.print(out) }
}

fn index(view: &StoreView, json: bool, out: &mut Out) -> io::Result<()> {
    let mut table = Table::new(&[
        "FILE",
        ">ENTRIES",
        ">FROM PHY",
        ">TO PHY",
        "FIRST STORED",
        "LAST STORED",
        ">BYTES",
        "REMARK",
    ]);
    for file in view.index()? {
        let remark = match file.sizes {
            None => "its length fits no known maxHashSlotNum and maxIndexNum".to_owned(),
            Some(_) if !file.is_plausible => "the header is damaged".to_owned(),
            Some(_) => String::new(),
        };
        let path = file.path.display().to_string();
        if json {
            out.json(&json!({
                "index": path, "entries": file.entries,
                "beginPhy": file.begin_physical, "endPhy": file.end_physical,
                "beginTimestamp": file.begin_ms, "endTimestamp": file.end_ms,
                "maxHashSlotNum": file.sizes.map(|sizes| sizes.0),
                "maxIndexNum": file.sizes.map(|sizes| sizes.1),
                "bytes": file.bytes, "remark": remark,
            }))?;
            continue;
        }
        table.row(vec![
            path,
            file.entries.to_string(),
            file.begin_physical.to_string(),
            file.end_physical.to_string(),
            time(file.begin_ms),
            time(file.end_ms),
            bytes(file.bytes),
            remark,
        ]);
    }
    if json { Ok(()) } else { table.print(out) }
}

fn files(source: &Source, json: bool, out: &mut Out) -> io::Result<()> {
    let view = &source.view;
    let state = view.state()?;
    let mut table = Table::new(&["FILE", "STATE"]);
    let mut add = |name: &str, text: String, out: &mut Out| {
        if json {
            return out.json(&json!({"file": name, "state": text}));
        }
        table.row(vec![name.to_owned(), text]);
        Ok(())
    };
    let lock = match state.lock {
        LockState::Free => "not held".to_owned(),
        LockState::Held { holder: Some(pid) } => format!("held by process {pid}"),
        LockState::Held { holder: None } => "held by another process".to_owned(),
    };
    add("lock", lock, out)?;
    let abort = match (state.is_abort_there, state.abort_process) {
        (false, _) => "not there: stopped cleanly, or never started".to_owned(),
        (true, Some(pid)) => format!("there, of process {pid}"),
        (true, None) => "there".to_owned(),
    };
    add("abort", abort, out)?;
    let checkpoint = match state.checkpoint {
        None => "not there".to_owned(),
        Some(found) => format!(
            "log durable until {}, queues until {} (PHY {}), index until {}",
            time(found.physic_msg_timestamp),
            time(found.logics_msg_timestamp),
            found.logics_physical_offset,
            time(found.index_msg_timestamp),
        ),
    };
    add("checkpoint", checkpoint, out)?;
    for file in view.config_files()? {
        let text = match &file.state {
            ConfigState::Good => "good".to_owned(),
            ConfigState::BackupOnly(why) => format!("{why}; its .bak is good"),
            ConfigState::Unreadable(why) => format!("{why}; no good .bak"),
        };
        add(&format!("config/{}", file.name), text, out)?;
    }
    if let Some(timer) = source.timer()? {
        let text = format!(
            "{} messages wait, the last until {}; {} timer log files",
            timer.waiting,
            time(timer.last_ms.unwrap_or(0)),
            timer.log_files
        );
        add("timerwheel", text, out)?;
    }
    if json { Ok(()) } else { table.print(out) }
}
