//! The platform's endpoints this client calls.

use std::fmt;

use kernel::platform_http::Connection;

/// One endpoint of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Trades the application's secret for an access token.
    GetToken,
    /// Uploads an image or a video for moments.
    UploadAttachment,
    /// Asks members to publish a moment: the one call that cannot be repeated.
    AddMomentTask,
    /// What became of the job that [`AddMomentTask`](Self::AddMomentTask) started.
    GetMomentTaskResult,
    GetMomentList,
    /// Which members published a moment.
    GetMomentTask,
    /// Stops the members who did not publish yet.
    CancelMomentTask,
    /// The members with the right to customer contact.
    GetFollowUserList,
    UserGet,
}

impl Endpoint {
    /// Every endpoint, for tables and tests that must cover them all.
    pub const ALL: [Self; 9] = [
        Self::GetToken,
        Self::UploadAttachment,
        Self::AddMomentTask,
        Self::GetMomentTaskResult,
        Self::GetMomentList,
        Self::GetMomentTask,
        Self::CancelMomentTask,
        Self::GetFollowUserList,
        Self::UserGet,
    ];

    /// Path below the platform's `cgi-bin`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::GetToken => "gettoken",
            Self::UploadAttachment => "media/upload_attachment",
            Self::AddMomentTask => "externalcontact/add_moment_task",
            Self::GetMomentTaskResult => "externalcontact/get_moment_task_result",
            Self::GetMomentList => "externalcontact/get_moment_list",
            Self::GetMomentTask => "externalcontact/get_moment_task",
            Self::CancelMomentTask => "externalcontact/cancel_moment_task",
            Self::GetFollowUserList => "externalcontact/get_follow_user_list",
            Self::UserGet => "user/get",
        }
    }

    /// Whether doing it twice is as good as once. A second moment task is a second moment; a second upload is a
    /// media id nobody uses; a cancelled moment stays cancelled.
    pub const fn is_repeatable(self) -> bool {
        !matches!(self, Self::AddMomentTask)
    }

    pub(super) const fn connection(self) -> Connection {
        if self.is_repeatable() { Connection::Kept } else { Connection::Fresh }
    }

    /// The most bytes of an answer that are read. Twenty moments of 4,000 bytes, a thousand members of 64 and a
    /// company's 100,000 followers are the longest real answers; whatever is larger must not fill the function.
    pub(super) const fn max_body(self) -> usize {
        match self {
            Self::GetFollowUserList => 8 * 1024 * 1024,
            Self::GetMomentTaskResult | Self::GetMomentList | Self::GetMomentTask => 1024 * 1024,
            Self::GetToken | Self::UploadAttachment | Self::AddMomentTask | Self::CancelMomentTask | Self::UserGet => {
                64 * 1024
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}
