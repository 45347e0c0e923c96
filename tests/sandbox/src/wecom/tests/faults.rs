//! Every fault that can be ordered, as the caller meets it, and what it leaves behind.

use super::*;
use crate::fault::Effect;
use crate::wecom::WecomEndpoint as E;

impl Scenario {
    async fn try_to_create(&self, content: &str, patience: Duration) -> Result<String, reqwest::Error> {
        let body = json!({"text": {"content": content}});
        let request = self.http.post(self.url(E::AddMomentTask)).json(&body).timeout(patience);
        request.send().await?.text().await
    }

    fn created(&self) -> usize {
        self.sandbox.journal().publications().len()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn wecom_fault_code_has_the_empty_fields() {
    let scene = Scenario::start().await;
    for expected in [-1, 6000, 45_033, 41_078, 45_009, 40_014] {
        scene.wecom().arm(WecomFault::code(E::AddMomentTask, expected).for_account(CORP));
        let answer = scene.create("a").await;
        assert_eq!((code(&answer), text(&answer, "/jobid")), (expected, ""));
    }
    assert!(scene.wecom().faults().iter().all(|fault| fault.met == 1));
    assert_eq!(scene.created(), 0);
    scene.wecom().arm(WecomFault::code(E::AddMomentTask, -1).for_account("corp-2"));
    assert_eq!(code(&scene.create("a").await), 0, "somebody else's fault");
}

#[tokio::test]
async fn wecom_answer_that_is_spoiled_hides_the_outcome() {
    let effects = [
        Effect::Code { code: -1, message: Some("system busy".to_owned()) },
        Effect::Http { status: 502 },
        Effect::NotJson,
        Effect::EmptyBody,
        Effect::Drop,
    ];
    for effect in effects {
        for processed in [false, true] {
            let scene = Scenario::start().await;
            let fault = WecomFault { processed, ..WecomFault::new(E::AddMomentTask, effect.clone()) };
            scene.wecom().arm(fault);
            let answer = scene.try_to_create("a", PATIENCE).await;
            match effect {
                Effect::Drop => assert!(answer.is_err_and(|error| !error.is_timeout())),
                Effect::Code { .. } => assert!(answer.unwrap().contains("\"errcode\":-1")),
                _ => assert!(serde_json::from_str::<Value>(&answer.unwrap()).is_err()),
            }
            assert_eq!(scene.created(), usize::from(processed), "{effect:?}");
            let entry = scene.last(E::AddMomentTask);
            assert_eq!((entry.code, entry.publication.is_some()), (processed.then_some(0), processed));
        }
    }
}

#[tokio::test]
async fn wecom_fault_of_silence_applies_before_or_after_processing() {
    for processed in [false, true] {
        let scene = Scenario::start().await;
        let fault = WecomFault::new(E::AddMomentTask, Effect::Hang { milliseconds: None });
        scene.wecom().arm(WecomFault { processed, ..fault });
        assert!(scene.try_to_create("a", Duration::from_millis(150)).await.unwrap_err().is_timeout());
        assert_eq!(scene.created(), usize::from(processed));
    }
}

#[tokio::test]
async fn wecom_fault_of_late_processing_applies_after_the_caller_has_read() {
    let scene = Scenario::start().await;
    scene.wecom().arm(WecomFault::new(E::AddMomentTask, Effect::Late { milliseconds: 1000 }));
    assert!(scene.try_to_create("a", Duration::from_millis(100)).await.unwrap_err().is_timeout());
    assert!(scene.list().await.is_empty() && scene.created() == 0, "the caller looks, and finds nothing");
    while scene.created() == 0 {
        tokio::task::yield_now().await;
    }
    scene.advance(3);
    assert_eq!(scene.list().await.len(), 1);
}

#[tokio::test]
async fn wecom_answer_that_is_slow_is_true() {
    let scene = Scenario::start().await;
    scene.wecom().arm(WecomFault::new(E::AddMomentTask, Effect::Hang { milliseconds: Some(120) }));
    let begun = std::time::Instant::now();
    assert_eq!(code(&scene.create("a").await), 0);
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn wecom_request_sent_twice_makes_two_moments() {
    let scene = Scenario::start().await;
    scene.wecom().arm(WecomFault::lost_answer(E::AddMomentTask));
    assert!(scene.try_to_create("a", PATIENCE).await.is_err());
    scene.try_to_create("a", PATIENCE).await.unwrap();
    assert_eq!(scene.sandbox.journal().published_twice().len(), 1, "the referee sees it");
}
