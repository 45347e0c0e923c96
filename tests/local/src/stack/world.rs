//! The template's parameters for a stack whose outside world is on this machine.

use super::deploy::Parameters;

/// What a local stack is told about its surroundings.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Where the API is reached; also the one origin users are sent back to.
    pub api_url: &'a str,
    /// Root of the sandbox: WeCom, the gateway, the content library and the media are below it.
    pub sandbox_url: &'a str,
    /// Root of the Douyin platform.
    pub douyin_url: &'a str,
    pub douyin_client_key: &'a str,
    pub douyin_client_secret: &'a str,
    /// Signs user tokens; at least 32 bytes.
    pub jwt_secret: &'a str,
    /// Secret part of the address the gateway calls; at least 32 characters of base64url.
    pub gateway_webhook_secret: &'a str,
    /// Level of the functions' logs.
    pub log_level: &'a str,
}

impl World<'_> {
    /// As parameters of `template.yaml`. Two workers at once show whatever concurrency can break, and leave a laptop
    /// its breath; an account waits between two posts so that it can be seen, and not long, and else has no pace: nobody waits
    /// for a morning or for the third day of a device.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let platform = |path: &str| format!("{}/{path}", self.sandbox_url);
        let [wecom, gateway, content] = ["wecom", "gewe", "content"].map(platform);
        // The sandbox serves a picture at every path that ends like one.
        let video_cover = platform("media/cover.jpg");
        [
            ("PublicBaseUrl", self.api_url),
            ("FrontendOrigins", self.api_url),
            ("DouyinBaseUrl", self.douyin_url),
            ("DouyinFansList", "1"),
            ("DouyinClientKey", self.douyin_client_key),
            ("DouyinClientSecret", self.douyin_client_secret),
            ("WecomBaseUrl", &wecom),
            ("GatewayBaseUrl", &gateway),
            ("GatewayVideoCoverUrl", &video_cover),
            ("GatewayWebhookSecret", self.gateway_webhook_secret),
            ("PersonalIntervalSeconds", "2"),
            ("PersonalPostsPerDay", "1000"),
            ("PersonalHours", "0-24"),
            ("PersonalRestSeconds", "0"),
            ("ContentApiUrl", &content),
            ("TextCheckToken", sandbox::text_check::TOKEN),
            ("MediaTrustedOrigins", self.sandbox_url),
            ("WebhookTrustedOrigins", self.sandbox_url),
            ("JwtSecret", self.jwt_secret),
            ("LogLevel", self.log_level),
            ("FanSyncConcurrency", "2"),
            // The sandbox lists fans in another order every time, so whoever is new may be at the end.
            ("FanSyncKnownPages", "0"),
            ("PublishConcurrency", "2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}
