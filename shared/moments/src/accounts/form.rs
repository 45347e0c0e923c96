//! Requests to connect, and what they must look like before a provider is asked: a provider that is shown a wrong secret too
//! often blocks the whole address.

use std::collections::HashSet;

use kernel::FieldProblem;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Result;

/// A company app and those of its members who are to publish.
#[derive(Debug)]
pub struct CorpRequest {
    /// The company.
    pub corp_id: String,
    /// The app.
    pub agent_id: u64,
    /// The app's secret.
    pub secret: SecretString,
    /// The members; all who may deal with customers when absent.
    pub member_ids: Option<Vec<String>>,
}

/// A device of the gateway.
#[derive(Debug)]
pub struct DeviceRequest {
    /// The device.
    pub app_id: String,
    /// The gateway's token, which proves that the device is the caller's to use.
    pub token: SecretString,
    /// What the user wants to see; when absent the name it has here, at first the account's nickname.
    pub account_name: Option<String>,
}

/// Members connected in one request: each is a row of one transaction of at most 100.
const MAX_MEMBERS: usize = 90;
/// Longer than any id or secret of the providers.
const MAX_ID: usize = 256;
/// Characters of a name people still read in a list.
const MAX_NAME: usize = 50;

/// Whether it can be a company app and its members.
pub(super) fn check_corp(request: &CorpRequest) -> Result<()> {
    let mut problems: Vec<_> =
        [id("corpId", &request.corp_id), secret("secret", &request.secret)].into_iter().flatten().collect();
    if let Some(members) = &request.member_ids {
        let mut seen = HashSet::new();
        problems.extend(number_of_members(members.len()));
        for (index, member) in members.iter().enumerate() {
            let path = format!("memberIds[{index}]");
            problems.extend(id(&path, member));
            if !seen.insert(member) {
                problems.push(FieldProblem::new(path, "成员重复，请去掉重复的成员"));
            }
        }
    }
    judged(problems)
}

/// Whether it can be a device of the gateway.
pub(super) fn check_device(request: &DeviceRequest) -> Result<()> {
    let mut problems: Vec<_> =
        [id("appId", &request.app_id), secret("gatewayToken", &request.token)].into_iter().flatten().collect();
    if let Some(name) = request.account_name.as_deref().map(str::trim) {
        let fine = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !fine {
            problems.push(FieldProblem::new("accountName", "账号名称须为 1 到 50 个字；不填则使用微信昵称"));
        }
    }
    judged(problems)
}

/// What is wrong with so many members.
pub(super) fn number_of_members(number: usize) -> Option<FieldProblem> {
    let fine = (1..=MAX_MEMBERS).contains(&number);
    (!fine).then(|| FieldProblem::new("memberIds", "一次请选择 1 到 90 名成员"))
}

fn id(path: &str, text: &str) -> Option<FieldProblem> {
    let fine = (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    (!fine).then(|| FieldProblem::new(path, "内容为空或格式不正确，请完整复制后填写，不要带空格"))
}

fn secret(path: &str, text: &SecretString) -> Option<FieldProblem> {
    id(path, text.expose_secret())
}

fn judged(problems: Vec<FieldProblem>) -> Result<()> {
    if problems.is_empty() { Ok(()) } else { Err(kernel::Error::InvalidRequest(problems).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn paths(outcome: Result<()>) -> Vec<String> {
        match outcome {
            Ok(()) => Vec::new(),
            Err(Error::Kernel(kernel::Error::InvalidRequest(fields))) => {
                fields.into_iter().map(|field| field.path).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_company_is_asked_about_only_with_ids_that_can_be_some() {
        let check = |corp_id: &str, secret: &str, members: Option<&[&str]>| {
            paths(check_corp(&CorpRequest {
                corp_id: corp_id.to_owned(),
                agent_id: 1,
                secret: SecretString::from(secret),
                member_ids: members.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
            }))
        };
        assert!(check("ww1", "s", None).is_empty());
        assert!(check("ww1", "s", Some(&["zhangsan", "Li.Si@x"])).is_empty());
        assert_eq!(check("", " s", None), ["corpId", "secret"]);
        assert_eq!(check("ww1", "s", Some(&[])), ["memberIds"]);
        assert_eq!(check("ww1", "s", Some(&["a"; 91]))[0], "memberIds");
        assert_eq!(check("ww1", "s", Some(&["a", "", "a"])), ["memberIds[1]", "memberIds[2]"]);
    }

    #[test]
    fn a_phone_needs_no_name_but_not_an_empty_one() {
        let check = |app_id: &str, token: &str, name: Option<&str>| {
            let (app_id, account_name) = (app_id.to_owned(), name.map(str::to_owned));
            paths(check_device(&DeviceRequest { app_id, token: SecretString::from(token), account_name }))
        };
        assert!(check("wx_1", "t", None).is_empty());
        assert!(check("wx_1", "t", Some(&"字".repeat(50))).is_empty());
        for name in ["", "  ", "a\u{7}", &"字".repeat(51)] {
            assert_eq!(check("wx_1", "t", Some(name)), ["accountName"], "{name:?}");
        }
        assert_eq!(check("wx 1", "", None), ["appId", "gatewayToken"]);
    }
}
