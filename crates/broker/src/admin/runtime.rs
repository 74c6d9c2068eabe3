//! GET_BROKER_RUNTIME_INFO: the keys that `clusterList`, `brokerStatus` and dashboards read.
//!
//! This broker has no thread pools, no transient store pool and no dispatcher behind the log: their
//! keys are there, because tools print a missing one as `null`, with the value of something that is
//! never in the way. Times that need a clock inside a request are not measured and are 0.

use std::collections::BTreeMap;

use ferrocket_protocol::bodies::KVTable;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::version;
use ferrocket_store::disk::Space;

use super::reply_body;
use crate::Broker;
use crate::request::Request;

/// `Integer.MAX_VALUE`, Java's answer when there is no transient store pool.
const NO_POOL: &str = "2147483647";
/// What Java's distribution of put times looks like before the first slow put.
const NO_DISTRIBUTION: &str = "[<=0ms]:0 [0~10ms]:0 [10~50ms]:0 [50~100ms]:0 [100~200ms]:0 [200~500ms]:0 [500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 [5~10s]:0 [10s~]:0 ";
/// Java's answer when a disk does not say how full it is.
const UNKNOWN_RATIO: &str = "-1.0";
/// Thread pools of Java with the capacity of their queues.
const POOLS: [(&str, &str); 5] = [
    ("send", "10000"),
    ("pull", "100000"),
    ("litePull", "100000"),
    ("query", "20000"),
    ("ack", "100000"),
];

impl Broker {
    /// GET_BROKER_RUNTIME_INFO.
    pub(crate) fn runtime_info(&self, request: &Request<'_>, out: &mut Outbox) {
        let mut table = BTreeMap::new();
        self.add_broker_keys(request, &mut table);
        self.add_traffic_keys(&mut table);
        self.add_store_keys(&mut table);
        add_pool_keys(&mut table);
        reply_body(request, &KVTable { table }, out);
    }

    fn add_broker_keys(&self, request: &Request<'_>, table: &mut BTreeMap<String, String>) {
        let started_ms = self.stats.started_ms();
        put(table, "brokerActive", &true);
        put(table, "brokerVersionDesc", &version::name(version::VERSION));
        // 4.x tools and the Prometheus exporter label by it.
        put(table, "brokerVersion", &version::VERSION);
        put(table, "bootTimestamp", &started_ms);
        put(
            table,
            "runtime",
            &elapsed((request.now_ms - started_ms) / 1_000),
        );
        let accepts_from_ms = request.config.start_accept_send_request_time_stamp_ms;
        put(table, "startAcceptSendRequestTimeStamp", &accepts_from_ms);
        for (level, offset, max) in self.delay.progress(&self.store) {
            let key = format!("scheduleMessageOffset_{level}");
            put(table, &key, &format!("{offset},{max}"));
        }
        for key in ["timerReadBehind", "timerOffsetBehind", "timerCongestNum"] {
            put(table, key, &0);
        }
        put(table, "timerEnqueueTps", "0.0");
        put(table, "timerDequeueTps", "0.0");
    }

    fn add_traffic_keys(&self, table: &mut BTreeMap<String, String>) {
        let (rates, days) = (self.stats.rates(), self.stats.days());
        put(table, "putTps", &rates.put);
        put(table, "getFoundTps", &rates.found);
        put(table, "getMissTps", &rates.missed);
        put(table, "getTotalTps", &rates.total);
        // 4.x spells it with one r.
        put(table, "getTransferedTps", &rates.transferred);
        put(table, "getTransferredTps", &rates.transferred);
        let put_total = self.stats.put_messages.total();
        put(
            table,
            "msgPutTotalYesterdayMorning",
            &days.put_yesterday_morning,
        );
        put(table, "msgPutTotalTodayMorning", &days.put_today_morning);
        put(table, "msgPutTotalTodayNow", &put_total);
        put(
            table,
            "msgGetTotalYesterdayMorning",
            &days.get_yesterday_morning,
        );
        put(table, "msgGetTotalTodayMorning", &days.get_today_morning);
        put(
            table,
            "msgGetTotalTodayNow",
            &self.stats.get_messages.total(),
        );
        let put_bytes = self.stats.put_bytes.total();
        put(table, "putMessageTimesTotal", &put_total.max(1));
        put(
            table,
            "putMessageFailedTimes",
            &self.stats.put_failed.total(),
        );
        put(table, "putMessageSizeTotal", &put_bytes);
        put(
            table,
            "putMessageAverageSize",
            &format!("{:?}", put_bytes as f64 / put_total.max(1) as f64),
        );
        put(table, "putMessageDistributeTime", &NO_DISTRIBUTION);
        put(table, "putLatency99", "0.00");
        put(table, "putLatency999", "0.00");
        for key in [
            "putMessageEntireTimeMax",
            "getMessageEntireTimeMax",
            "pageCacheLockTimeMills",
        ] {
            put(table, key, &0);
        }
    }

    fn add_store_keys(&self, table: &mut BTreeMap<String, String>) {
        let appended = self.store.appended().0;
        put(
            table,
            "commitLogMinOffset",
            &self.store.min_physical_offset().0,
        );
        put(table, "commitLogMaxOffset", &appended);
        put(table, "dispatchBehindBytes", &0);
        put(table, "dispatchMaxBuffer", &0);
        // Ours: what is in these bytes of the log is not found by key yet.
        let index = self.store.index_progress();
        put(table, "indexBehindBytes", &index.behind_bytes);
        put(table, "remainTransientStoreBufferNumbs", &NO_POOL);
        let behind = (appended - self.store.durable().0).max(0);
        put(
            table,
            "remainHowManyDataToFlush",
            &human_bytes(behind as f64),
        );
        let earliest = self
            .store
            .earliest_log_store_ms()
            .ok()
            .flatten()
            .unwrap_or(-1);
        put(table, "earliestMessageTimeStamp", &earliest);
        let usage = self.store.usage();
        let (log, queues) = match &usage {
            Ok(usage) => (used(&usage.commit_log), used(&usage.queues)),
            Err(_) => (UNKNOWN_RATIO.to_owned(), UNKNOWN_RATIO.to_owned()),
        };
        put(table, "commitLogDiskRatio", &log);
        put(table, "consumeQueueDiskRatio", &queues);
        if let Ok(usage) = usage {
            let mut total_bytes = 0_u64;
            let mut free_bytes = 0_u64;
            for (path, space) in &usage.commit_log_dirs {
                let key = format!("commitLogDiskRatio_{}", path.display());
                put(table, &key, &used(space));
                total_bytes = total_bytes.saturating_add(space.total_bytes);
                free_bytes = free_bytes.saturating_add(space.free_bytes);
            }
            let total = human_bytes(total_bytes as f64);
            let free = human_bytes(free_bytes as f64);
            let capacity = format!("Total : {total}, Free : {free}.");
            put(table, "commitLogDirCapacity", &capacity);
        }
    }
}

/// The part of a disk that is full, as Java prints a double of whole percents.
fn used(space: &Space) -> String {
    format!("{:?}", space.used_ratio())
}

fn add_pool_keys(table: &mut BTreeMap<String, String>) {
    for (pool, capacity) in POOLS {
        put(table, &format!("{pool}ThreadPoolQueueSize"), &0);
        put(table, &format!("{pool}ThreadPoolQueueCapacity"), &capacity);
        put(
            table,
            &format!("{pool}ThreadPoolQueueHeadWaitTimeMills"),
            &0,
        );
    }
    put(table, "EndTransactionQueueSize", &0);
    put(table, "EndTransactionThreadPoolQueueCapacity", &100_000);
}

fn put(table: &mut BTreeMap<String, String>, key: &str, value: &(impl ToString + ?Sized)) {
    table.insert(key.to_owned(), value.to_string());
}

/// `StoreStatsService#getFormatRuntime`.
fn elapsed(seconds: i64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    format!("[ {days} days, {hours} hours, {minutes} minutes, {seconds} seconds ]")
}

/// `MixAll#humanReadableByteCount` with binary units.
fn human_bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1_024.0 {
        return format!("{bytes} B");
    }
    let mut value = bytes;
    let mut name = "B";
    for unit in UNITS {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        name = unit;
    }
    format!("{value:.1} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_as_java_prints_them() {
        assert_eq!(human_bytes(0.0), "0 B");
        assert_eq!(human_bytes(4_700.0), "4.6 KiB");
        assert_eq!(human_bytes(252.0 * 1_073_741_824.0), "252.0 GiB");
        assert_eq!(elapsed(145), "[ 0 days, 0 hours, 2 minutes, 25 seconds ]");
        assert_eq!(elapsed(90_061), "[ 1 days, 1 hours, 1 minutes, 1 seconds ]");
    }
}
