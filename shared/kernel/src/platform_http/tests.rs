use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Redirect;
use axum::routing::get;
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
    PlatformHttp::new(base_url, Policy { timeout, proxy: Proxy::OfEnvironment, keep_idle: KEEP_IDLE })
}

async fn ask(http: &PlatformHttp, connection: Connection, path: &str, max_body: usize) -> Result<Reply, Lost> {
    exchange(http.client(connection).await.unwrap().get(http.url(path)), max_body).await
}

#[test]
fn platform_http_takes_only_this_machine_for_loopback() {
    for (url, loopback) in [
        ("http://127.0.0.1:9300/wecom", true),
        ("http://127.8.8.8", true),
        ("http://localhost:9300", true),
        ("http://[::1]:9300", true),
        ("https://qyapi.weixin.qq.com", false),
        ("https://127.0.0.1.example.com", false),
        ("https://localhost.example.com", false),
        ("http://10.0.0.1", false),
    ] {
        assert_eq!(is_loopback(&url.parse().unwrap()), loopback, "{url}");
    }
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
