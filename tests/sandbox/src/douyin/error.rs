//! What can be wrong with a call, and the number each of the platform's three error families has for it.

/// Which list of numbers an answer draws from; it follows the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    OAuth,
    Legacy,
    V1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    TokenInvalid,
    TokenExpired,
    NotGranted,
    NoCapability,
    IdMismatch,
    MissingParameter,
    BadParameter,
    /// The platform answers "system busy" to a value of the wrong type, which looks retryable and is not.
    BadType,
    QuotaUsed,
    TooFast,
}

impl Problem {
    pub(crate) const fn code(self, family: Family) -> i64 {
        match (self, family) {
            (Self::TokenInvalid | Self::TokenExpired, Family::OAuth) => 10_008,
            (Self::TokenInvalid, Family::Legacy) => 2_190_002,
            (Self::TokenInvalid, Family::V1) => 28_001_003,
            (Self::TokenExpired, Family::Legacy) => 2_190_008,
            (Self::TokenExpired, Family::V1) => 28_001_008,
            (Self::NotGranted, Family::OAuth | Family::Legacy) => 2_190_003,
            (Self::NotGranted, Family::V1) => 28_001_012,
            (Self::NoCapability, Family::OAuth) => 10_004,
            (Self::NoCapability, Family::Legacy) => 2_190_004,
            (Self::NoCapability, Family::V1) => 28_001_018,
            (Self::IdMismatch, Family::OAuth | Family::Legacy) => 2_190_015,
            (Self::IdMismatch, Family::V1) => 28_001_015,
            (Self::MissingParameter, Family::OAuth) => 10_005,
            (Self::BadParameter | Self::BadType, Family::OAuth) => 10_002,
            (Self::BadType, Family::Legacy) => 2_100_004,
            (Self::MissingParameter | Self::BadParameter, Family::Legacy) => 2_100_005,
            (Self::MissingParameter | Self::BadParameter | Self::BadType, Family::V1) => 28_001_007,
            (Self::QuotaUsed, Family::OAuth | Family::Legacy) => 2_190_001,
            (Self::QuotaUsed, Family::V1) => 28_003_017,
            (Self::TooFast, _) => 28_003_018,
        }
    }
}

/// The texts the platform shows beside its numbers; clients must branch on the number alone.
pub(crate) const fn description(code: i64) -> &'static str {
    match code {
        0 => "",
        10_002 => "参数错误",
        10_003 => "client_key错误",
        10_004 => "应用权限不足,请申请对应的scope权限",
        10_005 => "缺少参数",
        10_006 => "非法重定向URI, 需要与APP配置中的\"授权回调域\"一致",
        10_007 => "授权码过期",
        10_008 => "access_token无效",
        10_010 => "refresh_token无效",
        10_012 => "应用审核中",
        10_013 => "client_key或者client_secret报错",
        10_014 => "授权的client_key与获取access_token的client_key不一致",
        10_015 => "应用类型错误",
        10_020 => "刷新次数超过限制",
        2_100_001 => "未知错误",
        2_100_004 => "系统繁忙，此时请开发者稍候再试",
        2_100_005 => "参数不合法",
        2_100_007 => "无权限操作",
        2_100_009 => "用户被禁封使用该操作",
        2_190_001 | 28_003_017 => "quota已用完",
        2_190_002 => "access_token无效",
        2_190_003 => "用户未授权该api",
        2_190_004 => "应用未获得该能力",
        2_190_008 => "access_token过期,请刷新或重新授权",
        2_190_015 => "请求参数access_token openid不匹配",
        2_190_016 => "当前应用已被封禁或下线",
        28_001_003 => "access_token无效",
        28_001_005 => "系统内部错误，请重试",
        28_001_006 => "网络调用错误，请重试",
        28_001_007 => "参数不合法",
        28_001_008 => "access_token过期,请刷新或重新授权",
        28_001_012 => "用户未授权该api，请重新授权",
        28_001_014 | 28_001_018 => "应用未获得该能力",
        28_001_015 => "access_token与open_id不匹配",
        28_001_016 => "当前应用已被封禁或下线",
        28_001_017 => "uri不存在",
        28_001_019 => "该能力已被封禁或下线",
        28_001_045 => "用户已注销",
        28_001_046 => "用户已被封禁",
        28_001_047 => "用户为私密账号",
        28_001_052 => "触发风控，请降低调用频率",
        28_001_056 => "接口已下线",
        28_003_018 => "请求频率过高",
        28_004_020 => "当前授权场景不支持该scope",
        _ => "未知错误码",
    }
}
