use super::super::testing::Server;
use super::*;

#[test]
fn only_this_machine_is_loopback() {
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
fn paths_are_put_below_the_base() {
    for (base, url) in [
        ("https://qyapi.example.com", "https://qyapi.example.com/cgi-bin/gettoken"),
        ("https://qyapi.example.com/", "https://qyapi.example.com/cgi-bin/gettoken"),
        ("http://127.0.0.1:9/wecom", "http://127.0.0.1:9/wecom/cgi-bin/gettoken"),
        ("http://127.0.0.1:9/wecom/", "http://127.0.0.1:9/wecom/cgi-bin/gettoken"),
    ] {
        let http = Http::new(base.parse().unwrap(), Duration::from_secs(1));
        assert_eq!(http.url("cgi-bin/gettoken").as_str(), url);
    }
}

#[tokio::test]
async fn a_fresh_connection_is_nobody_elses() {
    let server = Server::answering(200, "ok").await;
    let http = Http::new(server.base_url.clone(), Duration::from_secs(20));
    for connection in [Connection::Kept, Connection::Kept, Connection::Fresh, Connection::Fresh, Connection::Kept] {
        let request = http.client(connection).await.unwrap().get(http.url("x"));
        assert_eq!(exchange(request, 2).await.unwrap().body, b"ok");
    }
    let peers: Vec<_> = server.seen().into_iter().map(|request| request.peer.port()).collect();
    let [kept, again, fresh, another, last] = peers[..] else { panic!("{peers:?}") };
    assert!(kept == again && kept == last, "{peers:?}");
    assert!(fresh != kept && another != kept && fresh != another, "{peers:?}");
}

#[tokio::test]
async fn an_answer_may_have_the_limit_and_no_byte_more() {
    let server = Server::answering(200, "12345").await;
    let http = Http::new(server.base_url.clone(), Duration::from_secs(20));
    for (limit, fits) in [(5, true), (4, false), (0, false)] {
        let request = http.client(Connection::Kept).await.unwrap().get(http.url("x"));
        let result = exchange(request, limit).await.map(|reply| reply.body);
        assert_eq!(result, if fits { Ok(b"12345".to_vec()) } else { Err(Detail::TooLong) }, "{limit}");
    }
}
