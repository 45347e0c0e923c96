//! IAM, enforced: a request of a function is carried out only if the policies of its role in the template allow it.
//!
//! The emulator carries out whatever it is asked for, so a right that is missing in the template would show on AWS only.
//! A function is known by its access key id, `<account>.<bin>`; anybody else (a test's own look into the account, the
//! deployment) has a key id without a bin and may do everything.
//!
//! Policies are evaluated as the reference "IAM JSON policy evaluation logic" of the AWS documentation says for
//! identity policies alone: denied unless a statement allows the action on the resource under its conditions. A
//! transaction needs the right of each of its parts, a batch that of each of its tables ("DynamoDB transactions", "IAM and
//! transactions" of the DynamoDB developer guide).

mod access;
mod enforce;
mod policy;
mod resolve;

pub use access::Access;
pub use enforce::{Decision, Enforcer};
pub use policy::Statement;

/// The access key id by which a function is known in an account.
#[must_use]
pub fn key_of(account: &str, bin: &str) -> String {
    format!("{account}.{bin}")
}

/// The account of an access key id, and the function if it is one's.
#[must_use]
pub fn parts_of(access_key_id: &str) -> (&str, Option<&str>) {
    match access_key_id.split_once('.') {
        Some((account, bin)) => (account, Some(bin)),
        None => (access_key_id, None),
    }
}
