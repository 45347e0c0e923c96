use super::FailureKind as Kind;
use super::*;

/// Words that mean the same wherever they are met: everything that is documented or was seen.
const EVERYWHERE: &[(Kind, &[&str])] = &[
    (Kind::AccountOffline, &["微信已离线", " 微信已离线\n"]),
    (Kind::DeviceUnknown, &["[appId]设备不存在", "[wx_app-1]设备不存在", "设备不存在"]),
    (Kind::BadCredentials, &["HTTP HEADER: X-GEWE-TOKEN=0f343b09 不可用或已过期"]),
    (Kind::RateLimited { window: RateWindow::Hour }, &["操作过于频繁，请稍后再试"]),
    (Kind::InvalidContent, &["imgUrls不可为空", "content不可为空", "imgInfos不可为空"]),
    (
        Kind::NewDeviceCooldown,
        &["新设备登录1-3天内无法使用朋友圈", "在新设备登录后的1-3天内，您将无法使用朋友圈发布、点赞、评论等功能。"],
    ),
];

/// Words that say no more than that it failed: among them what is of other calls, and what people may have written.
const UNREAD: &[&str] = &[
    "",
    "失败",
    "发送朋友圈失败",
    "朋友圈详情失败",
    "微信已登录，请勿重复登录。",
    "exceeded maximum retries",
    "java.net.SocketTimeoutException: Read timed out",
    "内容违规：微信已离线 新设备",
    "内容：设备不存在。",
    "设备不存在 不可用或已过期？",
    "授权不可用或已过期",
];

#[test]
fn gateway_error_text_means_the_same_on_every_endpoint() {
    for (kind, all) in EVERYWHERE {
        for words in *all {
            for endpoint in Endpoint::ALL {
                assert_eq!(classify(endpoint, words), *kind, "{words} on {endpoint}");
            }
        }
    }
}

#[test]
fn gateway_error_text_that_is_unknown_proves_nothing_on_a_send() {
    for words in UNREAD {
        for endpoint in Endpoint::ALL {
            let kind = match endpoint {
                Endpoint::UploadSnsImage | Endpoint::UploadSnsVideo => Kind::MediaFetchFailed,
                Endpoint::SendTextSns | Endpoint::SendImgSns | Endpoint::SendVideoSns => Kind::OutcomeUnknown,
                Endpoint::CheckOnline | Endpoint::GetProfile | Endpoint::SnsList | Endpoint::ContactsSnsList => {
                    Kind::Unknown
                }
            };
            assert_eq!(classify(endpoint, words), kind, "{words} on {endpoint}");
        }
    }
}

#[test]
fn gateway_error_text_is_read_from_message_and_data() {
    for (msg, data_msg, kind) in [
        ("发送朋友圈失败", Some("微信已离线"), Kind::AccountOffline),
        ("微信已离线", None, Kind::AccountOffline),
        ("微信已离线", Some("发送失败"), Kind::AccountOffline),
        ("imgUrls不可为空", Some("微信已离线"), Kind::AccountOffline),
        ("失败", Some("失败"), Kind::OutcomeUnknown),
        ("失败", None, Kind::OutcomeUnknown),
    ] {
        let error = refused(Endpoint::SendTextSns, 500, msg, data_msg);
        assert_eq!((error.kind, error.code), (kind, Some(500)), "{msg} {data_msg:?}");
    }
}
