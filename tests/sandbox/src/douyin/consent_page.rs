//! The consent page as a person sees it.

use super::consent::Asked;
use super::error::description;
use super::request::Incoming;
use super::world::World;

/// A sandbox may hold a hundred thousand accounts; nobody scrolls through them.
const SHOWN_ACCOUNTS: usize = 50;

/// What the app asked, carried through the form so that the answer can be checked against it.
const ASKED: [&str; 6] = ["client_key", "response_type", "scope", "optionalScope", "redirect_uri", "state"];

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:30rem;margin:3rem auto;padding:0 1rem;color:#161823}\
    h1{font-size:1.3rem}fieldset{border:1px solid #ddd;border-radius:.5rem;margin:0 0 1rem}label{display:block;padding:.2rem 0}\
    small{color:#767676}button{font:inherit;padding:.5rem 2rem;border-radius:.5rem;border:1px solid #bbb;background:#fff}\
    button[value=approve]{background:#fe2c55;border-color:#fe2c55;color:#fff}";

pub(super) fn page(world: &World, asked: &Asked, request: &Incoming) -> String {
    let mut hidden = String::new();
    for name in ASKED {
        if let Some(value) = request.in_query(name) {
            hidden.push_str(&format!(r#"<input type="hidden" name="{name}" value="{}">"#, escaped(value)));
        }
    }
    let mut accounts: Vec<_> = world.accounts.values().collect();
    accounts.sort_by_key(|account| account.fans.len());
    let choices: String = accounts
        .iter()
        .take(SHOWN_ACCOUNTS)
        .enumerate()
        .map(|(place, account)| {
            format!(
                r#"<label><input type="radio" name="account" value="{name}"{checked}> {nickname} <small>{name} · {fans} 位粉丝</small></label>"#,
                name = escaped(&account.name),
                nickname = escaped(&account.nickname),
                fans = account.fans.len(),
                checked = if place == 0 { " checked" } else { "" },
            )
        })
        .collect();
    let required: String = asked
        .required
        .iter()
        .map(|scope| format!(r#"<label><input type="checkbox" checked disabled> {}</label>"#, labelled(scope)))
        .collect();
    let optional: String = asked
        .optional
        .iter()
        .map(|(scope, ticked)| {
            format!(
                r#"<label><input type="checkbox" name="tick" value="{}"{}> {}（可选）</label>"#,
                escaped(scope),
                if *ticked { " checked" } else { "" },
                labelled(scope)
            )
        })
        .collect();
    document(
        "抖音授权（沙箱）",
        &format!(
            r#"<p>应用申请以下权限，请选择账号并确认。这是本机的模拟页面，不会访问真实的抖音。</p>
<form method="get">{hidden}<input type="hidden" name="form" value="1">
<fieldset><legend>账号</legend>{choices}</fieldset>
<fieldset><legend>权限</legend>{required}{optional}</fieldset>
<button name="decision" value="approve">同意</button> <button name="decision" value="deny">拒绝</button></form>"#
        ),
    )
}

pub(super) fn refusal(code: i64) -> String {
    let text = format!("<p>{}</p><p><small>错误码 {code}</small></p>", escaped(description(code)));
    document("无法授权（沙箱）", &text)
}

fn document(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{content}</body></html>"
    )
}

fn labelled(scope: &str) -> String {
    let meaning = match scope {
        "user_info" => "获取你的公开信息（昵称、头像）",
        "fans.list" => "获取你的粉丝列表",
        "fans.check" => "查询某用户是否关注你",
        "following.list" => "获取你的关注列表",
        _ => "其他权限",
    };
    format!("{meaning} <small>{}</small>", escaped(scope))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
