//! Ports on loopback.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, bail};

/// A port nobody listens on. Somebody may take it before we do; whoever uses this tries again then.
pub(crate) fn free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("a listener without an address")?.port())
}

/// Refuses a port that is in use, naming the option that chooses another.
pub(crate) fn check(port: u16, purpose: &str, option: &str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
            "Port {port}, wanted for {purpose}, is in use by another program: stop that one, or choose another port, \
             for example `cargo dev {option} {}`.",
            port.saturating_add(10)
        ),
        Err(error) => bail!("Port {port}, wanted for {purpose}, cannot be used ({error}): choose another by {option}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_in_use_is_refused_with_the_remedy() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let refusal = check(port, "the API", "--port").unwrap_err().to_string();
        assert!(refusal.contains(&port.to_string()) && refusal.contains("cargo dev --port"), "{refusal}");
        drop(listener);
        check(port, "the API", "--port").unwrap();
    }
}
