//! `/metrics` over HTTP, for Prometheus (`metricsExporterType=PROM`).
//!
//! A GET of one path needs no HTTP library: a request head is read to its bound, one answer is
//! written, the connection is closed. Nothing of a request is kept or followed; a peer that is slow,
//! or one too many, is dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::failure::{EXIT_FAILED, Failure};

/// The head of a request may have so many bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Requests served at once; more wait to be accepted.
const REQUESTS_MAX: usize = 8;
/// The longest time that one request may take.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// After a failed accept, which is nearly always a want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What is answered.
pub(crate) trait Exposition: Send + Sync + 'static {
    /// The text of all metrics; may wait for a disk.
    fn text(&self) -> String;
}

/// The open port; closed when stopped or dropped.
#[derive(Debug)]
pub(crate) struct MetricsPort {
    accepting: JoinHandle<()>,
}

impl MetricsPort {
    /// Opens the port; nobody is answered before [`serve`](Self::serve).
    pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
        let failed = |error: std::io::Error| {
            let holder = super::holder_of(address.port());
            let holder = holder.map_or_else(String::new, |who| format!(" (in use by {who})"));
            let text = format!(
                "Failed to bind to {address} for /metrics: {error}{holder}; set metricsPromExporterPort or metricsPromExporterHost"
            );
            Failure::new(EXIT_FAILED, text)
        };
        TcpListener::bind(address).await.map_err(failed)
    }

    pub(crate) fn serve(listener: TcpListener, exposition: Arc<dyn Exposition>) -> Self {
        if let Ok(local) = listener.local_addr() {
            tracing::info!("metrics at http://{local}/metrics");
        }
        Self {
            accepting: tokio::spawn(accept(listener, exposition)),
        }
    }

    /// Closes the port. Requests that are served end by themselves.
    pub(crate) async fn stop(mut self) {
        self.accepting.abort();
        // It was aborted, or has ended.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for MetricsPort {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, exposition: Arc<dyn Exposition>) {
    let places = Arc::new(Semaphore::new(REQUESTS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let exposition = Arc::clone(&exposition);
        tokio::spawn(async move {
            // Who is too slow, or gone, gets no answer.
            let _ = tokio::time::timeout(REQUEST_TIME, serve(stream, exposition)).await;
            drop(place);
        });
    }
}

async fn serve(mut stream: TcpStream, exposition: Arc<dyn Exposition>) -> std::io::Result<()> {
    let head = read_head(&mut stream).await?;
    let answer = match target(&head) {
        Err(status) => plain(status, &format!("{status}\n")),
        Ok((wants_body, "/metrics")) => {
            let text = tokio::task::spawn_blocking(move || exposition.text());
            let text = text.await.map_err(std::io::Error::other)?;
            answer(
                "200 OK",
                "text/plain; version=0.0.4; charset=utf-8",
                &text,
                wants_body,
            )
        }
        Ok(_) => plain("404 Not Found", "metrics are at /metrics\n"),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Up to the empty line, the bound, or the end of what the peer sends.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(1024);
    let mut limited = stream.take(HEAD_BYTES_MAX as u64);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if limited.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(head)
}

/// Whether a body is wanted, and the path without its query; or the status of the refusal.
fn target(head: &[u8]) -> Result<(bool, &str), &'static str> {
    const BAD: &str = "400 Bad Request";
    let end = head.iter().position(|byte| *byte == b'\r').ok_or(BAD)?;
    let line = head
        .get(..end)
        .and_then(|line| std::str::from_utf8(line).ok());
    let mut words = line.ok_or(BAD)?.split(' ');
    let (Some(method), Some(path), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BAD);
    };
    if !version.starts_with("HTTP/1.") {
        return Err(BAD);
    }
    let path = path.split('?').next().unwrap_or_default();
    match method {
        "GET" => Ok((true, path)),
        "HEAD" => Ok((false, path)),
        _ => Err("405 Method Not Allowed"),
    }
}

fn plain(status: &str, text: &str) -> String {
    answer(status, "text/plain; charset=utf-8", text, true)
}

fn answer(status: &str, kind: &str, body: &str, wants_body: bool) -> String {
    let length = body.len();
    let body = if wants_body { body } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_or_head_of_a_path_is_a_request() {
        assert_eq!(
            target(b"GET /metrics HTTP/1.1\r\n\r\n"),
            Ok((true, "/metrics"))
        );
        assert_eq!(
            target(b"HEAD /metrics?x=1 HTTP/1.0\r\n"),
            Ok((false, "/metrics"))
        );
        assert_eq!(
            target(b"POST / HTTP/1.1\r\n"),
            Err("405 Method Not Allowed")
        );
        for junk in [
            &b""[..],
            b"GET\r\n",
            b"GET / SMTP\r\n",
            b"\xff\xfe /\r\n",
            b"GET / HTTP/1.1",
        ] {
            assert_eq!(target(junk), Err("400 Bad Request"));
        }
    }
}
