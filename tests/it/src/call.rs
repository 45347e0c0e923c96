//! Calling a function by its name, in this process.

use anyhow::{Result, bail};
use functions::http::dispatch;
use functions::{douyin, moments};
use kernel::Context;

use crate::event::{Answer, Event};

/// Starts the function for this one event, as Lambda would cold, and hands the event to it.
///
/// # Errors
/// When the function does not start, or is not one behind the API.
pub async fn call(cx: &Context, event: &Event) -> Result<Answer> {
    macro_rules! by_name {
        ($($name:literal => $domain:ident::$module:ident),+ $(,)?) => {
            match event.function.as_str() {
                $($name => {
                    let app = $domain::$module::App::new(cx).await?;
                    dispatch(&app, |app, request| $domain::$module::handle(app, request), event.request()?).await
                })+
                other => bail!("{other} is not a function behind the API"),
            }
        };
    }
    Ok(Answer::new(by_name! {
        "douyin-auth-url" => douyin::auth_url,
        "douyin-auth-callback" => douyin::auth_callback,
        "douyin-auth-confirm" => douyin::auth_confirm,
        "douyin-fans-sync" => douyin::fans_sync,
        "douyin-fans-sync-task" => douyin::fans_sync_task,
        "douyin-leads" => douyin::leads,
        "douyin-lead" => douyin::lead,
        "douyin-lead-update" => douyin::lead_update,
        "douyin-accounts" => douyin::accounts,
        "douyin-account-delete" => douyin::account_delete,
        "douyin-webhook" => douyin::webhook,
        "wechat-accounts" => moments::wechat_accounts,
        "wechat-account-connect" => moments::wechat_account_connect,
        "wechat-account-disconnect" => moments::wechat_account_disconnect,
        "gateway-webhook" => moments::gateway_webhook,
        "moment-sync" => moments::moment_sync,
        "moment-task" => moments::moment_task,
        "moment-tasks" => moments::moment_tasks,
        "moment-task-cancel" => moments::moment_task_cancel,
        "moment-task-retry" => moments::moment_task_retry,
        "moment-task-update" => moments::moment_task_update,
    }))
}
