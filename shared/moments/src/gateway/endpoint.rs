//! The gateway's endpoints this client calls. All are POST with JSON.

use std::fmt;

use kernel::platform_http::Connection;

/// One endpoint of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Whether the device is online, as far as the gateway knows.
    CheckOnline,
    /// Who is logged in.
    GetProfile,
    /// Hands images over, by address.
    UploadSnsImage,
    /// Hands a video over, by address.
    UploadSnsVideo,
    SendTextSns,
    SendImgSns,
    SendVideoSns,
    /// What the account sees: its own posts and those of its friends.
    SnsList,
    /// The posts of one person the account sees, itself included.
    ContactsSnsList,
}

impl Endpoint {
    /// Every endpoint, for tables and tests that must cover them all.
    pub const ALL: [Self; 9] = [
        Self::CheckOnline,
        Self::GetProfile,
        Self::UploadSnsImage,
        Self::UploadSnsVideo,
        Self::SendTextSns,
        Self::SendImgSns,
        Self::SendVideoSns,
        Self::SnsList,
        Self::ContactsSnsList,
    ];

    /// Path below the gateway's `gewe/v2/api`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::CheckOnline => "login/checkOnline",
            Self::GetProfile => "personal/getProfile",
            Self::UploadSnsImage => "sns/uploadSnsImage",
            Self::UploadSnsVideo => "sns/uploadSnsVideo",
            Self::SendTextSns => "sns/sendTextSns",
            Self::SendImgSns => "sns/sendImgSns",
            Self::SendVideoSns => "sns/sendVideoSns",
            Self::SnsList => "sns/snsList",
            Self::ContactsSnsList => "sns/contactsSnsList",
        }
    }

    /// Whether it publishes, which must not be done twice. An upload is seen by nobody.
    pub const fn is_repeatable(self) -> bool {
        !matches!(self, Self::SendTextSns | Self::SendImgSns | Self::SendVideoSns)
    }

    pub(super) const fn is_upload(self) -> bool {
        matches!(self, Self::UploadSnsImage | Self::UploadSnsVideo)
    }

    pub(super) const fn connection(self) -> Connection {
        if self.is_repeatable() { Connection::Kept } else { Connection::Fresh }
    }

    /// The most bytes of an answer that are read. A post is described by 2 to 10 KB of XML, its likes and comments
    /// come on top; whatever is larger must not fill the function.
    pub(super) const fn max_body(self) -> usize {
        match self {
            Self::SnsList | Self::ContactsSnsList => 4 * 1024 * 1024,
            Self::CheckOnline
            | Self::GetProfile
            | Self::UploadSnsImage
            | Self::UploadSnsVideo
            | Self::SendTextSns
            | Self::SendImgSns
            | Self::SendVideoSns => 64 * 1024,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}
