//! Why a sync does not move, for its user.

use crate::store::sync_task::{SyncTask, WaitReason};

/// What the task waits for. `None` while a worker is at it, before it was first taken up, and after its end.
pub fn waiting(task: &SyncTask) -> Option<WaitReason> {
    task.waits_for.filter(|_| task.lease_owner.is_none() && !task.status.ended())
}

/// The reason in Chinese, without a full stop.
pub const fn explain(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Quota => "今日抖音接口调用额度已用完，额度于北京时间 08:00 恢复后自动继续",
        WaitReason::Share => "您今日可用的抖音接口调用次数已用完，北京时间 08:00 恢复后自动继续",
        WaitReason::RateLimit => "抖音接口请求过于频繁，稍后自动继续",
        WaitReason::Token => "抖音暂未接受该账号的授权，稍后自动再次确认",
        WaitReason::Outage => "抖音服务暂时不可用，稍后自动继续",
    }
}
