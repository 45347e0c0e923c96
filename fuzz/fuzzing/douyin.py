"""The Douyin side: accounts that are authorised, and every status that needs a state of its own."""

import hashlib
import json
from urllib.parse import parse_qs, urlsplit

from .api import OWNER, STRANGER
from .stack import until

WEBHOOK = "/api/v1/lead/douyin/webhook"


class Browser:
    """A person's way to Douyin's consent page and back."""

    def __init__(self, api, user=OWNER, page=None):
        self.api, self.user = api, user
        query = {"redirectUrl": page} if page else {}
        answer = api.ask("douyin-auth-url", query=query, user=user)
        self.consent = answer.json()["data"]["authUrl"]
        self.cookie = answer.headers["set-cookie"][0].split(";")[0]

    def decide(self, account, decision="approve"):
        """What Douyin sends the person back with."""
        answer = self.api.stack.http.get(
            self.consent, params={"account": account, "decision": decision}, allow_redirects=False
        )
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def return_with(self, query, cookie=True):
        headers = {"Cookie": self.cookie} if cookie else {}
        return self.api.ask("douyin-auth-callback", query=query, headers=headers, user=None)


def account(api, name, fans, user=OWNER):
    """A new account at Douyin, authorised; its open id."""
    api.stack.steer("POST", "douyin/accounts", {"name": name, "fans": fans})
    return authorise(api, name, user)


def authorise(api, name, user=OWNER):
    browser = Browser(api, user)
    answer = browser.return_with(browser.decide(name))
    if answer.status_code != 200:
        raise SystemExit(f"{name} was not authorised: {answer.text}")
    return answer.json()["data"]["douyinUserId"]


def synced(api, open_id, user=OWNER):
    """Waits until no sync of the account runs."""

    def look():
        # The list may be two seconds behind.
        accounts = api.expect(200, "douyin-accounts", user=user)
        found = next((it for it in accounts if it["douyinUserId"] == open_id), None)
        return found if found and found["lastSyncAt"] and not found["activeSyncTaskId"] else None

    return until(f"the sync of {open_id}", look)


def sync(api, open_id, key=None, strategy="INCREMENTAL", user=OWNER):
    headers = {"Idempotency-Key": key} if key else {}
    body = {"douyinUserId": open_id, "syncStrategy": strategy}
    return api.ask("douyin-fans-sync", body=body, headers=headers, user=user)


def play(api):
    """Every status of the Douyin operations that needs a state."""
    authorisation(api)
    syncs(api)
    leads(api)
    webhook(api)
    endings(api)


def authorisation(api):
    page = f"{api.stack.api}/done"
    api.expect(400, "douyin-auth-url", query={"redirectUrl": "https://elsewhere.example/done"})
    api.stack.steer("POST", "douyin/accounts", {"name": api.own("page"), "fans": 1})
    browser = Browser(api, page=page)
    back = browser.decide(api.own("page"))
    answer = browser.return_with(back)
    assert answer.status_code == 302, answer.text
    api.expect(400, "douyin-auth-callback", query={"code": "c", "state": "invented"}, user=None)

    # Without its cookie a browser is handed a ticket, for the one who asked for the link.
    for user, status in ((STRANGER, 403), (OWNER, 200)):
        browser = Browser(api, page=page)
        answer = browser.return_with(browser.decide(api.own("page")), cookie=False)
        ticket = parse_qs(urlsplit(answer.headers["location"][0]).fragment)["ticket"][0]
        api.expect(status, "douyin-auth-confirm", body={"ticket": ticket}, user=user)
    api.expect(410, "douyin-auth-confirm", body={"ticket": ticket}, user=STRANGER)
    api.expect(400, "douyin-auth-confirm", body={"ticket": ""})


def syncs(api):
    open_id = account(api, api.own("slow"), 60)
    # Slow enough to be met while it runs.
    api.stack.steer("POST", "douyin/latency", {"milliseconds": 1500})
    try:
        running = sync(api, open_id)
        assert running.status_code == 200, running.text
        task = {"taskId": running.json()["data"]["taskId"]}
        api.expect(200, "douyin-fans-sync-task", path=task)
        api.expect(200, "douyin-fans-sync-cancel", path=task)
    finally:
        api.stack.steer("POST", "douyin/latency", {"milliseconds": 0})
    api.expect(409, "douyin-fans-sync-cancel", path=task)
    # Who is let go by a cancelled sync is free at once, and an account that has just been asked for is not.
    begun = until("a new sync", lambda: it if (it := sync(api, open_id, api.own("sync"))).status_code == 202 else None)
    assert begun.json()["data"]["taskId"] != task["taskId"]
    assert sync(api, open_id, api.own("sync"), "FULL").status_code == 422
    assert sync(api, "nobody").status_code == 400
    for name in ("douyin-fans-sync-task", "douyin-fans-sync-cancel"):
        api.expect(404, name, path={"taskId": "999999999"})
    api.expect(400, "douyin-fans-sync-tasks", query={"page": 0})
    api.expect(200, "douyin-fans-sync-tasks")
    synced(api, open_id)


def leads(api):
    listed = until("leads", lambda: api.expect(200, "douyin-leads", query={"size": 10})["records"] or None)
    first, second, third = ({"leadId": it["leadId"]} for it in listed[:3])
    api.expect(400, "douyin-leads", query={"size": 101})
    api.expect(400, "douyin-leads-export", query={"status": "GONE"})
    api.expect(200, "douyin-leads-export", query={"status": "NEW"})
    api.expect(200, "douyin-leads-update", body={"leadIds": [first["leadId"]], "ownerId": "7"})
    api.expect(400, "douyin-leads-update", body={"leadIds": []})
    api.expect(200, "douyin-lead", path=first)
    api.expect(200, "douyin-lead-update", path=first, body={"status": "CONTACTED", "notes": "已加微信"})
    api.expect(400, "douyin-lead-update", path=first, body={"status": "GONE"})
    api.expect(409, "douyin-lead-update", path=first, body={"notes": "旧的", "version": 1})
    api.expect(201, "douyin-lead-note-add", path=second, body={"text": "第一条"}, headers={"Idempotency-Key": api.own("note")})
    api.expect(422, "douyin-lead-note-add", path=second, body={"text": "第二条"}, headers={"Idempotency-Key": api.own("note")})
    api.expect(400, "douyin-lead-note-add", path=second, body={"text": ""})
    api.expect(200, "douyin-lead-notes", path=second)
    api.expect(400, "douyin-lead-notes", path=second, query={"size": 0})
    api.expect(200, "douyin-lead-link", path=second, body={"unifiedLeadId": 812_345})
    api.expect(400, "douyin-lead-link", path=second, body={"unifiedLeadId": 0})
    api.expect(200, "douyin-lead-erase", path=third)
    one_body = {
        "douyin-lead-update": {"notes": "x"},
        "douyin-lead-note-add": {"text": "x"},
        "douyin-lead-link": {"unifiedLeadId": 1},
    }
    for name in ("douyin-lead", "douyin-lead-update", "douyin-lead-notes", "douyin-lead-note-add", "douyin-lead-link"):
        asked = {"body": one_body[name]} if name in one_body else {}
        api.expect(410, name, path=third, **asked)
        api.expect(404, name, path={"leadId": 999_999_999}, **asked)
    api.expect(404, "douyin-lead-erase", path={"leadId": 999_999_999})


def signed(api, event):
    """The body of an event as it is sent, and Douyin's signature of it."""
    body = json.dumps(event)
    return hashlib.sha1((api.stack.douyin_secret + body).encode()).hexdigest()


def revoked(api, name):
    """The event that an account has been withdrawn at Douyin, which has not been sent yet."""
    open_id = account(api, api.own(name), 1)
    api.stack.steer("POST", "douyin/webhook", {"url": None})
    api.stack.steer("POST", f"douyin/accounts/{api.own(name)}/revoke", {})
    api.stack.steer("POST", "douyin/webhook", {"url": api.stack.api + WEBHOOK})
    return {"event": "unauthorize", "from_user_id": open_id, "to_user_id": "", "content": {}}


def webhook(api):
    def send(event, status, **headers):
        api.expect(status, "douyin-webhook", body=event, headers=headers, user=None)

    # A challenge is answered as it is, without the envelope.
    challenge = {"event": "verify_webhook", "content": {"challenge": 12345}}
    assert api.ask("douyin-webhook", body=challenge, user=None).json() == {"challenge": 12345}
    event = {"event": "im_receive_msg", "from_user_id": "a", "to_user_id": "b", "content": {}}
    send(event, 200, **{"X-Douyin-Signature": signed(api, event), "Msg-Id": api.own("1")})
    send(event, 401, **{"X-Douyin-Signature": "0" * 40})
    send({"event": 5}, 400, **{"X-Douyin-Signature": signed(api, {"event": 5})})


def endings(api):
    """Accounts that go, with their data and without."""
    kept = account(api, api.own("kept"), 1)
    gone = account(api, api.own("gone"), 3)
    for open_id in (kept, gone):
        synced(api, open_id)
    api.expect(200, "douyin-account-delete", path={"douyinUserId": kept})
    api.expect(202, "douyin-data-delete", path={"douyinUserId": gone})

    def ended():
        api.stack.invoke("sweeper")
        answer = api.ask("douyin-data-delete", path={"douyinUserId": gone})
        return True if answer.status_code == 200 else None

    until("the deletion", ended)
    for name in ("douyin-account-delete", "douyin-data-delete"):
        api.expect(404, name, path={"douyinUserId": "nobody"})
