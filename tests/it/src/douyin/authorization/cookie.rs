//! The cookie of the browser that asks for a link.

use anyhow::Result;
use sandbox::douyin::Decision;

use super::PAGE;
use crate::browser::ticket_of;
use crate::{Answer, Browser, Event, World};

const USER: u64 = 1001;

/// Name, value and attributes of the cookie an answer sets.
fn set_cookie(answer: &Answer) -> (String, String, Vec<String>) {
    let text = &answer.headers["set-cookie"];
    let (pair, attributes) = text.split_once("; ").unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    let mut attributes: Vec<String> = attributes.split("; ").map(str::to_owned).collect();
    attributes.sort();
    (name.to_owned(), value.to_owned(), attributes)
}

async fn ask(world: &World, cookies: &[&str]) -> Result<Answer> {
    let answer = world.call_as(USER, Event::sample("douyin-auth-url")?.query(&[]).cookies(cookies)).await?;
    assert_eq!((answer.status, &*answer.headers["cache-control"]), (200, "no-store"));
    Ok(answer)
}

#[tokio::test]
async fn authorization_link_sets_a_cookie_and_stores_only_its_hash() -> Result<()> {
    let world = World::start().await?;
    let (name, value, attributes) = set_cookie(&ask(&world, &[]).await?);
    assert_eq!((&*name, value.len()), ("cunkebao_auth", 43), "256 bits, base64url");
    assert_eq!(attributes, ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax"]);
    assert_ne!(set_cookie(&ask(&world, &[]).await?).1, value, "another browser has another one");
    let rows = format!("{:?}", world.rows("t_oauth_state").await?);
    assert!(!rows.contains(&value), "the cookie itself is in the table");
    Ok(())
}

#[tokio::test]
async fn cookie_over_https_is_kept_to_this_host_by_its_name() -> Result<()> {
    let mut world = World::start().await?;
    let callback = "https://api.example.com/api/v1/lead/douyin/auth/callback";
    world.set("DOUYIN_REDIRECT_URI", callback);
    world.sandbox.douyin().register_redirect_uri(callback.to_owned());
    world.douyin_account("shop", 0);
    let (name, value, attributes) = set_cookie(&ask(&world, &[]).await?);
    assert_eq!(name, "__Host-cunkebao_auth");
    assert_eq!(attributes, ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"]);
    // Another host could plant the one without the prefix.
    let planted = set_cookie(&ask(&world, &[&format!("cunkebao_auth={value}")]).await?);
    assert_ne!(planted.1, value);
    let answer = Browser::default().authorizes(&world, USER, "shop", None).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn tabs_of_a_browser_share_its_cookie_and_each_finishes() -> Result<()> {
    let world = World::start().await?;
    let mut browser = Browser::default();
    let first = browser.link(&world, USER, None).await?;
    let cookie = browser.cookie.clone();
    let second = browser.link(&world, USER, None).await?;
    assert_eq!(browser.cookie, cookie, "the second tab keeps the first one's cookie");
    for (account, link) in [("shop", &second), ("branch", &first)] {
        world.douyin_account(account, 0);
        let answer = world.call(&browser.consents(&world, link, account, &Decision::APPROVE)?).await?;
        assert_eq!(answer.status, 200, "{account}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn cookie_is_found_among_others_however_they_are_sent() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let (name, good, _) = set_cookie(&ask(&world, &[]).await?);
    let own = format!("{name}={good}");
    let other = format!("{name}={}", set_cookie(&ask(&world, &[]).await?).1);
    let (cut, upper) = (own[..own.len() - 1].to_owned(), format!("{}={good}", name.to_uppercase()));
    for (what, cookies, found) in [
        ("alone", vec![&*own], true),
        ("between others", vec!["theme=dark", &own, "lang=zh; a=b=c; flag; =x;;"], true),
        ("in one text with others", vec![&*format!("昵称=小店;{own} ;lang=zh")], true),
        ("twice", vec![&*own, &own], true),
        ("beside one that is none", vec![&*format!("{name}=x"), &own], true),
        ("none", vec!["theme=dark"], false),
        ("cut off", vec![&*cut], false),
        ("under another name", vec![&*upper, &format!("x{own}")], false),
        ("as a part of another's value", vec![&*format!("a=1,{own}")], false),
        ("beside another browser's", vec![&*own, &other], false),
        ("beside another browser's, first", vec![&*other, &own], false),
    ] {
        assert_eq!(set_cookie(&ask(&world, &cookies).await?).1 == good, found, "a link with the cookie {what}");
        let mut browser = Browser { cookie: Some(own.clone()) };
        let link = browser.link(&world, USER, Some(PAGE)).await?;
        let back = browser.consents(&world, &link, "shop", &Decision::APPROVE)?.cookies(&cookies);
        assert_eq!(ticket_of(&world.call(&back).await?).is_none(), found, "a return with the cookie {what}");
    }
    Ok(())
}

#[tokio::test]
async fn cookie_in_the_header_of_the_event_is_read_as_well() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let mut browser = Browser::default();
    let link = browser.link(&world, USER, None).await?;
    let cookie = browser.cookie.take().unwrap();
    let back = browser.consents(&world, &link, "shop", &Decision::APPROVE)?.header("cookie", &cookie);
    assert_eq!(world.call(&back).await?.status, 200);
    Ok(())
}
