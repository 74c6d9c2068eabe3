//! Unique keys of messages (`MessageClientIDSetter`).

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use ferrocket_protocol::message::ids::UniqueId;
use jiff::ZonedDateTime;
use parking_lot::Mutex;

/// Makes keys that no other client makes: address, process, client, time and a counter.
#[derive(Debug)]
pub(crate) struct UniqueIds {
    client_ip: IpAddr,
    client_number: i32,
    counter: AtomicU32,
    month: Mutex<Month>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Month {
    start_ms: i64,
    next_ms: i64,
}

impl UniqueIds {
    pub(crate) fn new(client_ip: IpAddr, client_number: i32) -> Self {
        Self {
            client_ip,
            client_number,
            counter: AtomicU32::new(0),
            month: Mutex::default(),
        }
    }

    pub(crate) fn next(&self, now_ms: i64) -> String {
        let month_ms = now_ms - self.month_start(now_ms);
        let id = UniqueId {
            client_ip: self.client_ip,
            process_id: (std::process::id() & 0xffff) as u16,
            class_loader_hash: self.client_number,
            month_ms: i32::try_from(month_ms).unwrap_or(i32::MAX),
            counter: (self.counter.fetch_add(1, Relaxed) & 0xffff) as u16,
        };
        id.to_string()
    }

    /// When the month of `now_ms` began, in local time: tools take the time of a message from its
    /// key.
    fn month_start(&self, now_ms: i64) -> i64 {
        let mut month = self.month.lock();
        if now_ms < month.start_ms || now_ms >= month.next_ms {
            *month = month_of(now_ms).unwrap_or(Month {
                start_ms: now_ms,
                next_ms: now_ms + 1,
            });
        }
        month.start_ms
    }
}

fn month_of(now_ms: i64) -> Option<Month> {
    let now = ZonedDateTime::new(
        jiff::Timestamp::from_millisecond(now_ms).ok()?,
        jiff::tz::TimeZone::system(),
    );
    let first = now.first_of_month().ok()?.start_of_day().ok()?;
    let next = now
        .last_of_month()
        .ok()?
        .tomorrow()
        .ok()?
        .start_of_day()
        .ok()?;
    Some(Month {
        start_ms: first.timestamp().as_millisecond(),
        next_ms: next.timestamp().as_millisecond(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_hold_the_time_since_the_month_began() {
        let ids = UniqueIds::new([10, 1, 2, 3].into(), 7);
        let now_ms = 1_716_208_496_789;
        let (a, b) = (ids.next(now_ms), ids.next(now_ms));
        assert_ne!(a, b);
        assert_eq!(a.len(), 32);
        let parsed = UniqueId::parse(&b).unwrap();
        assert_eq!(parsed.client_ip, IpAddr::from([10, 1, 2, 3]));
        assert_eq!(parsed.counter, 1);
        let days = parsed.month_ms / 86_400_000;
        assert!((18..=20).contains(&days), "20 May 2024 is day {days}");
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let may = month_of(1_716_208_496_789).unwrap();
        let june = month_of(may.next_ms).unwrap();
        assert_eq!(may.next_ms, june.start_ms);
        assert!(month_of(june.start_ms - 1).unwrap().start_ms == may.start_ms);
    }
}
