//! Calling a function by its name, in this process.

use anyhow::{Result, bail};
use functions::base::Base;
use functions::douyin;
use functions::http::dispatch;

use crate::event::{Answer, Event};

/// Starts the function for this one event, as Lambda would cold, and hands the event to it.
///
/// # Errors
/// When the function does not start, or is not one behind the API.
pub async fn call(base: &Base, event: &Event) -> Result<Answer> {
    macro_rules! by_name {
        ($($name:literal => $module:ident),+ $(,)?) => {
            match event.function.as_str() {
                $($name => {
                    let app = douyin::$module::App::new(base).await?;
                    dispatch(&app, |app, request| douyin::$module::handle(app, request), event.request()?).await
                })+
                other => bail!("{other} is not a function behind the API"),
            }
        };
    }
    Ok(Answer::new(by_name! {
        "douyin-auth-url" => auth_url,
        "douyin-auth-callback" => auth_callback,
        "douyin-fans-sync" => fans_sync,
        "douyin-fans-sync-task" => fans_sync_task,
        "douyin-leads" => leads,
        "douyin-lead" => lead,
        "douyin-lead-update" => lead_update,
        "douyin-accounts" => accounts,
        "douyin-account-delete" => account_delete,
        "douyin-webhook" => webhook,
    }))
}
