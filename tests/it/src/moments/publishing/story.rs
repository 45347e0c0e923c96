//! Publications as they go when nobody disturbs them, and the steps they are made of.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sandbox::media::MediaFile;
use serde_json::json;

use super::oracle::{Oracle, Outlet, check};
use super::{LATER, USER, confirm_everything, deliver_again, ended, live, request};
use crate::proxy::{Fault, Proxy, Step};
use crate::{Event, World};

const MEMBERS: [&str; 2] = ["lily", "rose"];
const PICTURE: MediaFile = MediaFile::Jpeg { width: 80, height: 60, bytes: 0 };
const VIDEO: MediaFile = MediaFile::Mp4 { width: 320, height: 240, milliseconds: 2_000, bytes: 0 };
/// WeCom's, of an access token.
const TOKEN_LIFETIME: Duration = Duration::from_secs(7_200);

/// What is published, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// Words of a person.
    Words,
    /// A picture of a person.
    Picture,
    /// A video of a person.
    Video,
    /// A picture of a company with two members, up to their confirmation.
    Company,
    /// Words of a company whose user stops them before anybody confirms.
    Stopped,
    /// Words of a company whose access token has run out.
    Renewal,
    /// A picture of a company and a person.
    Both,
}

/// A task that is about to be published.
pub(super) struct Scenario {
    pub(super) task: u64,
    pub(super) text: String,
    pub(super) outlets: Vec<Outlet>,
}

impl Story {
    /// How often it asks for what: the list against which the recorded one is held.
    const fn expected(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Words => &[
                ("BatchGetItem t_wechat_account", 1),
                ("Decrypt", 1),
                ("GetItem t_moment_sync_task", 1),
                ("Query t_moment_sync_result", 1),
                ("SendMessage events", 1),
                ("TransactWriteItems t_moment_publish_unit", 2),
                ("TransactWriteItems t_moment_sync_task", 1),
                ("UpdateItem t_moment_publish_unit", 1),
                ("personal/getProfile", 1),
                ("sns/sendTextSns", 1),
            ],
            Self::Picture => &[
                ("BatchGetItem t_wechat_account", 1),
                ("Decrypt", 1),
                ("GetItem t_moment_sync_task", 1),
                ("Query t_moment_sync_result", 1),
                ("SendMessage events", 1),
                ("TransactWriteItems t_moment_publish_unit", 3),
                ("TransactWriteItems t_moment_sync_task", 1),
                ("UpdateItem t_moment_publish_unit", 1),
                ("personal/getProfile", 1),
                ("sns/sendImgSns", 1),
                ("sns/uploadSnsImage", 1),
            ],
            Self::Video => &[
                ("BatchGetItem t_wechat_account", 1),
                ("Decrypt", 1),
                ("GetItem t_moment_sync_task", 1),
                ("Query t_moment_sync_result", 1),
                ("SendMessage events", 1),
                ("TransactWriteItems t_moment_publish_unit", 3),
                ("TransactWriteItems t_moment_sync_task", 1),
                ("UpdateItem t_moment_publish_unit", 1),
                ("personal/getProfile", 1),
                ("sns/sendVideoSns", 1),
                ("sns/uploadSnsVideo", 1),
            ],
            Self::Renewal => &[
                ("BatchGetItem t_moment_sync_result", 2),
                ("BatchGetItem t_wechat_account", 1),
                ("Decrypt", 3),
                ("Encrypt", 1),
                ("GetItem t_moment_sync_task", 1),
                ("GetItem t_wechat_corp", 1),
                ("Query t_moment_sync_result", 1),
                ("SendMessage", 2),
                ("SendMessage events", 2),
                ("TransactWriteItems t_moment_publish_unit", 4),
                ("TransactWriteItems t_moment_sync_task", 1),
                ("UpdateItem t_moment_publish_unit", 4),
                ("UpdateItem t_wechat_corp", 3),
                ("externalcontact/add_moment_task", 1),
                ("externalcontact/get_moment_task", 1),
                ("externalcontact/get_moment_task_result", 1),
                ("gettoken", 1),
            ],
            Self::Stopped => &[
                ("BatchGetItem t_moment_sync_result", 2),
                ("BatchGetItem t_wechat_account", 1),
                ("Decrypt", 3),
                ("GetItem t_moment_sync_task", 1),
                ("GetItem t_wechat_corp", 1),
                ("Query t_moment_sync_result", 1),
                ("SendMessage", 2),
                ("SendMessage events", 1),
                ("TransactWriteItems t_moment_publish_unit", 4),
                ("TransactWriteItems t_moment_sync_task", 1),
                ("UpdateItem t_moment_publish_unit", 5),
                ("UpdateItem t_wechat_corp", 1),
                ("externalcontact/add_moment_task", 1),
                ("externalcontact/cancel_moment_task", 1),
                ("externalcontact/get_moment_task", 1),
                ("externalcontact/get_moment_task_result", 1),
            ],
            Self::Company => &[
                ("BatchGetItem t_moment_sync_result", 2),
                ("BatchGetItem t_wechat_account", 1),
                ("Decrypt", 3),
                ("GET s3 media", 1),
                ("GetItem t_moment_sync_task", 1),
                ("GetItem t_wechat_corp", 1),
                ("GetItem t_wechat_media", 1),
                ("PutItem t_wechat_media", 1),
                ("Query t_moment_sync_result", 1),
                ("SendMessage", 2),
                ("SendMessage events", 2),
                ("TransactWriteItems t_moment_publish_unit", 5),
                ("TransactWriteItems t_moment_sync_task", 1),
                ("UpdateItem t_moment_publish_unit", 4),
                ("UpdateItem t_wechat_corp", 1),
                ("externalcontact/add_moment_task", 1),
                ("externalcontact/get_moment_task", 1),
                ("externalcontact/get_moment_task_result", 1),
                ("media/upload_attachment", 1),
            ],
            Self::Both => &[
                ("BatchGetItem t_moment_sync_result", 3),
                ("BatchGetItem t_wechat_account", 1),
                ("Decrypt", 4),
                ("GET s3 media", 1),
                ("GetItem t_moment_sync_task", 1),
                ("GetItem t_wechat_corp", 1),
                ("GetItem t_wechat_media", 1),
                ("PutItem t_wechat_media", 1),
                ("Query t_moment_sync_result", 1),
                ("SendMessage", 3),
                ("SendMessage events", 2),
                ("TransactWriteItems t_moment_publish_unit", 8),
                ("TransactWriteItems t_moment_sync_task", 1),
                ("UpdateItem t_moment_publish_unit", 6),
                ("UpdateItem t_wechat_corp", 1),
                ("externalcontact/add_moment_task", 1),
                ("externalcontact/get_moment_task", 1),
                ("externalcontact/get_moment_task_result", 1),
                ("media/upload_attachment", 1),
                ("personal/getProfile", 1),
                ("sns/sendImgSns", 1),
                ("sns/uploadSnsImage", 1),
            ],
        }
    }

    /// Sets it up with accounts of its own, so that many fit in one world.
    pub(super) async fn scene(self, world: &World, number: usize) -> Result<Scenario> {
        let mut outlets = Vec::new();
        if matches!(self, Self::Company | Self::Renewal | Self::Stopped | Self::Both) {
            let corp = format!("flowers-{number}");
            let accounts = world.connect_corp(USER, &corp, &MEMBERS).await?;
            let names = MEMBERS.map(|member| format!("{corp}/{member}"));
            ensure!(accounts.len() == names.len(), "connected {accounts:?}");
            outlets.extend(accounts.into_iter().zip(names).map(|(account_id, name)| Outlet { account_id, name }));
        }
        if !matches!(self, Self::Company | Self::Renewal | Self::Stopped) {
            let name = format!("device-{number}");
            outlets.push(Outlet { account_id: world.connect_device(USER, &name).await?, name });
        }
        if self == Self::Renewal {
            world.advance(TOKEN_LIFETIME);
        }
        let text = format!("新品到店 {number}");
        let media: Vec<String> = match self {
            Self::Words | Self::Renewal | Self::Stopped => Vec::new(),
            Self::Video => vec![world.sandbox.media().put_file("1.mp4", VIDEO)],
            Self::Picture | Self::Company | Self::Both => vec![world.sandbox.media().put_file("1.jpg", PICTURE)],
        };
        let accounts: Vec<&String> = outlets.iter().map(|outlet| &outlet.account_id).collect();
        let body = json!({"text": text, "mediaUrls": media, "accountIds": accounts});
        Ok(Scenario { task: request(world, &body).await?, text, outlets })
    }

    /// Tells it, with a publisher that meets a fault at a step if one is given. Whoever comes after a dead one is
    /// healthy, and the message in the dead one's hands comes again while its lease still runs.
    pub(super) async fn tell(
        self,
        world: &World,
        number: usize,
        fault: Option<(&Step, Fault)>,
    ) -> Result<(Vec<Step>, Vec<Oracle>)> {
        let scene = self.scene(world, number).await?;
        let proxy = Proxy::start(world).await?;
        let deadly = matches!(fault, Some((_, Fault::Kill(_))));
        if let Some((step, fault)) = &fault {
            proxy.arm(&step.name, step.nth, fault.clone());
        }
        let mut died = false;
        for _ in 0..30 {
            if !died && let Some(message) = live(world, &proxy).await? {
                died = true;
                deliver_again(world, message).await?;
            }
            if died {
                world.drain_publications().await?;
            }
            let status = world.post_status(USER, scene.task).await?;
            if ended(&status) {
                let came = fault.is_none_or(|(step, _)| proxy.count(&step.name) >= step.nth);
                ensure!(died == deadly && came, "the step never came");
                let truths = check(world, scene.task, &status, &scene.text, &scene.outlets).await?;
                return Ok((proxy.steps(), truths));
            }
            if self == Self::Stopped {
                self.stop(world, scene.task).await?;
            } else {
                confirm_everything(world);
            }
            world.advance(LATER);
            world.sweep().await?;
        }
        bail!("it never ends")
    }

    /// What it comes to for each account.
    pub(super) fn end(self) -> Oracle {
        if self == Self::Stopped { Oracle::Nothing("CANCELLED".to_owned()) } else { Oracle::Published }
    }

    /// Its user stops it, as often as they look.
    async fn stop(self, world: &World, task: u64) -> Result<()> {
        let event = Event::sample("moment-task-stop")?.path("taskId", &task.to_string());
        let answer = world.call_as(USER, event).await?;
        ensure!([202, 409].contains(&answer.status), "{answer:?}");
        Ok(())
    }

    /// Its steps, recorded while nobody disturbs it: they are the code's own list, and must be the one known here.
    pub(super) async fn steps(self, world: &World) -> Result<Vec<Step>> {
        let (steps, truths) = self.tell(world, 0, None).await?;
        ensure!(truths.iter().all(|truth| *truth == self.end()), "undisturbed, {truths:?}");
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for step in &steps {
            *counts.entry(&step.name).or_default() += 1;
        }
        let expected: BTreeMap<&str, u32> = self.expected().iter().copied().collect();
        ensure!(
            counts == expected,
            "{self:?} takes other steps than this suite knows:\n{counts:#?}\nin order:\n{}",
            steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        );
        Ok(steps)
    }
}

/// Faults after which a story cannot tell what became of its call: between the fence and the call's being carried out.
pub(super) fn blind_spots(steps: &[Step]) -> Result<Vec<(Step, &'static str)>> {
    let sends = ["sns/sendTextSns", "sns/sendImgSns", "sns/sendVideoSns", "externalcontact/add_moment_task"];
    let mut spots = Vec::new();
    for (place, send) in steps.iter().enumerate().filter(|(_, step)| sends.contains(&step.name.as_str())) {
        let before = steps.iter().take(place);
        let fence = before.rev().find(|step| step.name.starts_with("TransactWriteItems")).context("no fence")?;
        spots.extend([(fence.clone(), "dies after"), (send.clone(), "dies before"), (send.clone(), "lost before")]);
    }
    Ok(spots)
}
