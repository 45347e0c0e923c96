//! The control API, as a script with curl uses it.

use super::*;
use crate::wecom::WecomEndpoint as E;

impl Scenario {
    async fn steer(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/_sandbox{path}", self.sandbox.url());
        let response = self.http.request(method.parse().unwrap(), url).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

#[tokio::test]
async fn wecom_control_connects_a_corp_and_confirms_a_moment() {
    let scene = Scenario::start().await;
    let none = json!(null);
    let (_, corps) = scene.steer("GET", "/wecom/corps", &none).await;
    let (id, secret) = (text(&corps, "/0/corpId"), text(&corps, "/0/apps/0/secret"));
    assert_eq!(code(&scene.get_token(&[("corpid", id), ("corpsecret", secret)]).await), 0);
    let moment_id = scene.dispatched("a").await;
    let confirm = format!("/wecom/moments/{moment_id}/confirm");
    let (status, moment) = scene.steer("POST", &confirm, &json!({"userid": "lisi"})).await;
    assert!(
        status == 200 && moment["members"]["lisi"].is_string() && moment["members"]["zhangsan"].is_null(),
        "{moment}"
    );
    let (status, refused) = scene.steer("POST", &confirm, &json!({"userid": "lisi"})).await;
    assert_eq!((status, text(&refused, "/error")), (409, "this member has published it already"));
    assert_eq!(scene.steer("POST", &confirm, &json!({})).await.0, 200, "everybody else");
    assert_eq!(scene.steer("POST", "/wecom/moments/mom0/confirm", &json!({})).await.0, 404);
    let (_, publications) = scene.steer("GET", "/publications", &none).await;
    let accounts: Vec<&str> = publications.as_array().unwrap().iter().map(|one| text(one, "/account")).collect();
    assert_eq!(accounts, ["corp-1", "corp-1/lisi", "corp-1/zhangsan"]);
    let (_, moments) = scene.steer("GET", "/wecom/moments", &none).await;
    assert_eq!(moments.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn wecom_control_changes_corps_members_tokens_faults_and_settings() {
    let scene = Scenario::start().await;
    let none = json!(null);
    let corp = json!({"name": "mine", "apps": [{"agentId": 7}], "members": [{"userid": "ann", "name": "安娜"}]});
    let (_, added) = scene.steer("POST", "/wecom/corps", &corp).await;
    assert_eq!(text(&added, "/apps/0/secret").len(), 43);
    let member = json!({"userid": "bob", "name": "鲍勃", "hasContacts": false});
    assert_eq!(
        scene.steer("POST", "/wecom/corps/mine/members", &member).await.1["members"].as_array().unwrap().len(),
        2
    );
    assert_eq!(scene.steer("POST", "/wecom/corps/nobody/members", &member).await.0, 404);
    scene.steer("POST", "/wecom/corps/corp-1/tokens/void", &none).await;
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 40_014);
    let scene = Scenario { token: text(&scene.log_in().await, "/access_token").to_owned(), ..scene };
    scene.steer("POST", "/wecom/corps/corp-1/app", &json!({"contactsPermitted": false})).await;
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 48_002);
    scene.steer("POST", "/wecom/corps/corp-1/tokens/expire", &none).await;
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 42_001);

    let fault = json!({"endpoint": "gettoken", "effect": {"kind": "code", "code": 45_009}, "times": null});
    let (_, armed) = scene.steer("POST", "/wecom/faults", &fault).await;
    assert_eq!(code(&scene.log_in().await), 45_009);
    assert_eq!(scene.steer("DELETE", &format!("/wecom/faults/{}", armed["id"]), &none).await.0, 200);
    assert_eq!(code(&scene.log_in().await), 0);
    let unknown = json!({"endpoint": "nonsense", "effect": {"kind": "drop"}});
    assert_eq!(scene.steer("POST", "/wecom/faults", &unknown).await.0, 400);

    let (_, mut settings) = scene.steer("GET", "/wecom/settings", &none).await;
    settings["untrustedIp"] = json!(true);
    assert_eq!(scene.steer("PUT", "/wecom/settings", &settings).await.0, 200);
    let scene = Scenario { token: text(&scene.log_in().await, "/access_token").to_owned(), ..scene };
    assert_eq!(code(&scene.get(E::UserGet, &[("userid", "lisi")]).await), 60_020);
    let (_, secrets) = scene.steer("GET", "/secrets", &none).await;
    assert!(secrets["tokens"].as_array().unwrap().contains(&json!(scene.token)));
    assert!(secrets["keys"].as_array().unwrap().contains(&added["apps"][0]["secret"]));
}
