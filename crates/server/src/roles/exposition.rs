//! The metrics of a broker as Prometheus reads them.
//!
//! What Java's exporter serves too has Java's names and labels (`BrokerMetricsManager`,
//! `DefaultStoreMetricsManager`); what it does not know begins with `ferrocket_`. There is no series
//! for each topic or group: the number of series does not grow with what users do.

use std::fmt::{Display, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use ferrocket_broker::Broker;
use ferrocket_net::Network;
use ferrocket_protocol::stages::DurationsSnapshot;
use ferrocket_store::disk::Space;
use ferrocket_store::{Shortage, Store};

use crate::clock::now_ms;
use crate::config::catalog::Class;
use crate::config::settings::Settings;
use crate::failure::{EXIT_FAILED, Failure};
use crate::roles::metrics_port::Exposition;

/// Names and values of `metricsLabel`.
pub(crate) type Labels = Vec<(String, String)>;

/// What the numbers are read from.
#[derive(Debug)]
pub(crate) struct BrokerExposition {
    pub(crate) broker: Arc<Broker>,
    pub(crate) store: Arc<Store>,
    pub(crate) network: Arc<Network>,
    /// `metricsLabel`.
    pub(crate) labels: Labels,
}

impl Exposition for BrokerExposition {
    fn text(&self) -> String {
        let config = self.broker.config();
        let own = [
            ("cluster", config.broker_cluster_name.as_str()),
            ("node_id", config.broker_name.as_str()),
            ("node_type", "broker"),
            ("otel_scope_name", "broker-meter"),
        ];
        let given = self.labels.iter();
        let given = given.map(|(name, value)| (name.as_str(), value.as_str()));
        let mut page = Page::new(own.into_iter().chain(given));
        self.as_java(&mut page);
        self.store_state(&mut page);
        self.disks(&mut page);
        self.bounds_of_broker(&mut page);
        self.sockets(&mut page);
        self.stages(&mut page);
        page.text
    }
}

impl BrokerExposition {
    fn as_java(&self, page: &mut Page) {
        const MEDIUM: [(&str, &str); 2] = [("storage_medium", "disk"), ("storage_type", "local")];
        let config = self.broker.config();
        let sizes = self.broker.sizes();
        page.gauge(
            "rocketmq_broker_permission",
            "brokerPermission: 4 read, 2 write.",
        );
        page.sample(&[], &config.broker_permission);
        page.gauge("rocketmq_topic_number", "Topics.");
        page.sample(&[], &sizes.topics);
        page.gauge("rocketmq_consumer_group_number", "Consumer groups.");
        page.sample(&[], &sizes.groups);
        page.gauge(
            "ferrocket_conflicting_consumer_groups",
            "Consumer groups whose clients subscribe differently.",
        );
        page.sample(&[], &sizes.conflicting_groups);
        let (appended, durable) = (self.store.appended().0, self.store.durable().0);
        page.gauge("rocketmq_storage_size_bytes", "Bytes of the commit log.");
        page.sample(&MEDIUM, &(appended - self.store.min_physical_offset().0));
        page.gauge(
            "rocketmq_storage_flush_behind_bytes",
            "Bytes of the log that a power loss would take.",
        );
        page.sample(&MEDIUM, &(appended - durable).max(0));
        page.gauge(
            "rocketmq_storage_dispatch_behind_bytes",
            "Always 0: messages are in their queues when they are answered.",
        );
        page.sample(&MEDIUM, &0);
        page.gauge(
            "rocketmq_storage_message_reserve_time_milliseconds",
            "Age of the oldest message.",
        );
        if let Ok(Some(earliest_ms)) = self.store.earliest_log_store_ms() {
            page.sample(&MEDIUM, &(now_ms() - earliest_ms).max(0));
        }
    }

    fn store_state(&self, page: &mut Page) {
        let store = &self.store;
        let short: Vec<Shortage> = store.shortages().collect();
        let poisoned = store.poison().is_some();
        page.gauge(
            "ferrocket_store_writable",
            "1 while the store takes messages.",
        );
        page.sample(&[], &u8::from(short.is_empty() && !poisoned));
        page.gauge(
            "ferrocket_store_refuses",
            "1 while this keeps the store from taking messages.",
        );
        page.sample(&[("cause", "poisoned")], &u8::from(poisoned));
        for what in Shortage::ALL {
            page.sample(&[("cause", what.name())], &u8::from(short.contains(&what)));
        }
        page.counter(
            "ferrocket_store_shortages_total",
            "How often a shortage of room began.",
        );
        for what in Shortage::ALL {
            page.sample(&[("cause", what.name())], &store.shortages_begun(what));
        }
        let refused = store.refused();
        page.counter(
            "ferrocket_store_refused_messages_total",
            "Messages and batches that the store refused.",
        );
        page.sample(&[("cause", "disk_full")], &refused.disk_full);
        page.sample(&[("cause", "not_writable")], &refused.not_writable);
        page.sample(&[("cause", "segment")], &refused.segment);
        page.gauge("ferrocket_store_log_offset", "Physical offsets: where the log begins, what is durable, what consumers see, where it ends.");
        for (edge, offset) in [
            ("min", store.min_physical_offset()),
            ("durable", store.durable()),
            ("readable", store.readable()),
            ("max", store.appended()),
        ] {
            page.sample(&[("edge", edge)], &offset);
        }
        page.gauge(
            "ferrocket_store_index_behind_bytes",
            "Bytes of the log whose messages are not found by key yet.",
        );
        page.sample(&[], &store.index_progress().behind_bytes);
        self.reads(page);
        let cleaned = store.cleaned();
        page.counter(
            "ferrocket_store_deleted_files_total",
            "Files that retention deleted.",
        );
        page.sample(&[("kind", "commit_log")], &cleaned.segments);
        page.sample(&[("kind", "consume_queue")], &cleaned.queue_files);
        page.sample(&[("kind", "index")], &cleaned.index_files);
    }

    fn reads(&self, page: &mut Page) {
        page.counter(
            "ferrocket_store_pieces_read_total",
            "Pieces of the log read for the consumers of several queues.",
        );
        page.sample(&[], &self.store.pieces_read());
        page.counter(
            "ferrocket_store_regions_missed_total",
            "How often a part of the log was not in memory for a pull.",
        );
        page.sample(&[], &self.store.regions_missed());
    }

    fn disks(&self, page: &mut Page) {
        let Ok(usage) = self.store.usage() else {
            return;
        };
        let retention = self.store.retention();
        let queues = self.store.config().below_root("consumequeue");
        let mut disks: Vec<(PathBuf, Space)> = usage.commit_log_dirs;
        disks.push((queues, usage.queues));
        let mut each = |name, help, value: &dyn Fn(&Space) -> f64| {
            page.gauge(name, help);
            for (path, space) in &disks {
                page.sample(&[("path", &path.display().to_string())], &value(space));
            }
        };
        each(
            "ferrocket_disk_used_ratio",
            "Used part of the file system, as the ratios of the configuration count it.",
            &Space::used_ratio,
        );
        each(
            "ferrocket_disk_free_bytes",
            "Bytes that the broker may still write.",
            &|space| space.free_bytes as f64,
        );
        each(
            "ferrocket_disk_size_bytes",
            "Size of the file system.",
            &|space| space.total_bytes as f64,
        );
        each(
            "ferrocket_disk_reserved_bytes",
            "diskReservedBytes: below so many free bytes messages are refused.",
            &|space| retention.reserved_of(space) as f64,
        );
    }

    fn bounds_of_broker(&self, page: &mut Page) {
        let met = self.broker.metrics();
        let sizes = self.broker.sizes();
        for (name, help, value) in [
            (
                "ferrocket_messages_put_total",
                "Messages stored.",
                sizes.messages_put,
            ),
            (
                "ferrocket_messages_got_total",
                "Messages given to consumers.",
                sizes.messages_got,
            ),
            (
                "ferrocket_sends_failed_total",
                "Sends answered with a refusal.",
                sizes.sends_failed,
            ),
            (
                "ferrocket_sends_refused_for_backlog_total",
                "Sends refused because too much waited for the disk.",
                met.sends_refused_for_backlog,
            ),
            (
                "ferrocket_flush_timeouts_total",
                "Sends answered FLUSH_DISK_TIMEOUT.",
                met.flush_timeouts,
            ),
            (
                "ferrocket_dead_letters_total",
                "Messages that consumers gave up on.",
                met.sent_to_dead_letters,
            ),
            (
                "ferrocket_delayed_left_out_total",
                "Delayed messages that were due and could never be stored.",
                met.delayed_left_out,
            ),
            (
                "ferrocket_pulls_refused_for_waiting_total",
                "Pulls refused because too many waited.",
                met.pulls_refused_for_waiting,
            ),
            (
                "ferrocket_pulls_refused_for_cold_reads_total",
                "Pulls refused because too many waited for a cold read.",
                met.pulls_refused_for_cold_reads,
            ),
            (
                "ferrocket_commits_refused_total",
                "Consumer offsets refused because their topic has no such queue.",
                met.commits_refused,
            ),
            (
                "ferrocket_cold_reads_total",
                "Pulls that may have waited for the disk.",
                met.cold_reads,
            ),
            (
                "ferrocket_unsupported_requests_total",
                "Requests with a code that this broker does not serve.",
                met.unsupported_requests,
            ),
        ] {
            page.counter(name, help);
            page.sample(&[], &value);
        }
    }

    fn sockets(&self, page: &mut Page) {
        let net = self.network.metrics().snapshot();
        page.gauge(
            "ferrocket_net_connections",
            "Open connections, in both directions.",
        );
        page.sample(&[], &net.connections);
        page.gauge(
            "ferrocket_net_unwritten_bytes",
            "Bytes that wait for sockets.",
        );
        page.sample(&[], &net.unwritten_bytes);
        for (name, help, value) in [
            (
                "ferrocket_net_accepted_total",
                "Connections accepted.",
                net.accepted,
            ),
            (
                "ferrocket_net_connected_total",
                "Connections made.",
                net.connected,
            ),
            (
                "ferrocket_net_reads_total",
                "Socket reads that brought bytes.",
                net.reads,
            ),
            (
                "ferrocket_net_writes_total",
                "Socket writes that took bytes.",
                net.writes,
            ),
            (
                "ferrocket_net_received_bytes_total",
                "Bytes read from sockets.",
                net.bytes_in,
            ),
            (
                "ferrocket_net_sent_bytes_total",
                "Bytes written to sockets.",
                net.bytes_out,
            ),
            (
                "ferrocket_net_received_frames_total",
                "Frames read.",
                net.frames_in,
            ),
            (
                "ferrocket_net_sent_frames_total",
                "Frames written.",
                net.frames_out,
            ),
            (
                "ferrocket_net_read_pauses_total",
                "How often reading waited for a peer to take its answers.",
                net.read_pauses,
            ),
            (
                "ferrocket_net_accept_errors_total",
                "Failed accepts, nearly always the limit of open files.",
                net.accept_errors,
            ),
        ] {
            page.counter(name, help);
            page.sample(&[], &value);
        }
        page.counter("ferrocket_net_closed_total", "Ended connections by reason.");
        for (reason, count) in &net.closed {
            page.sample(&[("reason", &reason.to_string())], count);
        }
    }
}

impl BrokerExposition {
    /// How long each stage of a request takes. Java's exporter knows none of them.
    fn stages(&self, page: &mut Page) {
        let network = self.network.metrics().stages();
        let stages = network
            .into_iter()
            .chain(self.broker.stages())
            .chain(self.store.stages());
        page.begin(
            "ferrocket_stage_seconds",
            "Durations of one in sixteen reads and runs of sends, and of every flush: receive (the \
             read), decode (into frames), check (headers, encoding of records), wait (for other \
             appends), append, flush (sync of the log), reply (answers encoded), dispatch (waiting \
             pulls served), answer (the write).",
            "histogram",
        );
        for (stage, durations) in stages {
            page.durations(stage, &durations);
        }
    }
}

/// Where metrics are served and what every sample carries, if the configuration wants them. Without
/// `metricsExporterType=PROM` no port is opened, as with Java: nobody shall serve what he does not
/// know of.
pub(crate) fn wanted(settings: &Settings) -> Result<Option<(SocketAddr, Labels)>, Failure> {
    let text = |key| settings.text(Class::Broker, key);
    match text("metricsExporterType").as_deref() {
        Some("PROM" | "2") => {}
        Some("DISABLE" | "0") | None => return Ok(None),
        Some(other) => {
            tracing::warn!(
                "metricsExporterType = {other} is not part of this version; PROM serves /metrics for Prometheus"
            );
            return Ok(None);
        }
    }
    let port: u16 = settings.number(Class::Broker, "metricsPromExporterPort");
    let address = match text("metricsPromExporterHost") {
        None => super::bind_address(settings, port)?,
        Some(host) => {
            let host: IpAddr = host.parse().map_err(|_| {
                let text = format!("metricsPromExporterHost = {host:?} is not an IP address; 0.0.0.0 is every one of this machine");
                Failure::new(EXIT_FAILED, text)
            })?;
            SocketAddr::new(host, port)
        }
    };
    Ok(Some((
        address,
        labels(&text("metricsLabel").unwrap_or_default()),
    )))
}

/// `metricsLabel`: `name:value,name:value`; parts that are no such pair are left out.
fn labels(text: &str) -> Labels {
    let pairs = text.split(',').filter_map(|part| part.split_once(':'));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
        .collect()
}

/// A page in the making.
struct Page {
    text: String,
    /// The family that samples belong to.
    family: &'static str,
    common: String,
}

impl Page {
    fn new<'a>(common: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut page = Self {
            text: String::with_capacity(16 * 1024),
            family: "",
            common: String::new(),
        };
        for (name, value) in common {
            push_label(&mut page.common, name, value);
        }
        page
    }

    fn gauge(&mut self, name: &'static str, help: &str) {
        self.begin(name, help, "gauge");
    }

    fn counter(&mut self, name: &'static str, help: &str) {
        self.begin(name, help, "counter");
    }

    fn begin(&mut self, name: &'static str, help: &str, kind: &str) {
        self.family = name;
        // Writing into a text cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// The samples of one stage of the histogram that was begun.
    fn durations(&mut self, stage: &str, durations: &DurationsSnapshot) {
        let mut sample = |part: &str, labels: &[(&str, &str)], value: &dyn Display| {
            self.sample_of(part, labels, value);
        };
        for (end, count) in durations.up_to() {
            let labels = [("stage", stage), ("le", &end.to_string())];
            sample("_bucket", &labels, &count);
        }
        let count = durations.count();
        sample("_bucket", &[("stage", stage), ("le", "+Inf")], &count);
        let sum = durations.sum_ns as f64 / 1e9;
        sample("_sum", &[("stage", stage)], &sum);
        sample("_count", &[("stage", stage)], &count);
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: &dyn Display) {
        self.sample_of("", labels, value);
    }

    /// A sample of a part of the family, such as `_count`.
    fn sample_of(&mut self, part: &str, labels: &[(&str, &str)], value: &dyn Display) {
        let mut all = self.common.clone();
        for (name, value) in labels {
            push_label(&mut all, name, value);
        }
        let _ = writeln!(self.text, "{}{part}{{{all}}} {value}", self.family);
    }
}

fn push_label(to: &mut String, name: &str, value: &str) {
    if !to.is_empty() {
        to.push(',');
    }
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    let _ = write!(to, "{name}=\"{value}\"");
}

#[cfg(test)]
mod tests {
    use ferrocket_protocol::stages::Durations;

    use super::*;

    #[test]
    fn samples_carry_common_labels_and_escape_values() {
        let mut page = Page::new([("cluster", "C")].into_iter());
        page.gauge("a_gauge", "Helps.");
        page.sample(&[("path", "/a\"b\\c\n")], &1.5);
        assert_eq!(
            page.text,
            "# HELP a_gauge Helps.\n# TYPE a_gauge gauge\na_gauge{cluster=\"C\",path=\"/a\\\"b\\\\c\\n\"} 1.5\n"
        );
    }

    #[test]
    fn a_stage_is_a_histogram_with_growing_buckets() {
        let durations = Durations::default();
        durations.add(300);
        durations.add(10_000_000_000);
        let mut page = Page::new([("cluster", "C")].into_iter());
        page.begin("stage_seconds", "Helps.", "histogram");
        page.durations("append", &durations.snapshot());
        let has = |line: &str| assert!(page.text.lines().any(|it| it == line), "{line}");
        has("stage_seconds_bucket{cluster=\"C\",stage=\"append\",le=\"0.000000256\"} 0");
        has("stage_seconds_bucket{cluster=\"C\",stage=\"append\",le=\"0.000000512\"} 1");
        has("stage_seconds_bucket{cluster=\"C\",stage=\"append\",le=\"+Inf\"} 2");
        has("stage_seconds_sum{cluster=\"C\",stage=\"append\"} 10.0000003");
        has("stage_seconds_count{cluster=\"C\",stage=\"append\"} 2");
    }

    #[test]
    fn labels_of_the_configuration_are_pairs() {
        assert_eq!(labels(""), []);
        assert_eq!(
            labels("zone:a, rack:r1,junk,1x:y,é:z"),
            [
                ("zone".to_owned(), "a".to_owned()),
                ("rack".to_owned(), "r1".to_owned())
            ]
        );
    }
}
