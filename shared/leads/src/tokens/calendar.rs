//! The calendar of a token set: when it is refreshed and renewed, and until when it certainly lasts. All of it is pure.

use std::time::Duration;

use jiff::Timestamp;
use kernel::instant::{after, before};

use crate::store::account::{Account, AccountStatus};

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// The access token lives 15 days; it is refreshed when fewer than these remain.
const REFRESH_BEFORE: Duration = days(3);
/// The refresh token brings a last access token this long before it ends.
const LAST_REFRESH_BEFORE: Duration = days(1);
/// What the last refresh is worth at least, or it is not made: an access token lives 15 days.
const LAST_REFRESH_GAIN: Duration = days(1);
const ACCESS_TOKEN_LIFETIME: Duration = days(15);
/// The refresh token lives 30 days; it is renewed when fewer than these remain.
const RENEW_BEFORE: Duration = days(7);
/// Douyin renews a refresh token at most this often per authorisation.
pub(crate) const MAX_RENEWALS: u32 = 5;
/// No two renewals are closer than this. A renewal that states a short life (the sample of Douyin's page has one day)
/// would otherwise be due again at once, and all five be spent within the hour.
const BETWEEN_RENEWALS: Duration = days(20);
const REFRESH_TOKEN_LIFETIME: Duration = days(30);
/// What each further renewal is certain to add: 30 days, less the days the old token still had.
const RENEWAL_GAIN: Duration = days(30 - 7);
/// So many days before an end that the keeper cannot put off the tenant is told of it.
const NOTICES: [u32; 3] = [7, 3, 1];

/// What decides about a token set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Calendar {
    /// End of the access token.
    pub access_end: Timestamp,
    /// End of the refresh token, as far as we know.
    pub refresh_end: Timestamp,
    pub renewals: u32,
    /// When the last of them was.
    pub renewed_at: Option<Timestamp>,
    /// A renewal was refused or its answer lost, so the refresh token may be dead: its end and what could be added to it are
    /// not relied on.
    pub in_doubt: bool,
    /// What the tenant was told last of its end.
    pub told: Option<Notice>,
}

/// That the account has to be authorised anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notice {
    /// When it ends.
    pub end: Timestamp,
    /// How many days before that this is told.
    pub days: u32,
}

impl Notice {
    /// When its time comes.
    fn at(self) -> Timestamp {
        before(self.end, days(self.days.into()))
    }
}

impl Calendar {
    /// Of a stored token set.
    pub(crate) const fn of(account: &Account) -> Self {
        Self {
            access_end: account.expire_time,
            refresh_end: account.refresh_expire_time,
            renewals: account.renew_count,
            renewed_at: account.renewed_at,
            in_doubt: account.renewal_failed_at.is_some(),
            told: match (account.reauthorize_end, account.reauthorize_told) {
                (Some(end), Some(days)) => Some(Notice { end, days }),
                _ => None,
            },
        }
    }

    /// When the access token is refreshed: three days before its end, or for the last time one day before the refresh
    /// token's. Once the refresh token is over by then, a refresh could only hear that it is dead, and the account would
    /// lose the days that its access token still has; so it is tried when those are over.
    pub(crate) fn refresh_at(&self) -> Timestamp {
        let (usual, last) = (before(self.access_end, REFRESH_BEFORE), before(self.refresh_end, LAST_REFRESH_BEFORE));
        match () {
            () if self.in_doubt => self.access_end,
            () if usual <= last => usual,
            () if self.access_end <= after(last, ACCESS_TOKEN_LIFETIME - LAST_REFRESH_GAIN) => last,
            () => self.access_end,
        }
    }

    /// When the refresh token is renewed; `None` when no renewal is left.
    pub(crate) fn renew_at(&self) -> Option<Timestamp> {
        let usual = before(self.refresh_end, RENEW_BEFORE);
        let earliest = self.renewed_at.map_or(usual, |renewed_at| after(renewed_at, BETWEEN_RENEWALS));
        (self.renewals < MAX_RENEWALS).then(|| usual.max(earliest))
    }

    /// When the keeper should look at it next.
    pub(crate) fn due(&self, app_renews: bool) -> Timestamp {
        let renewal = self.renew_at().filter(|_| app_renews);
        let refresh = self.refresh_at();
        let first = renewal.map_or(refresh, |renewal| renewal.min(refresh));
        self.next_notice(app_renews).map_or(first, |notice| first.min(notice))
    }

    /// Until when it certainly lasts, if the keeper does its work.
    fn end(&self, app_renews: bool) -> Timestamp {
        if self.in_doubt {
            return self.access_end;
        }
        let first = self.next_renewal(app_renews);
        let further = MAX_RENEWALS.saturating_sub(self.renewals).saturating_sub(1);
        let renewed = first.map_or(self.refresh_end, |at| after(at, REFRESH_TOKEN_LIFETIME + RENEWAL_GAIN * further));
        self.access_end.max(renewed)
    }

    /// When the next renewal is made. One that could not be made before the token ends adds nothing.
    fn next_renewal(&self, app_renews: bool) -> Option<Timestamp> {
        self.renew_at().filter(|at| app_renews && *at < before(self.refresh_end, LAST_REFRESH_BEFORE))
    }

    /// When it ends, once neither a refresh nor a renewal can be relied on to put that off any more.
    fn last_end(&self, app_renews: bool) -> Option<Timestamp> {
        let goes_on = self.next_renewal(app_renews).is_some() || self.refresh_at() < self.refresh_end;
        (self.in_doubt || !goes_on).then(|| self.end(app_renews))
    }

    /// When the tenant is told next of its end.
    pub(crate) fn next_notice(&self, app_renews: bool) -> Option<Timestamp> {
        let end = self.last_end(app_renews)?;
        let mut notices = NOTICES.into_iter().map(|days| Notice { end, days });
        notices.find(|notice| !self.was_told(*notice)).map(Notice::at)
    }

    /// What the tenant is to be told of its end at `now`. What was missed meanwhile is not told as well.
    pub(crate) fn notice(&self, app_renews: bool, now: Timestamp) -> Option<Notice> {
        let end = self.last_end(app_renews).filter(|end| *end > now)?;
        let mut notices = NOTICES.into_iter().map(|days| Notice { end, days });
        notices.rfind(|notice| notice.at() <= now).filter(|notice| !self.was_told(*notice))
    }

    fn was_told(&self, notice: Notice) -> bool {
        self.told.is_some_and(|told| told.end == notice.end && told.days <= notice.days)
    }
}

/// The account must be authorised anew by then at the latest: a date the keeper never falls short of. `None` for one that
/// is not ACTIVE. `app_renews`: our app may renew refresh tokens, or nothing else is known.
pub fn reauthorize_by(account: &Account, app_renews: bool) -> Option<Timestamp> {
    (account.status == AccountStatus::Active).then(|| Calendar::of(account).end(app_renews))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    /// A day, counted from 1970.
    fn day(days: i64) -> Timestamp {
        Timestamp::from_second(days * DAY).unwrap()
    }

    /// A token set of day 0.
    fn fresh() -> Calendar {
        Calendar {
            access_end: day(15),
            refresh_end: day(30),
            renewals: 0,
            renewed_at: None,
            in_doubt: false,
            told: None,
        }
    }

    /// Notices, and when each was told.
    type Told = Vec<(Timestamp, Notice)>;

    /// Lives a calendar to its end with a keeper that runs every ten minutes and a platform that states this life of a
    /// renewed token. Answers the ends promised on the way, when each renewal was, when it ended, and what was told of that.
    fn live(mut calendar: Calendar, app_renews: bool, stated: Duration) -> (Vec<Timestamp>, Vec<i64>, Timestamp, Told) {
        // What is true at the platform: it keeps to its 30 days whatever it states.
        let (mut truth, mut promised, mut renewed) = (calendar.refresh_end, Vec::new(), Vec::new());
        let mut told = Vec::new();
        let mut now = Timestamp::UNIX_EPOCH;
        loop {
            promised.push(calendar.end(app_renews));
            let due = calendar.due(app_renews);
            let round = due.as_second().div_euclid(600) + i64::from(due.as_second().rem_euclid(600) > 0);
            now = after(now, Duration::from_secs(600)).max(Timestamp::from_second(round * 600).unwrap());
            if calendar.refresh_at() <= now {
                if now >= truth {
                    return (promised, renewed, calendar.access_end, told);
                }
                calendar.access_end = after(now, days(15));
            }
            if app_renews && calendar.renew_at().is_some_and(|at| at <= now) && now < truth {
                (truth, calendar.refresh_end) = (after(now, days(30)), after(now, stated));
                (calendar.renewals, calendar.renewed_at) = (calendar.renewals + 1, Some(now));
                renewed.push(now.as_second() / DAY);
            }
            if let Some(notice) = calendar.notice(app_renews, now) {
                calendar.told = Some(notice);
                told.push((now, notice));
            }
        }
    }

    #[test]
    fn every_promised_end_is_kept_and_the_last_access_token_is_used_up() {
        for (app_renews, first, end) in [(true, 145, 159), (false, 30, 44)] {
            let (promised, _, ended, told) = live(fresh(), app_renews, days(30));
            assert_eq!(promised.first(), Some(&day(first)));
            assert!(promised.iter().all(|promise| *promise <= ended), "{app_renews}: {promised:?}, ended {ended}");
            assert!(promised.is_sorted(), "no promise is taken back");
            assert_eq!(ended.as_second() / DAY, end, "{app_renews}");
            let days: Vec<u32> = told.iter().map(|(_, notice)| notice.days).collect();
            assert_eq!(days, NOTICES, "{app_renews}: each once");
            for (at, notice) in told {
                let late = at.as_second() - notice.at().as_second();
                assert!(notice.end == ended && (0..=600).contains(&late), "{app_renews}: {notice:?} at {at}");
            }
        }
    }

    #[test]
    fn renewals_that_state_a_short_life_are_twenty_days_apart() {
        for stated in [1, 6, 25].map(days) {
            let (promised, renewed, ended, _) = live(fresh(), true, stated);
            assert!(renewed.windows(2).all(|pair| pair[1] - pair[0] >= 20), "{stated:?}: {renewed:?}");
            assert_eq!(renewed.len(), 5, "{stated:?}: {renewed:?}");
            // Told that it lives a day, nobody could have known better on the first day.
            assert!(
                promised.iter().skip(2).all(|promise| *promise <= ended),
                "{stated:?}: {promised:?}, ended {ended}"
            );
        }
    }

    #[test]
    fn tokens_are_refreshed_three_days_and_renewed_seven_days_before_their_end() {
        assert_eq!((fresh().refresh_at(), fresh().renew_at()), (day(12), Some(day(23))));
        assert_eq!((fresh().due(true), fresh().due(false)), (day(12), day(12)));
        // Twenty days after the last renewal at the soonest, and not at all when all five are spent.
        let renewed = Calendar { renewals: 1, renewed_at: Some(day(10)), ..fresh() };
        assert_eq!(renewed.renew_at(), Some(day(30)));
        assert_eq!(Calendar { renewals: MAX_RENEWALS, ..fresh() }.renew_at(), None);
    }

    #[test]
    fn renewal_that_could_only_be_made_on_the_last_day_is_not_relied_on() {
        let last = |end| Calendar { refresh_end: day(end), renewals: 1, renewed_at: Some(day(0)), ..fresh() }.end(true);
        assert_eq!((last(21), last(22)), (day(21), day(20 + 30 + 3 * 23)));
    }

    #[test]
    fn only_an_active_account_has_a_date() {
        let mut row = serde_json::json!({
            "id": 1, "douyin_user_id": "shop", "user_id": 1001, "status": "ACTIVE", "create_time": 0,
            "expire_time": 15 * DAY, "refresh_expire_time": 30 * DAY,
        });
        let date = |row: &serde_json::Value| {
            reauthorize_by(&serde_json::from_value(row.clone()).expect("a row of t_douyin_auth"), false)
        };
        assert_eq!(date(&row), Some(day(30)));
        for status in ["EXPIRED", "REVOKED"] {
            row["status"] = status.into();
            assert_eq!(date(&row), None, "{status}");
        }
    }

    #[test]
    fn refused_renewal_makes_the_date_that_of_the_access_token() {
        let doubtful = Calendar { in_doubt: true, ..fresh() };
        assert_eq!((doubtful.end(true), doubtful.refresh_at()), (day(15), day(15)));
    }

    #[test]
    fn end_that_is_told_of_late_is_told_of_once_and_another_end_anew() {
        let at = |end, told| Calendar { access_end: day(end), in_doubt: true, told, ..fresh() };
        let notice = |end, days| Some(Notice { end: day(end), days });
        assert_eq!((at(15, None).notice(true, day(7)), at(15, None).due(true)), (None, day(8)));
        assert_eq!(at(15, None).notice(true, day(13)), notice(15, 3), "and not of 7 days as well");
        assert_eq!((at(15, notice(15, 3)).notice(true, day(13)), at(15, notice(15, 3)).due(true)), (None, day(14)));
        assert_eq!(at(16, notice(15, 1)).notice(true, day(9)), notice(16, 7));
        assert_eq!(at(15, None).notice(true, day(15)), None, "it is over");
        // The doubt is over: renewals are ahead, and nobody needs to do anything.
        assert_eq!(Calendar { told: notice(15, 7), ..fresh() }.notice(true, day(13)), None);
    }

    #[test]
    fn access_token_that_outlives_its_refresh_token_is_not_refreshed_before_its_end() {
        let calendar = Calendar { access_end: day(44), renewals: 5, ..fresh() };
        assert_eq!((calendar.refresh_at(), calendar.due(true), calendar.end(true)), (day(44), day(37), day(44)));
        // One more refresh is made shortly before the refresh token ends, if it brings something.
        let calendar = Calendar { access_end: day(39), renewals: 5, ..fresh() };
        assert_eq!(calendar.due(true), day(29));
    }
}
