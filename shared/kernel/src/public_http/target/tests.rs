use proptest::prelude::*;

use super::*;

fn verdict(text: &str) -> Result<bool, AddressProblem> {
    Judge::default().written(text).map(|target| target.trusted)
}

#[test]
fn target_that_is_public_https_is_accepted() {
    for text in [
        "https://cdn.example.com/a.jpg",
        "https://cdn.example.com:443/a.jpg?sign=x%2F#top",
        "HTTPS://CDN.EXAMPLE.COM/",
        "https://例子.中国/图片.jpg",
        "https://8.8.8.8/a",
        "https://[2606:4700::6810:1]/a",
        "https://cdn.example.com./a",
    ] {
        assert_eq!(verdict(text), Ok(false), "{text}");
    }
}

#[test]
fn target_that_is_not_public_is_refused_in_every_notation() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "%31%32%37.0.0.1",
        "１２７.０.０.１",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "0xa.0.0.1",
        "167772161",
        "100.100.100.200",
        "169.254.169.254",
        "2852039166",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "172.16.0.1",
        "192.168.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::FFFF:A9FE:A9FE]",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3f57:fefe]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "metadata",
    ] {
        assert_eq!(verdict(&format!("https://{host}/a.jpg")), Err(AddressProblem::NotPublic), "{host}");
    }
}

#[test]
fn target_of_another_form_is_refused_with_its_reason() {
    for (text, problem) in [
        ("", AddressProblem::NotAUrl),
        ("cdn.example.com/a.jpg", AddressProblem::NotAUrl),
        ("//cdn.example.com/a.jpg", AddressProblem::NotAUrl),
        ("https:cdn.example.com", AddressProblem::NotAUrl),
        ("https://", AddressProblem::NotAUrl),
        ("https:///", AddressProblem::NotAUrl),
        ("https://exa mple.com/", AddressProblem::BlankInUrl),
        (" https://example.com/", AddressProblem::BlankInUrl),
        ("https://example.com/a\n.jpg", AddressProblem::BlankInUrl),
        ("https:\\\\example.com\\a", AddressProblem::NotAUrl),
        ("https://256.256.256.256/", AddressProblem::NotAUrl),
        ("https://[fe80::1%25eth0]/", AddressProblem::NotAUrl),
        ("http://cdn.example.com/a.jpg", AddressProblem::NotHttps),
        ("http://127.0.0.1/", AddressProblem::NotHttps),
        ("ftp://cdn.example.com/a.jpg", AddressProblem::NotHttps),
        ("file:///etc/passwd", AddressProblem::NotHttps),
        ("gopher://cdn.example.com/", AddressProblem::NotHttps),
        ("https://user@cdn.example.com/", AddressProblem::Credentials),
        ("https://:password@cdn.example.com/", AddressProblem::Credentials),
        ("https://cdn.example.com@127.0.0.1/", AddressProblem::Credentials),
        ("https://cdn.example.com:80/", AddressProblem::ForbiddenPort(80)),
        ("https://cdn.example.com:8443/", AddressProblem::ForbiddenPort(8443)),
    ] {
        assert_eq!(verdict(text), Err(problem), "{text}");
    }
    let long = |path: usize| format!("https://a.cn/{}", "a".repeat(path));
    assert_eq!(verdict(&long(MAX_URL_LENGTH - 13)), Ok(false));
    assert_eq!(verdict(&long(MAX_URL_LENGTH - 12)), Err(AddressProblem::UrlTooLong));
}

#[test]
fn target_of_a_trusted_origin_is_accepted_and_no_other() {
    let trusted = ["HTTP://127.0.0.1:9300", "http://media.test:80/"].map(|text| trusted_origin(text).unwrap());
    let judge = Judge::trusting(trusted.to_vec());
    for (text, verdict) in [
        ("http://127.0.0.1:9300/media/a.jpg", Ok(true)),
        ("http://2130706433:9300/media/a.jpg", Ok(true)),
        ("http://media.test:80/a.jpg", Ok(true)),
        ("https://cdn.example.com/", Ok(false)),
        ("http://x@127.0.0.1:9300/", Err(AddressProblem::Credentials)),
        ("http://127.0.0.1:9301/", Err(AddressProblem::NotHttps)),
        ("https://127.0.0.1:9300/", Err(AddressProblem::ForbiddenPort(9300))),
        ("http://127.0.0.1:9300.example.com/", Err(AddressProblem::NotAUrl)),
        ("https://media.test:8080/", Err(AddressProblem::ForbiddenPort(8080))),
    ] {
        assert_eq!(judge.written(text).map(|target| target.trusted), verdict, "{text}");
    }
    for bad in [
        "media.test",
        "ftp://media.test",
        "http://media.test/path",
        "http://media.test/?a",
        "http://media.test#a",
        "http://u@media.test",
        "https://*.media.test",
    ] {
        assert!(trusted_origin(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn target_of_any_text_is_accepted_only_as_public_https(text in "(https?://)?[0-9a-fxX.:@\\[\\]%/]{0,40}|.{0,60}") {
        if let Ok(target) = Judge::default().written(&text) {
            prop_assert_eq!(target.url.scheme(), "https");
            prop_assert_eq!(target.url.port_or_known_default(), Some(443));
            let literal = match target.url.host().unwrap() {
                Host::Ipv4(address) => Some(IpAddr::V4(address)),
                Host::Ipv6(address) => Some(IpAddr::V6(address)),
                Host::Domain(_) => None,
            };
            prop_assert!(literal.is_none_or(is_public));
        }
    }
}
