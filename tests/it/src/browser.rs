//! A browser, as far as the server can tell: it keeps the one cookie it is given, sends it back, and follows the links
//! of the consent page.

use anyhow::{Context, Result, ensure};
use sandbox::douyin::Decision;
use serde_json::json;
use url::Url;

use crate::{Answer, Event, World};

/// See the module. A new one has no cookie.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// `name=value`, as the browser would send it.
    pub cookie: Option<String>,
}

impl Browser {
    /// Asks for a link to the consent page as `user`, and keeps the cookie that comes with it.
    ///
    /// # Errors
    /// When no link is issued.
    pub async fn link(&mut self, world: &World, user: u64, page: Option<&str>) -> Result<String> {
        let query: Vec<(&str, &str)> = page.map(|page| ("redirectUrl", page)).into_iter().collect();
        let answer = world.call_as(user, self.sends(Event::sample("douyin-auth-url")?.query(&query))).await?;
        self.keeps(&answer);
        ensure!(answer.status == 200, "no link but {answer:?}");
        Ok(answer.data()["authUrl"].as_str().context("no authUrl")?.to_owned())
    }

    /// Opens a link, whoever asked for it, decides on the consent page, and comes back to the callback with whatever
    /// cookie this browser has.
    ///
    /// # Errors
    /// When the platform refuses the link.
    pub fn consents(&self, world: &World, link: &str, account: &str, decision: &Decision) -> Result<Event> {
        let back: Url = world.sandbox.douyin().consent(link, account, decision)?;
        let parameters: Vec<(String, String)> = back.query_pairs().into_owned().collect();
        let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        Ok(self.sends(Event::sample("douyin-auth-callback")?.query(&parameters)))
    }

    /// The same request with this browser's cookie.
    #[must_use]
    pub fn sends(&self, event: Event) -> Event {
        match &self.cookie {
            Some(cookie) => event.cookies(&[cookie]),
            None => event,
        }
    }

    /// Keeps the cookie of an answer, if it sets one.
    pub fn keeps(&mut self, answer: &Answer) {
        if let Some(set) = answer.headers.get("set-cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
        }
    }

    /// The whole way: link, consent in the same browser, callback.
    ///
    /// # Errors
    /// When the link is not issued or the platform refuses it.
    pub async fn authorizes(&mut self, world: &World, user: u64, account: &str, page: Option<&str>) -> Result<Answer> {
        let link = self.link(world, user, page).await?;
        world.call(&self.consents(world, &link, account, &Decision::APPROVE)?).await
    }

    /// The same where the cookie cannot travel: the frontend is on another site than the API, so the browser does not
    /// keep what it is given. Answers the ticket that the page is handed.
    ///
    /// # Errors
    /// When the page is handed none.
    pub async fn parks(world: &World, user: u64, account: &str, page: &str) -> Result<String> {
        let link = Self::default().link(world, user, Some(page)).await?;
        let answer = world.call(&Self::default().consents(world, &link, account, &Decision::APPROVE)?).await?;
        ticket_of(&answer).with_context(|| format!("no ticket in {answer:?}"))
    }
}

/// The ticket in the fragment a browser is sent to.
#[must_use]
pub fn ticket_of(answer: &Answer) -> Option<String> {
    let (_, fragment) = answer.headers.get("location")?.split_once('#')?;
    fragment.strip_prefix("status=confirm&ticket=").map(str::to_owned)
}

impl World {
    /// Confirms a ticket as `user`.
    ///
    /// # Errors
    /// As [`World::call`].
    pub async fn confirm(&self, user: u64, ticket: &str) -> Result<Answer> {
        let event = Event::sample("douyin-auth-confirm")?.json(&json!({ "ticket": ticket }));
        self.call_as(user, event).await
    }
}
