//! What people see: one line for each fact, with its unit.

use std::fmt::Write;

use crate::measure::Outcome;
use crate::process::AtRest;

/// A run as text.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    let mut text = format!(
        "{}\n  {:>14.0} messages/s   ({} messages in {:.1} s, {:.1} MiB/s of bodies)\n",
        outcome.work,
        outcome.messages_per_second,
        outcome.messages,
        outcome.seconds,
        outcome.body_mib_per_second
    );
    if let Some(latency) = &outcome.latency {
        add(
            &mut text,
            format_args!(
                "  {:>14.0} us p50   {:.0} us p99   {:.0} us p99.9   {:.0} us max",
                latency.p50_us, latency.p99_us, latency.p999_us, latency.max_us
            ),
        );
    }
    if let Some(server) = &outcome.server {
        add(
            &mut text,
            format_args!(
                "  {:>14.2} us of server CPU per message   {:.2} cores   {:.3} context switches and {:.3} read, write and sync calls per message   {:.1} MiB resident",
                server.cpu_us_per_message,
                server.cpu_cores,
                server.context_switches_per_message,
                server.calls_per_message,
                server.rss_mib
            ),
        );
    }
    let stages = outcome.server.iter().flat_map(|server| &server.stages);
    for time in stages {
        add(
            &mut text,
            format_args!(
                "  {:>14.2} us mean of stage {:<9} (p99 at most {:.1} us, {} timed)",
                time.mean_us, time.stage, time.p99_us, time.count
            ),
        );
    }
    add(
        &mut text,
        format_args!(
            "  {:>14.2} cores used by the load generator",
            outcome.generator_cpu_cores
        ),
    );
    for (code, count) in &outcome.refused {
        add(
            &mut text,
            format_args!("  {count:>14} requests REFUSED with code {code}"),
        );
    }
    text
}

/// A server at rest as text.
pub(crate) fn at_rest(rest: &AtRest) -> String {
    format!(
        "at rest for {:.0} s\n  {:>14.2} % of a core   {:.1} context switches/s   {:.1} MiB resident\n",
        rest.seconds, rest.cpu_percent, rest.context_switches_per_second, rest.rss_mib
    )
}

fn add(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}
