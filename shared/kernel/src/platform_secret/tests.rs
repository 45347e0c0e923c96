use std::sync::Mutex;
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use futures::future::ready;
use serde_json::{Value, json};

use super::*;
use crate::aws::Aws;
use crate::jwks::tests::clock;

/// Secrets Manager with one secret, which a test may change or take away.
#[derive(Clone)]
pub(crate) struct Manager {
    /// The version, what it holds (nothing: it cannot be read), and how often it was read.
    state: Arc<Mutex<(u32, Option<Value>, u32)>>,
}

impl Manager {
    pub(crate) fn with(secret: Value) -> Self {
        Self { state: Arc::new(Mutex::new((1, Some(secret), 0))) }
    }

    /// With these JWT secrets.
    pub(crate) fn with_jwt(current: &str, previous: &str) -> Self {
        Self::with(holding(current, previous))
    }

    pub(crate) fn rotate(&self, secret: Option<Value>) {
        let mut state = self.state.lock().unwrap();
        (state.0, state.1) = (state.0 + 1, secret);
    }

    pub(crate) fn readings(&self) -> u32 {
        self.state.lock().unwrap().2
    }

    /// A function with these settings that reads from it.
    pub(crate) async fn load(
        &self,
        settings: &[(&str, &str)],
        clock: Clock,
    ) -> Result<(Context, Secrets), ConfigError> {
        let state = self.state.clone();
        let read = move || {
            let mut state = state.lock().unwrap();
            state.2 += 1;
            let secret = state.1.as_ref().ok_or_else(|| "access denied".to_owned());
            ready(secret.and_then(|secret| Version::parse(&state.0.to_string(), &secret.to_string()))).boxed()
        };
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let context =
            Context { env: settings.iter().copied().collect(), aws: Aws::from_config(&config), clock: clock.clone() };
        Ok((context, Secrets::read_by(Box::new(read), clock).await?))
    }
}

pub(crate) fn holding(current: &str, previous: &str) -> Value {
    json!({ "douyinClientKey": "key", "douyinClientSecret": "secret",
        "jwtSecret": current, "jwtPreviousSecret": previous })
}

const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "fedcba9876543210fedcba9876543210";

fn first(version: &Version) -> String {
    version.secret().jwt_secrets().next().unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn platform_secret_is_read_again_after_five_minutes() {
    let (manager, clock) = (Manager::with_jwt(OLD, ""), clock());
    let (_, secrets) = manager.load(&[], Clock::Manual(clock.clone())).await.unwrap();
    manager.rotate(Some(holding(NEW, OLD)));
    clock.advance(Duration::from_secs(299));
    assert_eq!((first(&secrets.current().await).as_str(), manager.readings()), (OLD, 1));
    clock.advance(Duration::from_secs(1));
    assert_eq!((first(&secrets.current().await).as_str(), manager.readings()), (NEW, 2));
    assert_eq!(manager.readings(), 2);
}

#[tokio::test]
async fn platform_secret_after_a_refusal_is_read_again_at_most_every_thirty_seconds() {
    let (manager, clock) = (Manager::with_jwt(OLD, ""), clock());
    let (_, secrets) = manager.load(&[], Clock::Manual(clock.clone())).await.unwrap();
    let refused = secrets.current().await;
    manager.rotate(Some(holding(NEW, OLD)));
    assert!(secrets.newer_than(&refused).await.is_none(), "it was read just now");
    clock.advance(Duration::from_secs(30));
    assert_eq!(first(&secrets.newer_than(&refused).await.unwrap()), NEW);
    // Whoever was refused with the old one too is given what has been read since.
    assert_eq!(first(&secrets.newer_than(&refused).await.unwrap()), NEW);
    let newest = secrets.current().await;
    clock.advance(Duration::from_secs(29));
    assert!(secrets.newer_than(&newest).await.is_none());
    assert_eq!(manager.readings(), 2);
}

#[tokio::test]
async fn platform_secret_that_cannot_be_read_again_is_served_as_it_was() {
    let (manager, clock) = (Manager::with_jwt(OLD, ""), clock());
    let (_, secrets) = manager.load(&[], Clock::Manual(clock.clone())).await.unwrap();
    for broken in [None, Some(json!({})), Some(holding("short", ""))] {
        manager.rotate(broken);
        clock.advance(Duration::from_secs(300));
        assert_eq!(first(&secrets.current().await), OLD);
    }
}

#[tokio::test]
async fn platform_secret_that_is_wrong_at_init_stops_the_function_without_printing_it() {
    let wrong = [
        (json!("text"), "must be JSON"),
        (json!({ "douyinClientKey": "", "douyinClientSecret": "hidden" }), "must not be empty"),
        (holding("hidden-and-short", ""), "at least 32 bytes"),
        (holding(OLD, "hidden-and-short"), "at least 32 bytes"),
    ];
    for (secret, problem) in wrong {
        let manager = Manager::with(secret);
        let error = manager.load(&[], Clock::System).await.map(drop).unwrap_err().to_string();
        assert!(error.contains(NAME) && error.contains(problem) && !error.contains("hidden"), "{error}");
    }
}

#[test]
fn platform_secret_for_events_is_that_of_the_app_unless_they_have_their_own() {
    for (own, expected) in [(json!(null), None), (json!(""), None), (json!("of-events"), Some("of-events"))] {
        let mut secret = json!({"douyinClientKey": "aw1", "douyinClientSecret": "of-the-app"});
        if !own.is_null() {
            secret["douyinWebhookSecret"] = own;
        }
        let version = Version::parse("1", &secret.to_string()).unwrap();
        let signs = version.secret().douyin_webhook_secret().expose_secret();
        assert_eq!(signs, expected.unwrap_or("of-the-app"));
    }
}
