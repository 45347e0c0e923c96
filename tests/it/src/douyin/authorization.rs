//! Authorising an account: bound to the browser that asked or to the word of the user who is signed in, what becomes of
//! an account that another tenant has had, and the first sync.

mod attack;
mod callback;
mod challenge;
mod confirmation;
mod contract;
mod cookie;
mod first_sync;
mod redirect;
mod repeated;
pub(super) mod takeover;
mod told;

use anyhow::Result;
use kernel::ids::UserId;
use kernel::vault::{EncryptionContext, Vault};

use crate::tables::Row;
use crate::{Event, World};

/// A page of the frontend.
const PAGE: &str = "http://127.0.0.1:9000/lead/douyin?tab=1";

/// The open ids in the account list of `user`.
async fn accounts(world: &World, user: u64) -> Result<Vec<String>> {
    let answer = world.call_as(user, Event::sample("douyin-accounts")?).await?;
    let accounts = answer.data().as_array().unwrap().iter();
    Ok(accounts.map(|account| account["douyinUserId"].as_str().unwrap().to_owned()).collect())
}

/// The rows that hold a parked grant.
async fn parked(world: &World) -> Result<Vec<Row>> {
    let mut rows = world.rows("t_oauth_state").await?;
    rows.retain(|row| row.contains_key("access_token"));
    Ok(rows)
}

/// Rows without the note that another tenant's consent was refused, and when the keeper looks at them because of that.
fn unchallenged(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        row.retain(|name, _| !["challenged_at", "refresh_due"].contains(&name.as_str()));
    }
    rows
}

/// Whether both tokens of a row open as this table's, tenant's and account's.
async fn opens(world: &World, row: &Row, table: &'static str, user: u64) -> bool {
    let vault = Vault::new(world.aws.kms.clone(), world.stack.environment()["TOKEN_KEY_ID"].clone());
    let place = EncryptionContext { table, user_id: UserId::new(user).unwrap(), account_id: &row["douyin_user_id"] };
    vault.decrypt(place, &row["access_token"]).await.is_ok()
        && vault.decrypt(place, &row["refresh_token"]).await.is_ok()
}
