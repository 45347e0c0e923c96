//! Operations of no domain.

use kernel::page::Page;

use super::operation::Operation;
use super::words::PLATFORM;
use crate::catalog;
use crate::routes::audit;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::AUDIT,
            PLATFORM,
            "查询操作记录",
            "谁在什么时间做了什么，最新的在前。`from`、`to` 两端均包含在内。",
        )
        .query::<audit::Query>()
        .answers::<Page<audit::EntryView>>(200, "操作记录的一页"),
    ]
}
