//! A link made by one user and opened by another: nothing is bound, step by step.

use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::Decision;

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
