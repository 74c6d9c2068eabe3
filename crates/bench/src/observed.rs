//! A server that is watched from outside: what the kernel knows of its process, and what it tells
//! itself at `/metrics`, where it does.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::process::{Usage, rss_mib};

/// No page takes longer.
const PAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Reads that the kernel does not count with the process: `recv` is none of its read calls.
const SOCKET_READS: &str = "ferrocket_net_reads_total";
const STAGES: &str = "ferrocket_stage_seconds";

/// Which server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed {
    pub(crate) pid: u32,
    pub(crate) metrics: Option<SocketAddr>,
}

impl Observed {
    pub(crate) fn look(&self) -> anyhow::Result<Sight> {
        Ok(Sight {
            usage: Usage::of(self.pid)?,
            rss_mib: rss_mib(self.pid)?,
            page: self.metrics.map(Page::read).transpose()?,
        })
    }
}

/// A server at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) usage: Usage,
    pub(crate) rss_mib: f64,
    pub(crate) page: Option<Page>,
}

impl Sight {
    /// Reads and writes of files and sockets, and syncs, since `before`. Of a server without
    /// metrics, what the kernel counts: everything but syncs and `recv`, which Java does not use.
    pub(crate) fn calls_since(&self, before: &Self) -> u64 {
        let counted = self.usage.read_write_calls - before.usage.read_write_calls;
        let pages = self.page.as_ref().zip(before.page.as_ref());
        let told = pages.map_or(0.0, |(after, before)| {
            let reads = after.sum(SOCKET_READS) - before.sum(SOCKET_READS);
            // Every flush is timed, and is one sync.
            reads + after.stage("flush").count - before.stage("flush").count
        });
        counted + told as u64
    }

    /// How long each stage took since `before`, in the order in which a request comes through.
    pub(crate) fn stages_since(&self, before: &Self) -> Vec<StageTime> {
        let Some((after, before)) = self.page.as_ref().zip(before.page.as_ref()) else {
            return Vec::new();
        };
        let times = STAGE_NAMES
            .iter()
            .map(|name| after.stage(name).time_since(&before.stage(name), name));
        times.filter(|time| time.count > 0).collect()
    }
}

/// The stages of a send, of a read, and of both.
const STAGE_NAMES: [&str; 9] = [
    "receive", "decode", "check", "wait", "append", "flush", "reply", "dispatch", "answer",
];

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StageTime {
    pub(crate) stage: &'static str,
    /// How many were timed.
    pub(crate) count: u64,
    pub(crate) mean_us: f64,
    /// No longer than this: the end of a bucket of the histogram.
    pub(crate) p99_us: f64,
}

/// The histogram of a stage as a page has it.
#[derive(Debug, Default)]
struct StagePage {
    count: f64,
    sum_seconds: f64,
    /// Ends in seconds, each with how many were no longer; ascending.
    up_to: Vec<(f64, f64)>,
}

impl StagePage {
    fn time_since(&self, before: &Self, stage: &'static str) -> StageTime {
        let count = self.count - before.count;
        let mut grown = self.up_to.iter().zip(&before.up_to);
        let p99 = grown.find(|((_, now), (_, then))| now - then >= 0.99 * count);
        StageTime {
            stage,
            count: count as u64,
            mean_us: (self.sum_seconds - before.sum_seconds) * 1e6 / count.max(1.0),
            p99_us: p99.map_or(f64::INFINITY, |((end, _), _)| end * 1e6),
        }
    }
}

/// The samples of a page of metrics, by name and labels as they are printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    samples: BTreeMap<String, f64>,
}

impl Page {
    pub(crate) fn read(address: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, PAGE_TIMEOUT)
            .with_context(|| format!("cannot read metrics from {address}"))?;
        stream.set_read_timeout(Some(PAGE_TIMEOUT))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        ensure!(
            text.starts_with("HTTP/1.1 200"),
            "{address} answers {:?}",
            text.lines().next()
        );
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self {
            samples: samples.collect(),
        }
    }

    /// Of all samples of a family.
    pub(crate) fn sum(&self, family: &str) -> f64 {
        self.of(family).map(|(_, value)| value).sum()
    }

    fn stage(&self, name: &str) -> StagePage {
        let of_stage = |part| {
            let family = format!("{STAGES}{part}");
            let all = self.of(&family);
            let own = all.filter(|(labels, _)| label(labels, "stage") == Some(name));
            own.map(|(labels, value)| (label(labels, "le").unwrap_or_default().to_owned(), value))
                .collect::<Vec<_>>()
        };
        let sum = |part| of_stage(part).iter().map(|(_, value)| value).sum();
        let buckets = of_stage("_bucket").into_iter();
        let buckets = buckets.filter_map(|(end, value)| Some((end.parse::<f64>().ok()?, value)));
        let mut up_to: Vec<(f64, f64)> = buckets.collect();
        up_to.sort_by(|a, b| a.0.total_cmp(&b.0));
        StagePage {
            count: sum("_count"),
            sum_seconds: sum("_sum"),
            up_to,
        }
    }

    /// Labels and values of a family.
    pub(crate) fn of<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.samples.iter().filter_map(move |(name, value)| {
            let labels = name.strip_prefix(family)?.strip_prefix('{')?;
            Some((labels, *value))
        })
    }
}

/// The value of a label among printed labels.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let at = labels.find(&format!("{name}=\""))?;
    labels.get(at + name.len() + 2..)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_family_and_label() {
        let page = Page::parse(
            "HTTP/1.1 200 OK\r\n\r\n# HELP a b\na_total{x=\"1\",y=\"2\"} 3\na_total{x=\"2\"} 4.5\nab_total{} 7\n",
        );
        assert_eq!(page.sum("a_total"), 7.5);
        let (labels, value) = page.of("a_total").next().unwrap();
        assert_eq!((label(labels, "y"), value), (Some("2"), 3.0));
        assert_eq!(label(labels, "z"), None);
    }

    #[test]
    fn a_stage_is_what_its_histogram_grew_by() {
        let page = |fast, slow, sum| {
            let all = fast + slow;
            Page::parse(&format!(
                "ferrocket_stage_seconds_bucket{{stage=\"append\",le=\"0.000001\"}} {fast}\n\
                 ferrocket_stage_seconds_bucket{{stage=\"append\",le=\"0.001\"}} {all}\n\
                 ferrocket_stage_seconds_bucket{{stage=\"append\",le=\"+Inf\"}} {all}\n\
                 ferrocket_stage_seconds_sum{{stage=\"append\"}} {sum}\n\
                 ferrocket_stage_seconds_count{{stage=\"append\"}} {all}\n"
            ))
        };
        let (before, after) = (page(5, 5, 0.1), page(1005, 5, 0.102));
        let time = after
            .stage("append")
            .time_since(&before.stage("append"), "append");
        assert_eq!(time.count, 1000);
        assert!((time.mean_us - 2.0).abs() < 1e-6 && (time.p99_us - 1.0).abs() < 1e-6);
    }
}
