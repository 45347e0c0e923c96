//! Whether the tables of leads agree with each other: what a lead's row says is what the list, the search and the next sync
//! find of it. An operator asks the same of a deployed stack (`cargo dev check-leads`).

use anyhow::Result;
use local::lead_check::LeadTables;

use crate::World;

/// Fails with the first thing on which rows, identities and index of any tenant do not agree.
///
/// # Errors
/// See above.
pub async fn check(world: &World) -> Result<()> {
    read(world).await?.check()
}

/// The tables as they are.
///
/// # Errors
/// When they cannot be read.
pub async fn read(world: &World) -> Result<LeadTables> {
    LeadTables::read(&world.aws.dynamodb, &world.table("")).await
}
