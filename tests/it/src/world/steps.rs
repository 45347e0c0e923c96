//! The Douyin story in steps: what people, workers and schedules do.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::workers::{douyin_token_keeper, sweeper};
use sandbox::douyin::{AccountSpec, Decision};
use serde_json::{Value, json};

use super::{EndpointOverrides, World};
use crate::browser::Browser;
use crate::event::{Answer, Event};

impl World {
    /// A Douyin account of this name with this many fans; answers its open id.
    pub fn douyin_account(&self, name: &str, fans: u32) -> String {
        self.sandbox.douyin().add_account(AccountSpec::new(name, fans))
    }

    /// Authorises a Douyin account for `user` as a person would: link, consent, callback in one browser. Answers its
    /// open id.
    ///
    /// The sync that this starts is taken out of the way, with its message and its claim: most tests are about syncs
    /// they ask for themselves. A sync that was there before is left alone. See [`World::authorize_and_sync`].
    ///
    /// # Errors
    /// When a step is not answered as promised.
    pub async fn authorize(&self, user: u64, account: &str) -> Result<String> {
        let before = self.rows("t_douyin_sync_task").await?;
        let id = self.authorize_and_sync(user, account).await?;
        for task in self.rows("t_douyin_sync_task").await? {
            if !before.iter().any(|known| known["task_id"] == task["task_id"]) {
                self.forget_sync(&id, &task["task_id"]).await?;
            }
        }
        Ok(id)
    }

    /// The same with the first sync left to run: its message is in the queue.
    ///
    /// # Errors
    /// When a step is not answered as promised.
    pub async fn authorize_and_sync(&self, user: u64, account: &str) -> Result<String> {
        let callback = self.consent(user, account, &Decision::APPROVE).await?;
        let answer = self.call(&callback).await?;
        ensure!(answer.status == 200, "callback answered {answer:?}");
        Ok(answer.data()["douyinUserId"].as_str().context("no douyinUserId")?.to_owned())
    }

    /// Has a sync that nobody has taken up never been.
    async fn forget_sync(&self, account: &str, task: &str) -> Result<()> {
        self.take_message(task).await?;
        let delete = self.aws.dynamodb.delete_item().table_name(self.table("t_douyin_sync_task"));
        delete.key("task_id", AttributeValue::N(task.to_owned())).send().await?;
        let release = self.aws.dynamodb.update_item().table_name(self.table("t_douyin_auth"));
        let release = release.key("douyin_user_id", AttributeValue::S(account.to_owned()));
        release.update_expression("REMOVE active_sync_task_id").send().await?;
        Ok(())
    }

    /// The callback event that follows from a decision on the consent page, in the browser that asked for the link.
    ///
    /// # Errors
    /// When the link is not issued or the platform refuses it.
    pub async fn consent(&self, user: u64, account: &str, decision: &Decision) -> Result<Event> {
        let mut browser = Browser::default();
        let link = browser.link(self, user, None).await?;
        browser.consents(self, &link, account, decision)
    }

    /// Asks for a sync.
    ///
    /// # Errors
    /// As [`World::call`].
    pub async fn request_sync(&self, user: u64, douyin_user_id: &str, strategy: &str) -> Result<Answer> {
        let body = json!({ "douyinUserId": douyin_user_id, "syncStrategy": strategy });
        self.call_as(user, Event::sample("douyin-fans-sync")?.json(&body)).await
    }

    /// Asks for a sync, runs it to its end and answers its progress.
    ///
    /// # Errors
    /// When a step is not answered as promised.
    pub async fn sync(&self, user: u64, douyin_user_id: &str, strategy: &str) -> Result<Value> {
        let answer = self.request_sync(user, douyin_user_id, strategy).await?;
        ensure!(answer.status == 202, "sync answered {answer:?}");
        self.drain().await?;
        self.progress(user, answer.data()["taskId"].as_str().context("no taskId")?).await
    }

    /// How a sync goes.
    ///
    /// # Errors
    /// When it is not answered with 200.
    pub async fn progress(&self, user: u64, task: &str) -> Result<Value> {
        let answer = self.call_as(user, Event::sample("douyin-fans-sync-task")?.path("taskId", task)).await?;
        ensure!(answer.status == 200, "progress answered {answer:?}");
        Ok(answer.data().clone())
    }

    /// The lead list.
    ///
    /// # Errors
    /// As [`World::call`].
    pub async fn leads(&self, user: u64, query: &[(&str, &str)]) -> Result<Answer> {
        self.call_as(user, Event::sample("douyin-leads")?.query(query)).await
    }

    /// One run of the sweeper. Whether enough of its work was done is not asked here, see the tests of rounds.
    ///
    /// # Errors
    /// When the run fails as a whole.
    pub async fn sweep(&self) -> Result<()> {
        let app = sweeper::App::new(&self.context("sweeper", &EndpointOverrides::default()).await?).await?;
        sweeper::handle(&app, self.deadline()).await?;
        Ok(())
    }

    /// One run of the token keeper. Whether enough of its work was done is not asked here, see the tests of rounds.
    ///
    /// # Errors
    /// When the run fails as a whole.
    pub async fn keep_tokens(&self) -> Result<()> {
        let app =
            douyin_token_keeper::App::new(&self.context("douyin-token-keeper", &EndpointOverrides::default()).await?)
                .await?;
        douyin_token_keeper::handle(&app, self.deadline()).await?;
        Ok(())
    }
}
