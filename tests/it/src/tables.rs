//! Looking into the tables, to compare what was written with what was promised.

use anyhow::Result;
pub use local::rows::Row;
use local::rows::scan;

use crate::world::World;

impl World {
    /// The full name of a table of the specification, as functions make it.
    pub fn table(&self, name: &str) -> String {
        format!("{}{name}", self.stack.environment()["TABLE_PREFIX"])
    }

    /// All rows of a table of the specification (`t_douyin_lead`), in key order of no meaning but always the same for
    /// the same rows.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn rows(&self, name: &str) -> Result<Vec<Row>> {
        scan(&self.aws.dynamodb, &self.table(name)).await
    }
}
