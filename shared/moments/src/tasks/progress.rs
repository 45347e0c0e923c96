//! How a task goes: what is told of each account, and what an open one waits for.

use jiff::Timestamp;
use kernel::ids::{TaskId, UserId};

use super::read;
use crate::error::Result;
use crate::status::ResultStatus;
use crate::store::Stores;
use crate::store::delivery::{Delivery, DeliveryStage, WaitReason};
use crate::store::result::AccountResult;
use crate::store::task::Task;
use crate::time::whole_second;

/// A task, and how it goes.
#[derive(Debug)]
pub struct Progress {
    pub task: Task,
    /// Its accounts, in the order of their ids.
    pub accounts: Vec<AccountProgress>,
}

/// An account of a task.
#[derive(Debug)]
pub struct AccountProgress {
    /// What is told of it.
    pub result: AccountResult,
    /// What it waits for; nothing once it has ended.
    pub wait: Option<Wait>,
}

/// What an account waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// In Chinese, without a full stop.
    pub reason: &'static str,
    /// When it goes on; absent while a worker is at it.
    pub until: Option<Timestamp>,
    /// Until when its member may confirm, if that is what it waits for.
    pub confirm_until: Option<Timestamp>,
}

/// The caller's task with what its accounts wait for.
///
/// # Errors
/// As [`read`].
pub async fn progress(stores: &Stores, user_id: UserId, task_id: TaskId) -> Result<Progress> {
    let (task, results) = read(stores, user_id, task_id).await?;
    // Before there are deliveries, and after the last account has ended, they have nothing to say.
    let has_deliveries =
        |result: &AccountResult| !result.status.ended() && (task.dispatched || result.status != ResultStatus::Pending);
    let deliveries =
        if results.iter().any(has_deliveries) { stores.deliveries.of_task(task_id).await? } else { Vec::new() };
    let now = stores.clock.now();
    let with_wait = |result| AccountProgress { wait: wait_of(&task, &result, &deliveries, now), result };
    let accounts = results.into_iter().map(with_wait).collect();
    Ok(Progress { task, accounts })
}

fn wait_of(task: &Task, result: &AccountResult, deliveries: &[Delivery], now: Timestamp) -> Option<Wait> {
    if result.status.ended() {
        return None;
    }
    let delivery = deliveries.iter().find(|delivery| delivery.stage != DeliveryStage::Done && delivery.serves(result));
    let Some(delivery) = delivery else {
        let is_planned = task.scheduled_time.is_some_and(|time| time > now);
        let reason = if is_planned { "等待预定的发布时间" } else { "等待开始发布" };
        return Some(Wait { reason, until: task.next_action_at.map(whole_second), confirm_until: None });
    };
    let is_held = delivery.lease_owner.is_some();
    let members_are_asked = delivery.stage == DeliveryStage::Waiting;
    Some(Wait {
        reason: reason_of(delivery),
        until: delivery.next_action_at.filter(|_| !is_held).map(whole_second),
        confirm_until: Some(delivery.confirm_until).filter(|_| members_are_asked).map(whole_second),
    })
}

fn reason_of(delivery: &Delivery) -> &'static str {
    match (delivery.stage, delivery.waits_for) {
        (DeliveryStage::Waiting | DeliveryStage::Submitted, _) if delivery.stop_requested => {
            "正在请求企业微信停止未确认的成员"
        }
        (_, Some(WaitReason::Secret)) => "企业微信应用密钥已失效，请更新密钥，更新后自动继续",
        (DeliveryStage::Queued, _) if delivery.lease_owner.is_some() => "正在准备发布",
        (DeliveryStage::Queued, Some(WaitReason::Proxy)) => "企业的代理服务器暂时无法连接，恢复后自动继续",
        (DeliveryStage::Queued, Some(WaitReason::Slot)) => "等待该账号的发布间隔或微信的频率限制",
        (DeliveryStage::Queued, Some(WaitReason::RateLimit)) => "微信限制了该账号的发布频率，等待限制解除",
        (DeliveryStage::Queued, Some(WaitReason::DailyCap)) => "该账号当天的发布次数已用完，等待次日",
        (DeliveryStage::Queued, Some(WaitReason::QuietHours)) => "当前为安静时段，等待可发布的时段",
        (DeliveryStage::Queued, Some(WaitReason::NewDevice)) => "新连接的设备需先静置，等待静置结束",
        (DeliveryStage::Queued, Some(WaitReason::Offline)) => "该微信账号已离线，等待重新登录，恢复在线后自动发布",
        (DeliveryStage::Queued, Some(WaitReason::TextCheck)) => "内容审核暂时不可用，恢复后自动继续",
        (DeliveryStage::Queued, Some(WaitReason::Again)) => "上次尝试未成功，等待自动重试",
        (DeliveryStage::Queued, None) => "等待开始发布",
        (DeliveryStage::Sending, _) => "正在提交给微信",
        (_, Some(WaitReason::ListLag)) => "未收到微信的确认，朋友圈列表可能有延迟，稍后再次核对",
        (_, Some(WaitReason::Readings)) => "未收到微信的确认，等待网关允许再次核对",
        (DeliveryStage::Unconfirmed, _) => "未收到微信的确认，正在核对是否已发布",
        (DeliveryStage::Answered | DeliveryStage::Done, _) => "微信已受理，正在保存结果",
        (DeliveryStage::Submitted, _) => "企业微信正在创建发表任务",
        (DeliveryStage::Waiting, _) => "等待成员在企业微信中确认发表",
    }
}

#[cfg(test)]
mod tests;
