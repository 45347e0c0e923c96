//! A link made by one user and opened by another: nothing is bound, step by step.

use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::Decision;

use super::takeover::revoke;
use super::{PAGE, accounts, opens, parked};
use crate::browser::ticket_of;
use crate::snapshot::ExpectedError;
use crate::{Browser, World};

const ATTACKER: u64 = 88_101;
const OWNER: u64 = 88_102;

#[tokio::test]
async fn authorization_link_opened_in_another_browser_binds_no_account() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    // The attacker asks for a link and sends it to the owner, who consents on Douyin's genuine page.
    let mut attackers = Browser::default();
    let link = attackers.link(&world, ATTACKER, Some(PAGE)).await?;
    let mut owners = Browser::default();
    let answer = world.call(&owners.consents(&world, &link, "shop", &Decision::APPROVE)?).await?;
    let ticket = ticket_of(&answer).unwrap();
    assert_eq!((answer.status, accounts(&world, ATTACKER).await?), (302, vec![]), "nothing is bound yet");
    // The page in the owner's browser is signed in as the owner.
    let refused =
        ExpectedError::new(403, "DOUYIN_AUTH_ERROR").saying("该授权由其他存客宝用户发起，已作废，未绑定任何账号");
    refused.check("the owner confirms", &world.confirm(OWNER, &ticket).await?);
    assert_eq!(parked(&world).await?.len(), 0, "the grant is destroyed");
    let gone = ExpectedError::new(410, "DOUYIN_AUTH_ERROR").saying("授权确认已失效");
    gone.check("the attacker has learned the ticket", &world.confirm(ATTACKER, &ticket).await?);
    assert_eq!(world.rows("t_douyin_auth").await?.len(), 0);

    // The owner's own link works.
    assert_eq!(owners.authorizes(&world, OWNER, "shop", None).await?.status, 200);
    assert_eq!((accounts(&world, OWNER).await?, accounts(&world, ATTACKER).await?), (vec![shop], vec![]));
    Ok(())
}

/// Where the frontend is, seen from the API, and with that whether a browser keeps the API's cookie. Two cookie jars stand
/// for two browsers here.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// On the same site: the cookie travels, and the callback finishes.
    SameSite,
    /// On another one: the cookie does not, and the page that is signed in confirms.
    OtherSite,
}

impl Layout {
    /// Asks for a link with what this layout lets the browser keep.
    async fn link(self, browser: &mut Browser, world: &World, user: u64) -> Result<String> {
        let link = browser.link(world, user, Some(PAGE)).await?;
        if matches!(self, Self::OtherSite) {
            browser.cookie = None;
        }
        Ok(link)
    }

    /// The user's own link in their own browser, to its end.
    async fn authorizes(self, browser: &mut Browser, world: &World, user: u64) -> Result<()> {
        let link = self.link(browser, world, user).await?;
        let answer = world.call(&browser.consents(world, &link, "shop", &Decision::APPROVE)?).await?;
        match self {
            Self::SameSite => assert!(answer.headers["location"].contains("&status=success&"), "{answer:?}"),
            Self::OtherSite => {
                let ticket = ticket_of(&answer).expect("a ticket");
                assert_eq!(world.confirm(user, &ticket).await?.status, 200);
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn authorization_attack_ends_in_nothing_and_the_owner_gets_the_account_in_both_site_layouts() -> Result<()> {
    for layout in [Layout::SameSite, Layout::OtherSite] {
        let world = World::start().await?;
        let shop = world.douyin_account("shop", 3);
        let (mut attackers, mut owners) = (Browser::default(), Browser::default());
        // The owner uses our frontend as well, so their browser may have a cookie of its own.
        layout.link(&mut owners, &world, OWNER).await?;

        // The attacker's link, opened by the owner, who consents; the page there is signed in as the owner.
        let link = layout.link(&mut attackers, &world, ATTACKER).await?;
        let back = owners.consents(&world, &link, "shop", &Decision::APPROVE)?;
        let answer = world.call(&back).await?;
        let ticket = ticket_of(&answer).expect("a ticket");
        assert_eq!(world.rows("t_douyin_auth").await?.len(), 0, "{layout:?}: nothing is bound");
        assert_eq!(world.confirm(OWNER, &ticket).await?.status, 403, "{layout:?}");
        assert_eq!(world.confirm(ATTACKER, &ticket).await?.status, 410, "{layout:?}");
        // The attacker's browser comes back with the state that it knows, and a code that it does not.
        let known = ExpectedError::new(400, "DOUYIN_AUTH_ERROR").saying("授权链接无效或已过期");
        let guessed = attackers.consents(&world, &link, "shop", &Decision::DENY)?;
        known.check("the state alone", &world.call(&guessed).await?);
        assert_eq!(accounts(&world, ATTACKER).await?.len(), 0, "{layout:?}");

        // The owner's own link binds it.
        layout.authorizes(&mut owners, &world, OWNER).await?;
        assert_eq!(accounts(&world, OWNER).await?, [shop], "{layout:?}");

        // Somebody who has had the account with its owner's consent does not keep it: the owner withdraws that at Douyin,
        // and authorises anew.
        let world = World::start().await?;
        let shop = world.douyin_account("shop", 3);
        layout.authorizes(&mut Browser::default(), &world, ATTACKER).await?;
        assert_eq!(accounts(&world, ATTACKER).await?, std::slice::from_ref(&shop), "{layout:?}");
        revoke(&world).await?;
        layout.authorizes(&mut Browser::default(), &world, OWNER).await?;
        assert_eq!((accounts(&world, OWNER).await?, accounts(&world, ATTACKER).await?), (vec![shop], vec![]));
    }
    Ok(())
}

#[tokio::test]
async fn authorization_link_without_a_page_in_another_browser_is_refused_and_its_code_not_used() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    let mut other = Browser::default();
    other.link(&world, OWNER, None).await?;
    let refused = ExpectedError::new(400, "DOUYIN_AUTH_ERROR").saying("请在发起授权的浏览器中完成授权，本次授权未生效");
    for (what, browser) in [("without a cookie", Browser::default()), ("with another cookie", other)] {
        let mut attackers = Browser::default();
        let link = attackers.link(&world, ATTACKER, None).await?;
        let callback = browser.consents(&world, &link, "shop", &Decision::APPROVE)?;
        refused.check(what, &world.call(&callback).await?);
        // The state is spent: nobody can finish what was begun, not even the browser that asked.
        let again = attackers.sends(callback);
        refused.check(what, &world.call(&again).await?);
        world.advance(Duration::from_secs(60));
        let spent = ExpectedError::new(400, "DOUYIN_AUTH_ERROR").saying("授权链接无效或已过期");
        spent.check(what, &world.call(&again).await?);
    }
    assert_eq!(world.sandbox.journal().of("oauth/access_token").len(), 0);
    assert_eq!(world.rows("t_douyin_auth").await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn authorization_return_with_another_browsers_cookie_is_parked_like_one_without() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    let link = Browser::default().link(&world, ATTACKER, Some(PAGE)).await?;
    let mut other = Browser::default();
    other.link(&world, OWNER, None).await?;
    let answer = world.call(&other.consents(&world, &link, "shop", &Decision::APPROVE)?).await?;
    assert!(ticket_of(&answer).is_some(), "{answer:?}");
    let rows = parked(&world).await?;
    assert!(rows.len() == 1 && opens(&world, &rows[0], "t_oauth_state", ATTACKER).await);
    assert_eq!(world.rows("t_douyin_auth").await?.len(), 0);
    Ok(())
}
