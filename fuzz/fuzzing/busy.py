"""Operations that have no other 409, or no other that can be had: their rows are wanted by others for as long as they try."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

from . import douyin, moments


def play(api, world):
    """Asks each while all that its function writes meets somebody else's, which lasts some ten seconds; all at once."""
    asked = requests(api, world)
    for name in asked:
        api.stack.hold(name, True)
    try:
        with ThreadPoolExecutor(len(asked)) as threads:
            list(threads.map(lambda name: api.expect(409, name, **asked[name]), asked))
    finally:
        for name in asked:
            api.stack.hold(name, False)


def requests(api, world):
    page = f"{api.stack.api}/done"
    api.stack.steer("POST", "douyin/accounts", {"name": api.own("busy"), "fans": 1})
    parked = douyin.Browser(api, page=page)
    handed = parked.return_with(parked.decide(api.own("busy")), cookie=False)
    ticket = parse_qs(urlsplit(handed.headers["location"][0]).fragment)["ticket"][0]
    coming = douyin.Browser(api)
    open_id = {"douyinUserId": world.douyin[0]}
    revoked = douyin.revoked(api, "revoked")
    phone = world.phones[1]
    notice = {"TypeName": "Offline", "Appid": phone.app_id, "Wxid": "wxid_fuzz"}
    address = api.stack.steer("GET", "gewe/account")["callback"].rsplit("/", 1)[1]
    lead = api.expect(200, "douyin-leads", query={"size": 1})["records"][0]["leadId"]
    webhook = {"webhookId": api.expect(200, "webhooks")[-1]["webhookId"]}
    return {
        "douyin-auth-url": {},
        "douyin-auth-callback": {"query": coming.decide(api.own("busy")), "headers": {"Cookie": coming.cookie}, "user": None},
        "douyin-auth-confirm": {"body": {"ticket": ticket}},
        "douyin-account-delete": {"path": open_id},
        "douyin-data-delete": {"path": open_id},
        "douyin-webhook": {"body": revoked, "headers": {"X-Douyin-Signature": douyin.signed(api, revoked)}, "user": None},
        "douyin-fans-sync": {"body": open_id},
        "gateway-webhook": {"path": {"secret": address}, "body": notice, "user": None},
        "wechat-account-disconnect": {"path": {"accountId": phone.account}},
        "wechat-corp-update": {"path": {"corpKey": world.company.key}, "body": {"secret": world.company.secret}},
        "moment-sync": {"body": moments.post("谁先到", phone.account)},
        "douyin-lead": {"path": {"leadId": 999_999_999}},
        "douyin-lead-notes": {"path": {"leadId": 999_999_999}},
        "douyin-lead-erase": {"path": {"leadId": lead}},
        "douyin-lead-note-add": {"path": {"leadId": lead}, "body": {"text": "谁先到"}},
        "douyin-lead-link": {"path": {"leadId": lead}, "body": {"unifiedLeadId": 812_346}},
        "webhook-update": {"path": webhook, "body": {"types": ["lead.erased"]}},
        "webhook-delete": {"path": webhook},
    }
