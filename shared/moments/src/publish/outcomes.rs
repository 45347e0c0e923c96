//! What became of posts, in numbers.

use kernel::metrics::{self, Metric};

use crate::error::{PublishProblem, UNCONFIRMED};
use crate::store::result::AccountState;

/// Tells what a step has ended of one post, once that is written.
pub(super) fn tell(states: &[&AccountState]) {
    for metric in ends(states) {
        metrics::put(metric, 1);
    }
}

/// Each kind of end once, however many accounts have come to it: a company with a hundred members weighs as much as a
/// phone. That a member did not confirm, or is not asked by WeCom, is no failure that anybody could see to.
fn ends(states: &[&AccountState]) -> Vec<Metric> {
    let failed = |problem: PublishProblem| AccountState::failed(problem.advice());
    let of_members = [PublishProblem::NotConfirmedByMember, PublishProblem::MemberNotAsked].map(failed);
    let missed = failed(PublishProblem::Missed);
    let is_unconfirmed =
        |state: &AccountState| matches!(state, AccountState::Failed { code, .. } if *code == UNCONFIRMED);
    let is_failed = |state: &AccountState| {
        matches!(state, AccountState::Failed { .. }) && !is_unconfirmed(state) && !of_members.contains(state)
    };
    let any = |is: &dyn Fn(&AccountState) -> bool| states.iter().any(|state| is(state));
    let all = [
        (Metric::PostsPublished, any(&|state| matches!(state, AccountState::Success { .. }))),
        (Metric::PostsUnconfirmed, any(&is_unconfirmed)),
        (Metric::PostsFailed, any(&is_failed)),
        (Metric::PostsMissed, any(&|state| *state == missed)),
    ];
    all.into_iter().filter(|(_, has)| *has).map(|(metric, _)| metric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_of_many_members_counts_once_for_each_kind_of_end_and_not_for_who_did_not_confirm() {
        let failed = |problem: PublishProblem| AccountState::failed(problem.advice());
        let late = failed(PublishProblem::NotConfirmedByMember);
        let not_asked = failed(PublishProblem::MemberNotAsked);
        let missed = failed(PublishProblem::Missed);
        let unusable = failed(PublishProblem::MediaUnusable);
        assert_eq!(ends(&[&late, &not_asked, &late]), []);
        assert_eq!(ends(&[&unusable, &unusable, &late]), [Metric::PostsFailed]);
        assert_eq!(ends(&[&missed, &missed]), [Metric::PostsFailed, Metric::PostsMissed]);
    }
}
