//! What of this domain is written down in the audit log. A row names accounts, syncs and leads by their ids.

use kernel::audit::Action;

/// An account is authorised, for the first time or again.
pub const ACCOUNT_AUTHORIZED: Action = Action::new("DOUYIN_ACCOUNT_AUTHORIZED");
/// An account of one tenant goes to another one. Both have a row, and neither tells of the other.
pub const ACCOUNT_TAKEN_OVER: Action = Action::new("DOUYIN_ACCOUNT_TAKEN_OVER");
/// An account is forgotten.
pub const ACCOUNT_DELETED: Action = Action::new("DOUYIN_ACCOUNT_DELETED");
/// An account's data are deleted, and the account with them if it still is one.
pub const ACCOUNT_DATA_DELETED: Action = Action::new("DOUYIN_ACCOUNT_DATA_DELETED");
/// A sync is called off.
pub const SYNC_CANCELLED: Action = Action::new("FAN_SYNC_CANCELLED");
/// Leads are changed by one request: a row for each transaction of it.
pub const LEADS_CHANGED: Action = Action::new("LEADS_CHANGED");
/// The unified lead module has written its own id on a lead.
pub const LEAD_LINKED: Action = Action::new("LEAD_LINKED");
/// A lead's person is erased. What was merged into the lead goes with it.
pub const LEAD_ERASED: Action = Action::new("LEAD_ERASED");
/// Leads that nobody has worked for long are deleted: a row for each transaction of it.
pub const LEADS_EXPIRED: Action = Action::new("LEADS_EXPIRED");
/// Leads leave as a file.
pub const LEADS_EXPORTED: Action = Action::new("LEADS_EXPORTED");

/// All of them.
pub const ACTIONS: &[Action] = &[
    ACCOUNT_AUTHORIZED,
    ACCOUNT_TAKEN_OVER,
    ACCOUNT_DELETED,
    ACCOUNT_DATA_DELETED,
    SYNC_CANCELLED,
    LEADS_CHANGED,
    LEAD_LINKED,
    LEAD_ERASED,
    LEADS_EXPIRED,
    LEADS_EXPORTED,
];
