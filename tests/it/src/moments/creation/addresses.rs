//! Media addresses that would have us look around in our own network, in every way people write them. A listener on
//! this machine is the private_server: nobody may ever connect to it.

use std::io::ErrorKind;
use std::net::TcpListener;

use anyhow::{Result, ensure};
use sandbox::media::SampleMedium;
use serde_json::json;

use crate::moments::bad_input::{CONTENT, Desk};

/// Something that listens where only we could reach it.
struct PrivateServer {
    listener: TcpListener,
    port: u16,
}

impl PrivateServer {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    fn is_untouched(&self) -> bool {
        self.listener.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

const PRIVATE: &str = "内网或无法公开访问的地址，请换用公网链接";
const HTTPS: &str = "必须以 https:// 开头";
const PORT: &str = "只能使用 https 的默认端口 443";
const FORMAT: &str = "格式不正确，请填写以 https:// 开头的完整链接";
const USER_INFO: &str = "不能包含用户名或密码";

/// Addresses and what is said about each. `PORT` stands for the private_server's.
const ADDRESSES: [(&str, &str); 46] = [
    ("http://cdn.example.com/a.jpg", HTTPS),
    ("http://127.0.0.1:PORT/a.jpg", HTTPS),
    ("ftp://cdn.example.com/a.jpg", HTTPS),
    ("file:///etc/passwd", HTTPS),
    ("gopher://127.0.0.1:PORT/_GET", HTTPS),
    ("data:image/png;base64,iVBORw0KGgo=", FORMAT),
    ("javascript:alert(1)", FORMAT),
    ("https://127.0.0.1:PORT/a.jpg", PORT),
    ("https://cdn.example.com:22/a.jpg", PORT),
    ("https://cdn.example.com:80/a.jpg", PORT),
    ("https://cdn.example.com:8443/a.jpg", PORT),
    ("https://127.0.0.1/a.jpg", PRIVATE),
    ("https://127.1/a.jpg", PRIVATE),
    ("https://2130706433/a.jpg", PRIVATE),
    ("https://017700000001/a.jpg", PRIVATE),
    ("https://0177.0.0.1/a.jpg", PRIVATE),
    ("https://0x7f000001/a.jpg", PRIVATE),
    ("https://0x7f.0.0.1/a.jpg", PRIVATE),
    ("https://①②⑦.0.0.1/a.jpg", PRIVATE),
    ("https://127.0.0.1./a.jpg", PRIVATE),
    ("https://%31%32%37.0.0.1/a.jpg", PRIVATE),
    ("https://0.0.0.0/a.jpg", PRIVATE),
    ("https://0/a.jpg", PRIVATE),
    ("https://10.0.0.1/a.jpg", PRIVATE),
    ("https://172.16.0.1/a.jpg", PRIVATE),
    ("https://192.168.1.1/a.jpg", PRIVATE),
    ("https://100.64.0.1/a.jpg", PRIVATE),
    ("https://169.254.169.254/latest/meta-data/", PRIVATE),
    ("https://2852039166/latest/meta-data/", PRIVATE),
    ("https://169.254.170.2/v2/credentials", PRIVATE),
    ("https://224.0.0.1/a.jpg", PRIVATE),
    ("https://255.255.255.255/a.jpg", PRIVATE),
    ("https://[::1]/a.jpg", PRIVATE),
    ("https://[::]/a.jpg", PRIVATE),
    ("https://[::ffff:127.0.0.1]/a.jpg", PRIVATE),
    ("https://[::ffff:a9fe:a9fe]/a.jpg", PRIVATE),
    ("https://[64:ff9b::7f00:1]/a.jpg", PRIVATE),
    ("https://[fe80::1]/a.jpg", PRIVATE),
    ("https://[fd00:ec2::254]/latest/meta-data/", PRIVATE),
    ("https://localhost/a.jpg", PRIVATE),
    ("https://LOCALHOST./a.jpg", PRIVATE),
    ("https://printer/a.jpg", PRIVATE),
    ("https://user:password@cdn.example.com/a.jpg", USER_INFO),
    ("https://cdn.example.com@127.0.0.1/a.jpg", USER_INFO),
    ("https://cdn.example.com\\@127.0.0.1/a.jpg", FORMAT),
    ("https://cdn.example.com/a b.jpg", "中间有空格或换行"),
];

#[tokio::test]
async fn creation_with_private_media_addresses_is_refused() -> Result<()> {
    let (desk, private_server) = (Desk::open().await?, PrivateServer::start()?);
    let long = format!("https://cdn.example.com/{}", "a".repeat(2_048));
    let others = [
        ("", FORMAT),
        (" ", FORMAT),
        ("a.jpg", FORMAT),
        ("//cdn.example.com/a.jpg", FORMAT),
        ("https://", FORMAT),
        ("https:///a.jpg", "请"),
        ("https://[::1/a.jpg", FORMAT),
        ("https://256.256.256.256/a.jpg", FORMAT),
        (long.as_str(), "素材链接过长（最多 2048 个字符）"),
    ];
    for (address, remedy) in ADDRESSES.into_iter().chain(others) {
        let address = address.replace("PORT", &private_server.port.to_string());
        let event = desk.post(json!({"mediaUrls": [address]}))?;
        let what = format!("{address:.80}");
        desk.refuses(&what, &event, &CONTENT.on(&["mediaUrls[0]"]), remedy).await?;
    }
    ensure!(private_server.is_untouched(), "somebody went to the address");
    ensure!(desk.world.sandbox.media().all_hits().is_empty(), "none of these is an address of the sandbox");
    Ok(())
}

#[tokio::test]
async fn creation_with_blanks_around_media_addresses_is_published() -> Result<()> {
    let desk = Desk::open().await?;
    let url = desk.world.sandbox.media().put_file("a.jpg", sandbox::media::MediaFile::jpeg(80, 80));
    for around in [format!(" {url}\n"), format!("\u{feff}{url}\u{3000}"), format!("\r\n\t{url}")] {
        let task = desk.grants("blanks around", &desk.post(json!({"mediaUrls": [around]}))?).await?;
        desk.publishes("blanks around", task).await?;
    }
    ensure!(desk.world.sandbox.gewe().posts_of("phone").iter().all(|post| post.media == 1));
    Ok(())
}

#[tokio::test]
async fn creation_with_media_redirected_into_our_network_is_refused() -> Result<()> {
    let (desk, private_server) = (Desk::open().await?, PrivateServer::start()?);
    let media = desk.world.sandbox.media();
    let leads_to = |address: &str| address.starts_with("http") || address.contains("://");
    for (number, (address, _)) in ADDRESSES.into_iter().filter(|(address, _)| leads_to(address)).enumerate() {
        let address = address.replace("PORT", &private_server.port.to_string());
        // What no header can hold is no redirect.
        if !address.is_ascii() || address.contains([' ', '\\']) {
            continue;
        }
        let first = media.put(&format!("{number}.jpg"), SampleMedium::redirect(&*address));
        let second = media.put(&format!("{number}-again.jpg"), SampleMedium::redirect(&*first));
        for url in [first, second] {
            let event = desk.post(json!({"mediaUrls": [url]}))?;
            let refusal = CONTENT.on(&["mediaUrls[0]"]);
            desk.refuses(&format!("a redirect to {address}"), &event, &refusal, "请").await?;
        }
    }
    ensure!(private_server.is_untouched(), "somebody went to the address");
    Ok(())
}

#[tokio::test]
async fn creation_with_media_redirected_without_end_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let media = desk.world.sandbox.media();
    let own = media.url("loop.jpg");
    media.put("loop.jpg", SampleMedium::redirect(&*own));
    let (ping, pong) = (media.url("ping.jpg"), media.url("pong.jpg"));
    media.put("ping.jpg", SampleMedium::redirect(&*pong));
    media.put("pong.jpg", SampleMedium::redirect(&*ping));
    let nowhere = media.put("nowhere.jpg", SampleMedium { location: None, ..SampleMedium::redirect("") });
    for (what, url, remedy) in [
        ("to itself", own, "跳转次数过多，请填写素材的最终地址"),
        ("to and fro", ping, "跳转次数过多，请填写素材的最终地址"),
        ("to nowhere", nowhere, "没有返回文件（HTTP 302），请检查链接"),
    ] {
        let event = desk.post(json!({"mediaUrls": [url]}))?;
        desk.refuses(what, &event, &CONTENT.on(&["mediaUrls[0]"]), remedy).await?;
    }
    // At most four times for the post, and as often for trying it out.
    ensure!(media.hits("loop.jpg") <= 2 * 4, "followed {} times", media.hits("loop.jpg"));
    Ok(())
}
