//! The texts of events about leads.

use super::{LOOK, NOTHING_TO_DO, Text, labelled};
use crate::body::data::Data;

/// Fields of a lead by their names in the contract, and as people call them.
const FIELDS: [(&str, &str); 5] =
    [("nickname", "昵称"), ("avatarUrl", "头像"), ("notes", "备注"), ("ownerId", "跟进人"), ("sources", "来源")];

/// The text of an event about leads; nothing for a type that is not known.
pub(super) fn text(name: &str, data: &Data<'_>) -> Option<Text> {
    let lead = lead(data, "leadId");
    Some(match name {
        "lead.created" => {
            let leads = data.length("leadIds").map(|leads| format!(" {leads} 条")).unwrap_or_default();
            Text::new(format!("新增{leads}线索"), [labelled("线索", data.numbers("leadIds"))], "请及时跟进")
        }
        "lead.updated" => {
            Text::new(format!("{lead}有更新"), [labelled("更新内容", changed_fields(data))], NOTHING_TO_DO)
        }
        "lead.status_changed" => {
            let change = match (status(data, "from"), status(data, "to")) {
                (Some(from), Some(to)) => Some(format!("由“{from}”变为“{to}”")),
                (_, to) => to.map(|to| format!("变为“{to}”")),
            };
            Text::new(format!("{lead}的状态有变化"), [change], NOTHING_TO_DO)
        }
        "lead.merged" => {
            let todo = data.id("leadId").map_or_else(|| LOOK.to_owned(), |id| format!("请在线索 {id} 上继续跟进"));
            Text::new("两条线索已合并为一条", [labelled("已并入的线索", data.id("mergedLeadId"))], todo)
        }
        "lead.erased" => {
            Text::new(format!("{lead}及其个人信息已按要求删除"), [], "请同时删除您在其他地方保存的该线索信息")
        }
        _ => return None,
    })
}

/// The lead as the subject of a sentence.
fn lead(data: &Data<'_>, field: &str) -> String {
    data.id(field).map_or_else(|| "一条线索".to_owned(), |id| format!("线索 {id} "))
}

/// As the contract explains its words; a word that is not known is shown as it is.
fn status(data: &Data<'_>, field: &str) -> Option<String> {
    let word = data.id(field)?;
    Some(match word.as_str() {
        "NEW" => "未联系".to_owned(),
        "CONTACTED" => "已联系".to_owned(),
        "CONVERTED" => "已成交".to_owned(),
        _ => word,
    })
}

/// The fields that have changed, of which those that are not known are left out.
fn changed_fields(data: &Data<'_>) -> Option<String> {
    let has_changed = |field: &str| data.words("changed").any(|name| name == field);
    let shown: Vec<&str> = FIELDS.iter().filter(|(field, _)| has_changed(field)).map(|(_, shown)| *shown).collect();
    (!shown.is_empty()).then(|| shown.join("、"))
}
