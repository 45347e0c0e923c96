//! What a user hands over to connect an account, checked before a provider is asked: wrong credentials count against the
//! address they come from.

use std::collections::HashSet;

use kernel::FieldProblem;
use kernel::error::{Error, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::rules::is_blank;

/// Members connected in one request: each is a row of one transaction of at most 100.
pub const MAX_MEMBERS: usize = 90;
/// Characters of a company's or a device's id: several times those there are.
pub const MAX_ID: usize = 64;
/// Characters of a secret or token, likewise.
pub const MAX_SECRET: usize = 256;
/// Characters of a name a user gives.
pub const MAX_NAME: usize = 64;

/// A company app and those of its members who are to publish.
#[derive(Debug)]
pub struct CorpRequest {
    pub corp_id: String,
    pub agent_id: u64,
    pub secret: SecretString,
    /// The members; all who may deal with customers when absent.
    pub member_ids: Option<Vec<String>>,
    /// The address of the company's proxy; empty for none, absent for the one that it has.
    pub proxy: Option<SecretString>,
}

/// A device of the gateway.
#[derive(Debug)]
pub struct DeviceRequest {
    pub app_id: String,
    /// The gateway's token, which proves that the device is the caller's to use.
    pub token: SecretString,
    /// What the user wants to see; the account's nickname when absent or blank.
    pub account_name: Option<String>,
}

impl CorpRequest {
    pub(super) fn check(&self) -> Result<()> {
        let problems = [printable_ascii_problem("corpId", &self.corp_id, MAX_ID), secret_problem(&self.secret)];
        refuse(problems.into_iter().flatten().collect())?;
        self.member_ids.as_deref().map_or(Ok(()), member_choice)
    }
}

impl DeviceRequest {
    pub(super) fn check(&self) -> Result<()> {
        let problems = [
            printable_ascii_problem("appId", &self.app_id, MAX_ID),
            printable_ascii_problem("gatewayToken", self.token.expose_secret(), MAX_SECRET),
            self.given_name().and_then(name_problem),
        ];
        refuse(problems.into_iter().flatten().collect())
    }

    /// The name the user gives the account, if any.
    pub(super) fn given_name(&self) -> Option<&str> {
        self.account_name.as_deref().filter(|name| !is_blank(name))
    }
}

/// What is wrong with an app's secret, if anything.
pub(super) fn secret_problem(secret: &SecretString) -> Option<FieldProblem> {
    printable_ascii_problem("secret", secret.expose_secret(), MAX_SECRET)
}

/// Refuses a choice of members that is none, or too large, or has one twice, in whatever case of letters.
pub(super) fn member_choice(ids: &[String]) -> Result<()> {
    if ids.is_empty() || ids.len() > MAX_MEMBERS {
        return Err(Error::invalid("memberIds", format!("一次请选择 1 到 {MAX_MEMBERS} 名成员")));
    }
    let mut seen = HashSet::new();
    let repeated = ids.iter().enumerate().filter(|(_, id)| !seen.insert(id.to_ascii_lowercase()));
    refuse(
        repeated
            .map(|(index, _)| FieldProblem::new(format!("memberIds[{index}]"), "成员重复，请去掉重复的成员"))
            .collect(),
    )
}

/// What is copied from a console often brings a blank or a line break along.
fn printable_ascii_problem(path: &str, text: &str, most: usize) -> Option<FieldProblem> {
    let fine = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let problem = || format!("须为 1 到 {most} 个可见的英文字符，请检查是否多复制了空格或换行");
    (!fine).then(|| FieldProblem::new(path, problem()))
}

fn name_problem(name: &str) -> Option<FieldProblem> {
    let problem = if name.chars().count() > MAX_NAME {
        format!("账号名称过长，最多 {MAX_NAME} 个字，请缩短")
    } else if name.chars().any(char::is_control) {
        "含有不可见的控制字符，请删除后再提交".to_owned()
    } else {
        return None;
    };
    Some(FieldProblem::new("accountName", problem))
}

fn refuse(problems: Vec<FieldProblem>) -> Result<()> {
    if problems.is_empty() { Ok(()) } else { Err(Error::InvalidRequest(problems)) }
}
