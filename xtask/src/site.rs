//! The static folder `dist/`: making it and serving it, both by Trunk.
//!
//! Trunk.toml says what is in it; this module only starts Trunk with the right tools, offline, and chooses a port.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::shell::{command, root, run};

/// Where the headers stand.
const CONFIGURATION: &str = "Trunk.toml";

/// How to serve.
pub struct ServeOptions {
    /// The port; without one, the first free one from [`FIRST_PORT`] on.
    pub port: Option<u16>,
    /// Whether to open the page in the browser.
    pub open: bool,
}

const FIRST_PORT: u16 = 8080;
const PORTS_TRIED: u16 = 50;

/// The folder that [`build`] makes.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// Makes `dist/` in release mode.
pub fn build() -> Result<()> {
    run(command("trunk")?.args(["build", "--release", "--offline"]))
}

/// Builds in release mode, serves until interrupted, and builds again after a change.
pub fn serve(options: &ServeOptions) -> Result<()> {
    let port = free_port(options.port)?;
    let mut trunk = command("trunk")?;
    trunk.args(["serve", "--release", "--offline", "--port", &port.to_string()]);
    if options.open {
        trunk.arg("--open");
    }
    eprintln!("The release build takes about four minutes the first time; the address follows.");
    let server = Arc::new(Mutex::new(trunk.spawn().context("Trunk could not be started")?));

    let interrupted = Arc::new(AtomicBool::new(false));
    let (running, interrupt) = (Arc::clone(&server), Arc::clone(&interrupted));
    ctrlc::set_handler(move || {
        interrupt.store(true, Ordering::Relaxed);
        // An error here means that the server has ended by itself.
        let _ = running.lock().unwrap_or_else(PoisonError::into_inner).kill();
    })?;

    let mut announced = false;
    loop {
        let ended = server.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?;
        match ended {
            Some(status) if status.success() || interrupted.load(Ordering::Relaxed) => return Ok(()),
            Some(status) => bail!("Trunk ended ({status}); what it printed above says why"),
            None => {}
        }
        if !announced && listens(port) {
            announced = true;
            println!("\n    Tinylens is at http://127.0.0.1:{port}/    (Ctrl+C ends it)\n");
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// The headers that hosts have to send, names and values, in the order of their names.
pub fn headers() -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(root().join(CONFIGURATION)).context("Trunk.toml cannot be read")?;
    headers_of(&text)
}

fn headers_of(trunk: &str) -> Result<Vec<(String, String)>> {
    let trunk: toml::Table = trunk.parse().context("Trunk.toml is not TOML")?;
    let headers = trunk.get("serve").and_then(|it| it.get("headers")).and_then(toml::Value::as_table);
    let headers = headers.context("Trunk.toml has no [serve.headers]")?.iter();
    headers
        .map(|(name, value)| {
            let value = value.as_str().with_context(|| format!("header {name} is not a text"))?;
            Ok((name.clone(), value.to_owned()))
        })
        .collect()
}

fn free_port(wanted: Option<u16>) -> Result<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    match wanted {
        Some(port) if free(&port) => Ok(port),
        Some(port) => bail!("port {port} is taken; leave out --port to get a free one"),
        None => {
            let last = FIRST_PORT + PORTS_TRIED - 1;
            let found = (FIRST_PORT..=last).find(free);
            found.with_context(|| {
                format!("all ports from {FIRST_PORT} to {last} are taken; choose one with --port")
            })
        }
    }
}

fn listens(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{free_port, headers_of, listens};

    #[test]
    fn a_taken_port_is_refused_by_name_and_stepped_over_without() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).expect("some port is free");
        let port = taken.local_addr().expect("it is bound").port();
        assert!(listens(port));
        assert!(free_port(Some(port)).is_err());
        assert_ne!(free_port(None).expect("fifty ports are not all taken"), port);
    }

    #[test]
    fn headers_come_from_trunk() {
        let headers = headers_of("[serve.headers]\nA = \"b c\"\nD = \"e\"").expect("two headers");
        assert_eq!(headers, [("A".to_owned(), "b c".to_owned()), ("D".to_owned(), "e".to_owned())]);
        assert!(headers_of("[serve]").is_err());
        assert!(headers_of("[serve.headers]\nA = 1").is_err());
        let ours = headers_of(include_str!("../../Trunk.toml")).expect("ours");
        assert!(
            ours.iter()
                .any(|(name, value)| name == "Cross-Origin-Embedder-Policy" && value == "require-corp")
        );
    }
}
