//! Authorization: the consent page and the three token calls.

use std::time::Duration;

use kernel::platform_secret::{PlatformSecret, Version};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::endpoint::Endpoint;
use super::errors::PlatformError;
use super::wire::Answer;
use super::{Douyin, lenient};
use crate::ids::OpenId;

/// The consent page, below the platform's base address.
const CONSENT_PAGE: &str = "platform/oauth/connect/";

/// The tokens of one Douyin account.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenSet {
    /// Speaks for the user. Never empty.
    #[serde(deserialize_with = "lenient::token")]
    pub access_token: SecretString,
    /// How long the access token lives.
    #[serde(deserialize_with = "lenient::lifetime")]
    pub expires_in: Duration,
    /// `None` when the answer had none or an empty one: keep the stored one then.
    #[serde(default, deserialize_with = "lenient::optional_token")]
    pub refresh_token: Option<SecretString>,
    /// How long the refresh token lives, if the answer says so.
    #[serde(default, deserialize_with = "lenient::optional_lifetime")]
    pub refresh_expires_in: Option<Duration>,
    /// The user's id for our application. Always there after an exchange.
    #[serde(default, deserialize_with = "lenient::optional_open_id")]
    pub open_id: Option<OpenId>,
    /// The granted scopes, joined by commas. The user may have unticked some.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub scope: Option<String>,
    /// The user's id for all applications of our developer account.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub union_id: Option<String>,
}

/// A new refresh token. It replaces the old one, which is void from now on.
#[derive(Debug, Clone, Deserialize)]
pub struct RenewedRefreshToken {
    /// The new token. Never empty.
    #[serde(deserialize_with = "lenient::token")]
    pub refresh_token: SecretString,
    /// How long it lives. The answer calls it `expires_in`, the name the other calls use for the access token.
    #[serde(deserialize_with = "lenient::lifetime")]
    pub expires_in: Duration,
}

impl Douyin {
    /// The address of the consent page to open in the user's browser.
    ///
    /// `redirect_uri` must be the registered one to the letter: custom query parameters on it are not supported, so
    /// whatever has to come back belongs into `state`.
    pub async fn authorize_url(&self, redirect_uri: &str, scopes: &[String], state: &str) -> String {
        let credentials = self.inner.secrets.current().await;
        let mut url = self.inner.transport.url(CONSENT_PAGE);
        url.query_pairs_mut()
            .append_pair("client_key", &credentials.secret().douyin_client_key)
            .append_pair("response_type", "code")
            .append_pair("scope", &scopes.join(","))
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state);
        url.into()
    }

    /// Trades the code of the callback for tokens.
    ///
    /// # Errors
    /// [`CodeRejected`](super::FailureKind::CodeRejected) when the code is expired, used or not ours. A code works
    /// once: after a lost answer the user has to start again.
    pub async fn exchange_code(&self, code: &SecretString) -> Result<TokenSet, PlatformError> {
        let Answer { data: grant, log_id } = self
            .token_call::<TokenSet>(
                Endpoint::AccessToken,
                key_and_secret,
                &[("code", code.expose_secret()), ("grant_type", "authorization_code")],
            )
            .await?;
        // Tokens of nobody are of no use: the account is keyed by this id.
        if grant.open_id.is_none() {
            return Err(PlatformError::unreadable(Endpoint::AccessToken, 200, log_id));
        }
        Ok(grant)
    }

    /// Renews the access token. The client secret is not part of this call, and the refresh token's own end does not
    /// move: see [`renew_refresh_token`](Self::renew_refresh_token).
    ///
    /// # Errors
    /// [`ReauthorizationNeeded`](super::FailureKind::ReauthorizationNeeded) when the refresh token is spent.
    pub async fn refresh_access_token(&self, refresh_token: &SecretString) -> Result<TokenSet, PlatformError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        Ok(self.token_call(Endpoint::RefreshToken, key, &form).await?.data)
    }

    /// Rotates the refresh token, at most five times per authorization. The access token stays as it is.
    ///
    /// The old token dies the moment the platform answers: an answer that is lost costs the user a new authorization.
    /// So call it with time to spare, and store the result before anything else.
    ///
    /// # Errors
    /// [`ReauthorizationNeeded`](super::FailureKind::ReauthorizationNeeded) when the token or the renewals are spent.
    pub async fn renew_refresh_token(
        &self,
        refresh_token: &SecretString,
    ) -> Result<RenewedRefreshToken, PlatformError> {
        let form = [("refresh_token", refresh_token.expose_secret())];
        Ok(self.token_call(Endpoint::RenewRefreshToken, key, &form).await?.data)
    }

    /// Sends a form, after what identifies our application. When the platform refuses just that, and there is a newer
    /// version of it, the form is sent once more: a refused application spends neither code nor token.
    async fn token_call<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        application: impl Fn(&PlatformSecret) -> Vec<(&str, &str)>,
        fields: &[(&str, &str)],
    ) -> Result<Answer<T>, PlatformError> {
        let send = async |version: &Version| {
            let form = [application(version.secret()).as_slice(), fields].concat();
            self.inner.transport.post_form(endpoint, &form).await
        };
        let current = self.inner.secrets.current().await;
        match send(&current).await {
            Err(refused) if refused.is_application_refused() => match self.inner.secrets.newer_than(&current).await {
                Some(newer) => send(&newer).await,
                None => Err(refused),
            },
            answer => answer,
        }
    }
}

/// The refreshing calls name the application by its key alone.
fn key(application: &PlatformSecret) -> Vec<(&str, &str)> {
    vec![("client_key", &application.douyin_client_key)]
}

fn key_and_secret(application: &PlatformSecret) -> Vec<(&str, &str)> {
    let secret = application.douyin_client_secret.expose_secret();
    vec![("client_key", &application.douyin_client_key), ("client_secret", secret)]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::FailureKind;
    use super::super::testing::{Platform, client};
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn exposed(token: Option<&SecretString>) -> Option<&str> {
        token.map(|token| token.expose_secret())
    }

    #[tokio::test]
    async fn oauth_consent_url_has_the_documented_parameters() {
        for base in ["https://open.example.com", "https://open.example.com/", "http://127.0.0.1:9/douyin"] {
            let douyin = client(base.parse().unwrap(), Duration::from_secs(1)).await;
            let scopes = ["user_info".to_owned(), "fans.list".to_owned()];
            let url = douyin.authorize_url("https://app.example.com/cb/a b", &scopes, "s+/=&x#y").await;
            let expected = format!(
                "{}/platform/oauth/connect/?client_key=awtestkey&response_type=code&scope=user_info%2Cfans.list\
                 &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb%2Fa+b&state=s%2B%2F%3D%26x%23y",
                base.trim_end_matches('/')
            );
            assert_eq!(url, expected);
        }
    }

    #[tokio::test]
    async fn oauth_token_call_sends_exactly_the_documented_form() {
        let answer = json!({"data": {"access_token": "a", "refresh_token": "r", "expires_in": 1, "open_id": "o"}});
        let platform = Platform::answering(200, answer).await;
        platform.douyin.exchange_code(&secret("c+/=&o de")).await.unwrap();
        platform.douyin.refresh_access_token(&secret("rft.1")).await.unwrap();
        platform.douyin.renew_refresh_token(&secret("rft.2")).await.unwrap();
        let expected = [
            (
                "POST /douyin/oauth/access_token/",
                "client_key=awtestkey&client_secret=client-secret-0123456789&code=c%2B%2F%3D%26o+de\
                 &grant_type=authorization_code",
            ),
            // Neither of these two gets the client secret.
            ("POST /douyin/oauth/refresh_token/", "client_key=awtestkey&grant_type=refresh_token&refresh_token=rft.1"),
            ("POST /douyin/oauth/renew_refresh_token/", "client_key=awtestkey&refresh_token=rft.2"),
        ];
        let seen = platform.seen();
        assert_eq!(seen.len(), expected.len());
        for (request, (line, body)) in seen.iter().zip(expected) {
            assert_eq!((request.line.as_str(), request.body.as_str()), (line, body));
            assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"), "{line}");
        }
    }

    #[tokio::test]
    async fn oauth_token_set_is_read_with_numbers_or_strings() {
        for (expires, refresh_expires, code) in
            [(json!(1_296_000), json!(2_592_000), json!(0)), (json!("1296000"), json!("2592000"), json!("0"))]
        {
            let answer = json!({"data": {
                "access_token": "act.1", "captcha": "", "desc_url": "", "description": "", "error_code": code,
                "expires_in": expires, "open_id": "_000me", "refresh_expires_in": refresh_expires,
                "refresh_token": "rft.1", "scope": "user_info,fans.list", "union_id": "u-1",
            }, "message": "success"});
            let platform = Platform::answering(200, answer).await;
            let grant = platform.douyin.exchange_code(&secret("code")).await.unwrap();
            assert_eq!(grant.access_token.expose_secret(), "act.1");
            assert_eq!(grant.expires_in, Duration::from_secs(1_296_000));
            assert_eq!(exposed(grant.refresh_token.as_ref()), Some("rft.1"));
            assert_eq!(grant.refresh_expires_in, Some(Duration::from_secs(2_592_000)));
            assert_eq!(grant.open_id.as_ref().map(OpenId::as_str), Some("_000me"));
            assert_eq!(grant.scope.as_deref(), Some("user_info,fans.list"));
            assert_eq!(grant.union_id.as_deref(), Some("u-1"));
        }
    }

    #[tokio::test]
    async fn oauth_refresh_token_that_is_absent_or_empty_is_none() {
        for extra in [json!({}), json!({"refresh_token": "", "scope": "", "open_id": null, "union_id": ""})] {
            let mut data = json!({"access_token": "act.2", "expires_in": 60});
            data.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let platform = Platform::answering(200, json!({"data": data})).await;
            let grant = platform.douyin.refresh_access_token(&secret("rft.1")).await.unwrap();
            assert!(grant.refresh_token.is_none() && grant.refresh_expires_in.is_none());
            assert_eq!((grant.open_id, grant.scope, grant.union_id), (None, None, None));
        }
    }

    #[tokio::test]
    async fn oauth_success_without_a_token_is_transient() {
        let full = json!({"access_token": "act.1", "refresh_token": "rft.1", "expires_in": 60, "open_id": "o"});
        for (call, field) in [
            ("exchange", "access_token"),
            ("exchange", "expires_in"),
            ("exchange", "open_id"),
            ("refresh", "access_token"),
            ("refresh", "expires_in"),
            ("renew", "refresh_token"),
            ("renew", "expires_in"),
        ] {
            for value in [None, Some(Value::Null), Some(json!(""))] {
                let mut data = full.clone();
                let object = data.as_object_mut().unwrap();
                object.remove(field);
                object.extend(value.clone().map(|value| (field.to_owned(), value)));
                let platform = Platform::answering(200, json!({"data": data, "message": "success"})).await;
                let token = secret("t");
                let result = match call {
                    "exchange" => platform.douyin.exchange_code(&token).await.map(drop),
                    "refresh" => platform.douyin.refresh_access_token(&token).await.map(drop),
                    _ => platform.douyin.renew_refresh_token(&token).await.map(drop),
                };
                let kind = result.unwrap_err().kind;
                assert_eq!(kind, FailureKind::Transient, "{call} without {field}: {value:?}");
            }
        }
    }

    #[tokio::test]
    async fn oauth_renewal_returns_the_new_token_and_its_lifetime() {
        let data = json!({"refresh_token": "rft.2", "expires_in": "86400", "error_code": "0", "description": ""});
        let platform = Platform::answering(200, json!({"data": data, "message": "success"})).await;
        let renewed = platform.douyin.renew_refresh_token(&secret("rft.1")).await.unwrap();
        assert_eq!(renewed.refresh_token.expose_secret(), "rft.2");
        assert_eq!(renewed.expires_in, Duration::from_secs(86_400));
    }

    #[tokio::test]
    async fn oauth_code_means_another_thing_on_another_call() {
        let platform = Platform::answering(200, json!({"data": {"error_code": 10020}, "message": "error"})).await;
        let token = secret("t");
        let refresh = platform.douyin.refresh_access_token(&token).await.unwrap_err();
        let renew = platform.douyin.renew_refresh_token(&token).await.unwrap_err();
        assert_eq!((refresh.kind, renew.kind), (FailureKind::RateLimited, FailureKind::ReauthorizationNeeded));
    }
}
