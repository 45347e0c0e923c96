use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Redirect;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server on loopback, below a path as the local sandbox serves several platforms: `/who` tells the caller's port,
/// `/away` redirects there, `/never` does not answer.
async fn serve() -> Url {
    let who = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.port().to_string();
    let routes = Router::new()
        .route("/who", get(who))
        .route("/five", get(async || "12345"))
        .route("/away", get(async || Redirect::temporary("/below/who")))
        .route("/never", get(std::future::pending::<String>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/below", listener.local_addr().unwrap()).parse().unwrap();
    let app = Router::new().nest("/below", routes).into_make_service_with_connect_info::<SocketAddr>();
    // The runtime of the test ends the task with itself.
    tokio::spawn(async move { axum::serve(listener, app).await });
    base_url
}

fn platform(base_url: Url, timeout: Duration) -> PlatformHttp {
    PlatformHttp::new(base_url, Policy { timeout, keep_idle: KEEP_IDLE })
}

async fn ask(http: &PlatformHttp, connection: Connection, path: &str, max_body: usize) -> Result<Reply, Lost> {
    exchange(http.client(connection).await.unwrap().get(http.url(path)), max_body).await
}

#[test]
fn platform_http_path_is_put_below_the_base() {
    for (base, url) in [
        ("https://qyapi.example.com", "https://qyapi.example.com/cgi-bin/gettoken"),
        ("https://qyapi.example.com/", "https://qyapi.example.com/cgi-bin/gettoken"),
        ("http://127.0.0.1:9/wecom", "http://127.0.0.1:9/wecom/cgi-bin/gettoken"),
        ("http://127.0.0.1:9/wecom/", "http://127.0.0.1:9/wecom/cgi-bin/gettoken"),
    ] {
        let http = platform(base.parse().unwrap(), Duration::from_secs(1));
        assert_eq!(http.url("cgi-bin/gettoken").as_str(), url);
    }
}

#[tokio::test]
async fn platform_http_fresh_connection_is_used_for_one_call() {
    let http = platform(serve().await, Duration::from_secs(20));
    let mut ports = Vec::new();
    for connection in [Connection::Kept, Connection::Kept, Connection::Fresh, Connection::Fresh, Connection::Kept] {
        ports.push(ask(&http, connection, "who", 5).await.unwrap().body);
    }
    let [kept, again, fresh, another, last] = &ports[..] else { panic!("{ports:?}") };
    assert!(kept == again && kept == last, "{ports:?}");
    assert!(fresh != kept && another != kept && fresh != another, "{ports:?}");
}

#[tokio::test]
async fn platform_http_answer_may_have_the_limit_and_no_byte_more() {
    let http = platform(serve().await, Duration::from_secs(20));
    let too_long = Lost { reason: LossReason::TooLong, status: Some(200) };
    for (limit, fits) in [(5, true), (4, false), (0, false)] {
        let result = ask(&http, Connection::Kept, "five", limit).await.map(|reply| reply.body);
        assert_eq!(result, if fits { Ok(b"12345".to_vec()) } else { Err(too_long) }, "{limit}");
    }
}

#[tokio::test]
async fn platform_http_redirect_is_an_answer_and_not_followed() {
    let http = platform(serve().await, Duration::from_secs(20));
    assert_eq!(ask(&http, Connection::Kept, "away", 100).await.unwrap().status, 307);
}

#[tokio::test]
async fn platform_http_says_nothing_was_sent_only_without_a_connection() {
    let silent = platform(serve().await, Duration::from_millis(50));
    let timed_out = Lost { reason: LossReason::TimedOut, status: None };
    assert_eq!(ask(&silent, Connection::Kept, "never", 100).await.unwrap_err(), timed_out);

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let refused = platform(format!("http://{address}").parse().unwrap(), Duration::from_secs(20));
    let not_connected = Lost { reason: LossReason::NotConnected, status: None };
    assert_eq!(ask(&refused, Connection::Kept, "who", 100).await.unwrap_err(), not_connected);
}

const DIRECTLY: Policy = Policy { timeout: Duration::from_secs(20), keep_idle: KEEP_IDLE };

/// A proxy that gives one answer to the first request and hangs up; answers its address and what it was asked.
async fn proxy(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    (address, asked)
}

fn through(proxy: &str, base_url: &str) -> PlatformHttp {
    PlatformHttp::through(ForwardProxy::new(proxy.parse().unwrap(), None), base_url.parse().unwrap(), DIRECTLY)
}

#[tokio::test]
async fn platform_http_through_a_proxy_goes_there_also_for_loopback() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let (address, asked) = proxy(ANSWER).await;
    let http = through(&format!("http://user:pa%3Ass@{address}"), "http://127.0.0.1:9/below");
    assert_eq!(ask(&http, Connection::Fresh, "who", 5).await.unwrap().body, b"hi");
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET http://127.0.0.1:9/below/who HTTP/1.1\r\n"), "{asked}");
    // base64 of user:pa:ss
    assert!(asked.to_lowercase().contains("proxy-authorization: basic dxnlcjpwytpzcw==\r\n"), "{asked}");
}

#[tokio::test]
async fn platform_http_says_nothing_was_sent_when_the_tunnel_is_not_made() {
    let not_connected = Lost { reason: LossReason::NotConnected, status: None };
    let refused = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let broken = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
    // The last one opens the tunnel and hangs up before the handshake inside it.
    for answer in [refused, broken, "", "HTTP/1.1 200 Connection established\r\n\r\n"] {
        let (address, asked) = proxy(answer).await;
        let http = through(&format!("http://{address}"), "https://platform.example.com");
        assert_eq!(ask(&http, Connection::Fresh, "who", 5).await.unwrap_err(), not_connected, "{answer}");
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("CONNECT platform.example.com:443 HTTP/1.1\r\n"), "{asked}");
    }
}

#[test]
fn platform_http_debug_shows_neither_the_proxy_nor_its_password() {
    let http = through("http://user:password@proxy.example.com:3128", "https://platform.example.com");
    let shown = format!("{http:?}");
    assert!(!shown.contains("password") && !shown.contains("proxy.example.com"), "{shown}");
}
