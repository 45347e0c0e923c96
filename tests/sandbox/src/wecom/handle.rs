//! What tests in the same process do with WeCom. Other processes do the same through `control.rs`.

use serde::Deserialize;

use super::content::{Attachment, Content};
use super::corp::{AppSpec, Corp, CorpSpec, CorpView, MemberSpec};
use super::endpoint::WecomEndpoint;
use super::files::FileView;
use super::moment::{ConfirmError, Moment, MomentTaskView};
use super::settings::WecomSettings;
use super::{Wecom, WecomFault};
use crate::fault::ArmedFault;
use crate::publication::{Publication, PublicationKind};

/// A moment somebody makes without the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ByHand {
    /// The member who makes it.
    pub creator: String,
    pub text: String,
    #[serde(default)]
    pub images: usize,
    /// The member's own instead of the corp's.
    #[serde(default)]
    pub personal: bool,
    /// The members who are asked to publish it and have not; the creator, who has, when absent.
    #[serde(default)]
    pub asked: Option<Vec<String>>,
}

impl Wecom {
    /// The value for `WECOM_BASE_URL`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    pub fn configure(&self, change: impl FnOnce(&mut WecomSettings)) {
        change(&mut self.world().settings);
    }

    /// The knobs as they stand.
    #[must_use]
    pub fn settings(&self) -> WecomSettings {
        self.world().settings.clone()
    }

    /// Adds a corp; one of that name stays as it is.
    pub fn add_corp(&self, corp: CorpSpec) -> CorpView {
        self.world().add_corp(corp).view()
    }

    /// The corps, by name.
    #[must_use]
    pub fn corps(&self) -> Vec<CorpView> {
        self.world().corps.values().map(Corp::view).collect()
    }

    /// A corp by its sandbox name.
    #[must_use]
    pub fn corp(&self, name: &str) -> Option<CorpView> {
        self.world().corps.get(name).map(Corp::view)
    }

    /// Adds a member to a corp, or replaces the one of its id; false for an unknown corp.
    pub fn put_member(&self, corp: &str, member: MemberSpec) -> bool {
        self.world().corps.get_mut(corp).map(|corp| corp.add_member(member)).is_some()
    }

    /// Changes the first app of a corp: its secret, its permission, whether it is enabled; false for an unknown corp.
    pub fn change_app(&self, corp: &str, change: impl FnOnce(&mut AppSpec)) -> bool {
        let mut world = self.world();
        let app = world.corps.get_mut(corp).and_then(|corp| corp.apps.first_mut());
        app.map(change).is_some()
    }

    /// WeCom takes all tokens of a corp back before their time: they are answered with 40014.
    pub fn void_tokens(&self, corp: &str) {
        self.world().tokens.void(corp);
    }

    /// Lets a corp's tokens expire now, without moving the clock for everybody else: 42001, or 40014 by the knob.
    pub fn expire_tokens(&self, corp: &str) {
        let now = self.host().now();
        self.world().tokens.expire(corp, now);
    }

    /// A token of the corp's first app, without the call; nothing for an unknown corp.
    #[must_use]
    pub fn issue_token(&self, corp: &str) -> Option<String> {
        let now = self.host().now();
        let mut world = self.world();
        let agent_id = world.corps.get(corp)?.apps.first()?.agent_id;
        let settings = world.settings.clone();
        Some(world.tokens.issue(corp, agent_id, &settings, now).0)
    }

    /// A member taps "publish". This, and nothing else, is a post.
    ///
    /// # Errors
    /// When the member's client would not let it.
    pub fn confirm(&self, id: &str, userid: &str) -> Result<Publication, ConfirmError> {
        let now = self.host().now();
        let mut world = self.world();
        self.settle(&mut world, now);
        let publication = world.moments.confirm(id, userid, now)?;
        self.record_post(now, publication.clone());
        Ok(publication)
    }

    /// Every member asked who has not published yet does; returns how many did.
    ///
    /// # Errors
    /// When the moment cannot be published by anybody.
    pub fn confirm_all(&self, id: &str) -> Result<usize, ConfirmError> {
        let moment = self.moment_task(id).ok_or(ConfirmError::UnknownMoment)?;
        let waiting = moment.members.iter().filter(|(_, published)| published.is_none());
        let mut confirmed = 0;
        for (member, _) in waiting {
            self.confirm(id, member)?;
            confirmed += 1;
        }
        Ok(confirmed)
    }

    /// Somebody makes a moment in the console or on a phone: it turns up in lists beside those of the API, and may say
    /// the same. It is no publication of ours, so the journal knows nothing of it. Returns its id; nothing for an
    /// unknown corp.
    pub fn post_by_hand(&self, corp: &str, post: ByHand) -> Option<String> {
        let now = self.host().now();
        let mut world = self.world();
        let corp = world.corps.get(corp)?.name.clone();
        let image = Attachment::Image { media_id: "by hand".to_owned() };
        let content = Content { text: post.text, attachments: vec![image; post.images] };
        let mut moment = Moment::new(&corp, content, &world.settings, now);
        (moment.creator, moment.personal) = (Some(post.creator.clone()), post.personal);
        (moment.starts_at, moment.finishes_at, moment.readable_at) = (now, now, now);
        moment.audience.publishers = match post.asked {
            Some(asked) => asked.into_iter().map(|member| (member, None)).collect(),
            None => [(post.creator, Some(now))].into(),
        };
        let moment_id = moment.moment_id.clone();
        world.moments.add(moment, None);
        Some(moment_id)
    }

    /// Every moment there is, oldest first: the truth, whatever was answered.
    #[must_use]
    pub fn moment_tasks(&self) -> Vec<MomentTaskView> {
        self.catch_up();
        let now = self.host().now();
        self.world().moments.all().iter().map(|moment| moment.view(now)).collect()
    }

    /// A moment by the id of its job or its own.
    #[must_use]
    pub fn moment_task(&self, id: &str) -> Option<MomentTaskView> {
        self.catch_up();
        let now = self.host().now();
        self.world().moments.get(id).map(|moment| moment.view(now))
    }

    /// Everything members published of what the API asked them to, oldest first.
    #[must_use]
    pub fn published_posts(&self) -> Vec<Publication> {
        self.catch_up();
        let mut posts = self.host().publications();
        posts.retain(|post| post.kind == PublicationKind::MemberPost);
        posts
    }

    /// Every file uploaded, oldest first.
    #[must_use]
    pub fn uploads(&self) -> Vec<FileView> {
        self.world().files.all()
    }

    /// Arms a fault and returns its number.
    pub fn arm(&self, fault: WecomFault) -> u64 {
        self.world().faults.arm(fault)
    }

    /// Removes a fault; false when there is none of this number.
    pub fn disarm(&self, id: u64) -> bool {
        self.world().faults.disarm(id)
    }

    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Everything armed since the last clearing, with how often it was met.
    #[must_use]
    pub fn faults(&self) -> Vec<ArmedFault<WecomEndpoint>> {
        self.world().faults.list()
    }
}
