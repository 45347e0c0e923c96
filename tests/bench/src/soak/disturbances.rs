//! What platforms do wrong.

use rand::RngExt;
use rand::seq::IndexedRandom;
use sandbox::douyin::{self, Endpoint, FanChange};
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceState, GeweEndpoint, GeweFault};
use sandbox::wecom::{WecomEndpoint, WecomFault};

use super::Soak;

/// Disturbances that nobody has met are taken back after so many rounds, so that they do not add up.
const FORGOTTEN_AFTER: u64 = 12;

/// Douyin limits the rate, says that a token is not valid, fails, breaks off, and loses its answers.
fn of_douyin() -> Vec<douyin::Fault> {
    vec![
        douyin::Fault::code(Endpoint::FansList, 28_003_018),
        douyin::Fault::code(Endpoint::FansList, 2_190_008),
        douyin::Fault::new(Endpoint::FansList, douyin::Effect::Http { status: 502 }),
        douyin::Fault::new(Endpoint::FansList, douyin::Effect::NotJson),
        douyin::Fault::new(Endpoint::FansList, douyin::Effect::Drop),
        douyin::Fault::new(Endpoint::FansList, douyin::Effect::ExpireToken),
        douyin::Fault::new(Endpoint::RefreshToken, douyin::Effect::Http { status: 502 }),
        douyin::Fault::lost_answer(Endpoint::RefreshToken),
    ]
}

/// The gateway fails, breaks off, loses its answers, calls a failure what it has done, and loses phones.
fn of_the_gateway() -> Vec<GeweFault> {
    vec![
        GeweFault::lost_answer(GeweEndpoint::SendText),
        GeweFault::new(GeweEndpoint::SendText, Effect::Drop),
        GeweFault::new(GeweEndpoint::SendText, Effect::Http { status: 502 }),
        GeweFault::code(GeweEndpoint::SendText, 500).processed(),
        GeweFault::new(GeweEndpoint::SendText, Effect::LoseSession),
        GeweFault::new(GeweEndpoint::List, Effect::NotJson),
        GeweFault::new(GeweEndpoint::ContactList, Effect::Http { status: 502 }),
        GeweFault::new(GeweEndpoint::CheckOnline, Effect::Http { status: 502 }),
    ]
}

fn of_wecom() -> Vec<WecomFault> {
    vec![
        WecomFault::lost_answer(WecomEndpoint::AddMomentTask),
        WecomFault::new(WecomEndpoint::AddMomentTask, Effect::Drop),
        WecomFault::new(WecomEndpoint::AddMomentTask, Effect::Http { status: 502 }),
        WecomFault::new(WecomEndpoint::AddMomentTask, Effect::LoseSession),
        WecomFault::code(WecomEndpoint::GetMomentTaskResult, -1),
        WecomFault::code(WecomEndpoint::GetMomentList, -1),
        WecomFault::new(WecomEndpoint::GetMomentTask, Effect::EmptyBody),
        WecomFault::new(WecomEndpoint::GetToken, Effect::Http { status: 502 }),
    ]
}

impl Soak {
    pub(super) fn disturb(&mut self) {
        let sandbox = &self.world.sandbox;
        if self.counts.get("rounds").is_some_and(|rounds| rounds % FORGOTTEN_AFTER == 0) {
            sandbox.douyin().clear_faults();
            sandbox.gewe().clear_faults();
            sandbox.wecom().clear_faults();
        }
        // Each platform in every other round.
        let mut often = || match self.random.random_range(0..4) {
            often @ 1..=2 => Some(often),
            _ => None,
        };
        let often = [often(), often(), often()];
        if let (Some(times), Some(fault)) = (often[0], of_douyin().choose(&mut self.random)) {
            sandbox.douyin().arm(fault.clone().times(times));
        }
        if let (Some(times), Some(fault)) = (often[1], of_the_gateway().choose(&mut self.random)) {
            sandbox.gewe().arm(fault.clone().times(times));
        }
        if let (Some(times), Some(fault)) = (often[2], of_wecom().choose(&mut self.random)) {
            sandbox.wecom().arm(fault.clone().times(times));
        }
        *self.counts.entry("disturbances of platforms").or_default() += often.iter().flatten().count() as u64;
        self.change_fans();
        self.bring_phones_back(2);
    }

    /// Some follow, some leave, some come back, some have another name.
    fn change_fans(&mut self) {
        let shops: Vec<&str> =
            self.tenants.iter().flat_map(|tenant| &tenant.shops).map(|shop| shop.name.as_str()).collect();
        let Some(shop) = shops.choose(&mut self.random) else { return };
        let mut some = |most| self.random.random_range(0..=most);
        let change = FanChange { add: some(3), unfollow: some(2), refollow: some(1), rename: some(3) };
        self.world.sandbox.douyin().change_fans(shop, change);
    }

    /// One in so many of those that are off the line.
    fn bring_phones_back(&mut self, chances: u32) {
        for device in self.world.sandbox.gewe().devices() {
            if device.state != DeviceState::Online && self.random.random_range(0..chances) == 0 {
                self.world.sandbox.gewe().set_state(&device.name, DeviceState::Online);
            }
        }
    }

    pub(super) fn calm(&mut self) {
        self.is_calm = true;
        let sandbox = &self.world.sandbox;
        sandbox.douyin().clear_faults();
        sandbox.gewe().clear_faults();
        sandbox.wecom().clear_faults();
        self.bring_phones_back(1);
    }

    /// Members publish what they are asked to, sooner or later; in the end all of them do.
    pub(super) fn confirm_some(&mut self) {
        for moment in self.world.sandbox.wecom().moment_tasks() {
            if self.random.random_range(0..4) == 0 {
                // Refused for one that does not exist yet, was cancelled or was published before.
                let _confirmed = self.world.sandbox.wecom().confirm_all(&moment.moment_id).is_ok();
            }
        }
    }

    pub(super) fn confirm_all(&self) {
        for moment in self.world.sandbox.wecom().moment_tasks() {
            let _confirmed = self.world.sandbox.wecom().confirm_all(&moment.moment_id).is_ok();
        }
    }
}
