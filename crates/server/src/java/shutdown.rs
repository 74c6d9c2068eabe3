//! `mqshutdown broker | namesrv`: finds the servers of this host and sends them SIGTERM.
//!
//! The texts and exit codes are those of Java's script. Only processes of this program are found:
//! those whose executable is ours and whose command line names the role. An all-in-one server
//! answers to both names. Roles that do not exist yet are never running.

use std::io::{self, Write};
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A server process of this host.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    pid: i32,
}

/// Runs the command and returns its exit code.
pub(crate) fn run(arguments: &[String], out: &mut impl Write) -> io::Result<u8> {
    let (name, missing) = match arguments.first().map(String::as_str) {
        Some("broker") => ("mqbroker", "No mqbroker running."),
        Some("namesrv") => ("mqnamesrv", "No mqnamesrv running."),
        Some("brokerContainer") => ("", "No broker container running."),
        Some("controller") => ("", "No mqcontroller running."),
        Some("proxy") => ("", "No mqproxy running."),
        _ => {
            writeln!(
                out,
                "Usage: mqshutdown broker | namesrv | controller | proxy"
            )?;
            return Ok(0);
        }
    };
    let servers = if name.is_empty() {
        Vec::new()
    } else {
        running(name)?
    };
    if servers.is_empty() {
        writeln!(out, "{missing}")?;
        return Ok(1);
    }
    let pids: Vec<String> = servers
        .iter()
        .map(|server| server.pid.to_string())
        .collect();
    let pids = pids.join(" ");
    writeln!(out, "The {name}({pids}) is running...")?;
    for server in &servers {
        if let Some(pid) = Pid::from_raw(server.pid) {
            kill_process(pid, Signal::TERM)?;
        }
    }
    writeln!(out, "Send shutdown request to {name}({pids}) OK")?;
    Ok(0)
}

fn running(name: &str) -> io::Result<Vec<Server>> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let ours = std::env::current_exe()?;
    let mut servers: Vec<Server> = std::fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own && is_ours(*pid, &ours) && plays(&command_line(*pid), name))
        .map(|pid| Server { pid })
        .collect();
    servers.sort_by_key(|server| server.pid);
    Ok(servers)
}

/// Whether a process runs our executable, also one that was replaced by an upgrade meanwhile.
fn is_ours(pid: i32, ours: &Path) -> bool {
    let Ok(executable) = std::fs::read_link(format!("/proc/{pid}/exe")) else {
        return false;
    };
    let text = executable.to_string_lossy();
    Path::new(text.strip_suffix(" (deleted)").unwrap_or(&text)) == ours
}

fn command_line(pid: i32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = bytes
        .split(|byte| *byte == 0)
        .filter(|argument| !argument.is_empty());
    arguments
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

/// Whether a command line runs the role that Java's script knows as `name`.
fn plays(arguments: &[String], name: &str) -> bool {
    let mut words = arguments.iter();
    let base = words
        .next()
        .and_then(|zero| zero.rsplit('/').next())
        .unwrap_or_default();
    let role = if base.starts_with("mq") {
        Some(base)
    } else {
        words
            .find(|word| !word.starts_with('-'))
            .map(String::as_str)
    };
    match role {
        Some("server" | "quickstart") => true,
        Some("broker" | "mqbroker") => name == "mqbroker",
        Some("namesrv" | "mqnamesrv") => name == "mqnamesrv",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn roles_are_told_from_the_command_line() {
        assert!(plays(&line("/opt/bin/mqbroker -n x:1"), "mqbroker"));
        assert!(!plays(&line("/opt/bin/mqbroker -n x:1"), "mqnamesrv"));
        assert!(plays(&line("ferrocket namesrv"), "mqnamesrv"));
        assert!(plays(&line("ferrocket server -c f"), "mqbroker"));
        assert!(plays(&line("ferrocket server -c f"), "mqnamesrv"));
        assert!(!plays(&line("ferrocket produce -t broker"), "mqbroker"));
        assert!(!plays(&line("mqshutdown broker"), "mqbroker"));
    }

    #[test]
    fn texts_and_codes_are_those_of_the_script() {
        let run = |word: &str| {
            let mut out = Vec::new();
            let code = run(&[word.to_owned()], &mut out).unwrap();
            (code, String::from_utf8(out).unwrap())
        };
        assert_eq!(
            run("controller"),
            (1, "No mqcontroller running.\n".to_owned())
        );
        assert_eq!(run("proxy"), (1, "No mqproxy running.\n".to_owned()));
        assert_eq!(
            run("nonsense"),
            (
                0,
                "Usage: mqshutdown broker | namesrv | controller | proxy\n".to_owned()
            )
        );
    }
}
