//! A company's own proxy on the way to a platform. It leaves this machine's loopback from an address of its own
//! (127.0.0.2 and so on), so the platform sees which proxy a call came through, and it remembers what it carried.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// Bytes of the longest head of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// A running proxy for HTTP: it forwards plain requests and opens tunnels (`CONNECT`). One request a connection. Dropping
/// it stops it; connections that it has open go on to their ends.
pub struct ForwardProxy {
    address: SocketAddr,
    login: Option<(&'static str, &'static str)>,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    leaves_from: Ipv4Addr,
    /// What a request has to show, if anything.
    authorization: Option<String>,
    carried: Mutex<Vec<String>>,
}

impl ForwardProxy {
    /// Starts on 127.0.0.1, in the current Tokio runtime, leaving from `leaves_from`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(leaves_from: Ipv4Addr, login: Option<(&'static str, &'static str)>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for a proxy")?;
        let address = listener.local_addr().context("the listener has no address")?;
        let authorization =
            login.map(|(user, password)| format!("basic {}", STANDARD.encode(format!("{user}:{password}"))));
        let shared = Arc::new(Shared { leaves_from, authorization, carried: Mutex::default() });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, login, shared, server })
    }

    /// Its address with the login, as a company would give it.
    #[must_use]
    pub fn url(&self) -> String {
        let login = self.login.map_or_else(String::new, |(user, password)| format!("{user}:{password}@"));
        format!("http://{login}{}", self.address)
    }

    /// Its address without the login.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address from which platforms see it.
    #[must_use]
    pub fn leaves_from(&self) -> IpAddr {
        self.shared.leaves_from.into()
    }

    /// The targets of what it carried, in order: an address without its query, or a host and port for a tunnel.
    #[must_use]
    pub fn carried(&self) -> Vec<String> {
        self.shared.carried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes down: whoever connects is refused from now on.
    pub async fn stop(&mut self) {
        self.server.abort();
        // Gone only once the task is.
        let _aborted = (&mut self.server).await.is_err();
    }

    /// Comes back where it was.
    ///
    /// # Errors
    /// When somebody else has its port by now.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.address).await.context("the proxy's port is taken")?;
        self.server = tokio::spawn(accept(listener, Arc::clone(&self.shared)));
        Ok(())
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // An error is a client or a platform that hung up.
            let _over = serve(stream, &shared).await.is_ok();
        });
    }
}

async fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let head = head(&mut client).await?;
    let mut lines = head.split("\r\n");
    let (line, headers): (&str, Vec<&str>) = (lines.next().unwrap_or_default(), lines.collect());
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let shown = headers.iter().find_map(|header| value_of(header, "proxy-authorization"));
    let is_let_in = shared.authorization.as_ref().is_none_or(|wanted| {
        // The scheme's case does not matter, that of what follows does.
        shown.is_some_and(|shown| shown.split_once(' ').zip(wanted.split_once(' ')).is_some_and(|(a, b)| a.1 == b.1))
    });
    if !is_let_in {
        return refuse(&mut client, "407 Proxy Authentication Required").await;
    }
    shared.carried.lock().unwrap_or_else(PoisonError::into_inner).push(without_query(target).to_owned());
    let authority = match (method, target.strip_prefix("http://")) {
        ("CONNECT", _) => target,
        (_, Some(rest)) => rest.split('/').next().unwrap_or_default(),
        _ => return refuse(&mut client, "400 Bad Request").await,
    };
    let Ok(mut platform) = connect(shared.leaves_from, authority).await else {
        return refuse(&mut client, "502 Bad Gateway").await;
    };
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    } else {
        let path = target.strip_prefix("http://").and_then(|rest| rest.strip_prefix(authority)).unwrap_or("/");
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        let dropped = ["proxy-authorization", "proxy-connection", "connection"];
        for header in headers.iter().filter(|header| !header.is_empty()) {
            if dropped.iter().all(|name| value_of(header, name).is_none()) {
                request.push_str(header);
                request.push_str("\r\n");
            }
        }
        request.push_str("\r\n");
        platform.write_all(request.as_bytes()).await?;
    }
    copy_bidirectional(&mut client, &mut platform).await?;
    Ok(())
}

/// The head of a request, without the empty line at its end.
async fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LARGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(client.read_u8().await?);
    }
    head.truncate(head.len() - 4);
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

async fn connect(from: Ipv4Addr, authority: &str) -> io::Result<TcpStream> {
    let to: SocketAddr = authority.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn refuse(client: &mut TcpStream, status: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    client.write_all(answer.as_bytes()).await
}

fn value_of<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = header.split_once(':')?;
    found.trim().eq_ignore_ascii_case(name).then_some(value.trim())
}

/// The query may hold a token.
fn without_query(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sandbox, SandboxConfig};

    const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

    async fn asked_through(proxy: &ForwardProxy, url: &str) -> reqwest::Result<String> {
        let way = reqwest::Proxy::all(proxy.url()).unwrap();
        let client = reqwest::Client::builder().proxy(way).build().unwrap();
        client.get(format!("{url}/wecom/cgi-bin/user/get?access_token=none")).send().await?.text().await
    }

    #[tokio::test]
    async fn forward_proxy_carries_a_call_from_its_own_address_and_remembers_it() {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let token = sandbox.wecom().issue_token("corp-1").unwrap();
        sandbox.wecom().change_app("corp-1", |app| app.trusted_ips = Some(std::collections::BTreeSet::new()));
        let proxy = ForwardProxy::start(PROXY, Some(("user", "pass"))).await.unwrap();
        let url = format!("{}/wecom/cgi-bin/user/get", sandbox.url());
        let way = reqwest::Proxy::all(proxy.url()).unwrap();
        let client = reqwest::Client::builder().proxy(way).build().unwrap();
        let asked = client.get(format!("{url}?access_token={token}&userid=lisi")).send().await.unwrap();
        let answer = asked.text().await.unwrap();
        assert!(answer.contains("60020") && answer.contains("from ip: 127.0.0.2,"), "{answer}");
        assert_eq!(proxy.carried(), [url]);
        let trusted = [proxy.leaves_from()];
        sandbox.wecom().change_app("corp-1", |app| app.trusted_ips = Some(trusted.into()));
        let asked =
            client.get(format!("{}?access_token={token}&userid=lisi", proxy.carried()[0])).send().await.unwrap();
        assert!(asked.text().await.unwrap().contains("李四"));
        // What two companies list is a provider's.
        sandbox.wecom().change_app("corp-2", |app| app.trusted_ips = Some(trusted.into()));
        let asked =
            client.get(format!("{}?access_token={token}&userid=lisi", proxy.carried()[0])).send().await.unwrap();
        assert!(asked.text().await.unwrap().contains("60020"));
    }

    #[tokio::test]
    async fn forward_proxy_refuses_a_wrong_login_and_everybody_while_it_is_down() {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let mut proxy = ForwardProxy::start(PROXY, Some(("user", "pass"))).await.unwrap();
        let way = reqwest::Proxy::all(proxy.origin()).unwrap();
        let client = reqwest::Client::builder().proxy(way).build().unwrap();
        assert_eq!(client.get(sandbox.url()).send().await.unwrap().status(), 407);
        proxy.stop().await;
        assert!(asked_through(&proxy, sandbox.url()).await.unwrap_err().is_connect());
        proxy.restart().await.unwrap();
        assert!(asked_through(&proxy, sandbox.url()).await.unwrap().contains("40014"));
        assert_eq!(proxy.carried().len(), 1);
    }
}
