//! The timer store's files (`TimerMessageStore`): how many messages wait, and until when.

use std::io;
use std::path::Path;

use super::files::FoundFiles;
use super::state::content;
use crate::disk::Disk;

/// Bytes of a slot of `timerwheel`.
const SLOT_BYTES: usize = 32;

/// Slots read at once.
const PIECE_SLOTS: usize = 32 * 1024;

/// What the timer store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimerView {
    /// Messages in slots that the wheel has not come to yet.
    pub waiting: u64,
    /// Deliver time of the last of them, in milliseconds.
    pub last_ms: Option<i64>,
    /// `lastReadTimeMs` of `config/timercheck`: slots before it are done.
    pub read_until_ms: Option<i64>,
    pub wheel_bytes: u64,
    pub log_files: usize,
    pub log_bytes: u64,
}

/// None when there is no timer store. `precision_ms` is `timerPrecisionMs`.
pub(super) fn read(
    disk: &dyn Disk,
    root: &Path,
    precision_ms: i64,
) -> io::Result<Option<TimerView>> {
    let wheel_path = root.join("timerwheel");
    let log = FoundFiles::list(disk, &[root.join("timerlog")])?;
    if !disk.exists(&wheel_path) && log.files.is_empty() {
        return Ok(None);
    }
    let check = content(disk, &root.join("config").join("timercheck"))?;
    let read_until_ms = check
        .as_deref()
        .and_then(|check| check.first_chunk())
        .map(|raw| i64::from_be_bytes(*raw));
    let mut view = TimerView {
        read_until_ms,
        log_files: log.files.len(),
        log_bytes: log.total_bytes(),
        ..TimerView::default()
    };
    if disk.exists(&wheel_path) {
        count(disk, &wheel_path, precision_ms, &mut view)?;
    }
    Ok(Some(view))
}

fn count(disk: &dyn Disk, path: &Path, precision_ms: i64, view: &mut TimerView) -> io::Result<()> {
    let file = disk.open_read_only(path)?;
    view.wheel_bytes = file.bytes()?;
    let from_ms = view.read_until_ms.unwrap_or(i64::MIN);
    let mut at = 0;
    while at < view.wheel_bytes {
        let left = usize::try_from(view.wheel_bytes - at).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(PIECE_SLOTS * SLOT_BYTES)];
        file.read_exact_at(&mut piece, at)?;
        at += piece.len() as u64;
        for slot in piece.as_chunks::<SLOT_BYTES>().0 {
            let [a, b, c, d, e, f, g, h, ..] = *slot;
            let time_ms = i64::from_be_bytes([a, b, c, d, e, f, g, h]).saturating_mul(precision_ms);
            let messages = slot
                .get(24..)
                .and_then(|rest| rest.first_chunk())
                .map_or(0, |raw| i32::from_be_bytes(*raw));
            if messages > 0 && time_ms >= from_ms {
                view.waiting += u64::try_from(messages).unwrap_or(0);
                view.last_ms = view.last_ms.max(Some(time_ms));
            }
        }
    }
    Ok(())
}
