"""The WeChat side: accounts of both kinds, tasks in every state, and every status that needs one of them."""

from datetime import UTC, datetime, timedelta

from .api import STRANGER
from .stack import until


def ahead(**time):
    return (datetime.now(UTC) + timedelta(**time)).isoformat(timespec="seconds").replace("+00:00", "Z")


class Phone:
    """A device of the gateway, and the account that it is here."""

    def __init__(self, api, name):
        self.api, self.name = api, name
        self.app_id = api.stack.steer("POST", "gewe/devices", {"name": name})["appId"]
        self.token = api.stack.steer("GET", "gewe/account")["token"]
        self.account = None

    def body(self):
        return {"accountType": "PERSONAL", "appId": self.app_id, "gatewayToken": self.token, "acceptRisk": True}

    def connect(self):
        self.account = self.api.expect(200, "wechat-account-connect", body=self.body())["accounts"][0]["accountId"]
        return self


class Company:
    """A company's app with two members, who are accounts here."""

    def __init__(self, api, name):
        self.name = name
        members = [{"userid": "zhangsan", "name": "张三"}, {"userid": "lisi", "name": "李四"}]
        spec = {"name": name, "apps": [{"agentId": 1_000_002}], "members": members}
        made = api.stack.steer("POST", "wecom/corps", spec)
        self.secret = made["apps"][0]["secret"]
        self.body = {"accountType": "WEWORK", "corpId": made["corpId"], "agentId": 1_000_002, "secret": self.secret}
        connected = api.expect(200, "wechat-account-connect", body={**self.body, "memberIds": ["zhangsan", "lisi"]})
        self.accounts = [it["accountId"] for it in connected["accounts"]]

        def listed():
            corps = api.expect(200, "wechat-corps")
            return next((it["corpKey"] for it in corps if it["corpId"] == made["corpId"]), None)

        # The list may be two seconds behind.
        self.key = until("the company", listed)


def post(text, *accounts, **more):
    return {"text": text, "accountIds": list(accounts), **more}


def order(api, text, *accounts, **more):
    return api.expect(202, "moment-sync", body=post(text, *accounts, **more))["syncTaskId"]


def ended(api, task, *statuses):
    def look():
        found = api.expect(200, "moment-task", path={"taskId": task})
        return found if found["status"] in statuses else None

    return until(f"task {task}", look)


def play(api, phone, company):
    """Every status of the WeChat operations that needs a state."""
    accounts(api, phone, company)
    creation(api, phone)
    timed(api, phone)
    failed(api)


def accounts(api, phone, company):
    api.expect(200, "wechat-accounts")
    api.expect(400, "wechat-account-connect", body={**phone.body(), "gatewayToken": "wrong"})
    api.expect(409, "wechat-account-connect", body=phone.body(), user=STRANGER)
    spare = Phone(api, api.own("spare")).connect()
    address = api.stack.steer("GET", "gewe/account")["callback"].rsplit("/", 1)[1]
    notice = {"TypeName": "Offline", "Appid": spare.app_id, "Wxid": "wxid_fuzz"}
    api.expect(200, "gateway-webhook", path={"secret": address}, body=notice, user=None)
    api.expect(404, "gateway-webhook", path={"secret": "guessed"}, body=notice, user=None)
    api.expect(200, "wechat-account-disconnect", path={"accountId": spare.account})
    api.expect(404, "wechat-account-disconnect", path={"accountId": spare.account})
    key = {"corpKey": company.key}
    api.expect(200, "wechat-corp-update", path=key, body={"secret": company.secret})
    api.expect(400, "wechat-corp-update", path=key, body={"secret": "wrong"})
    api.expect(404, "wechat-corp-update", path={"corpKey": "ww0#1"}, body={"secret": "wrong"})


def creation(api, phone):
    key = {"Idempotency-Key": api.own("post")}
    made = api.expect(202, "moment-sync", body=post("新品上架", phone.account), headers=key)
    api.expect(422, "moment-sync", body=post("另一条", phone.account), headers=key)
    api.expect(404, "moment-sync", body=post("无此账号", "nobody"))
    api.expect(400, "moment-sync", body={"text": "没有账号"})
    api.expect(200, "moment-validate", body=post("检查", phone.account))
    api.expect(400, "moment-validate", body=[])
    task = ended(api, made["syncTaskId"], "COMPLETED")
    path = {"taskId": task["syncTaskId"]}
    for name in ("moment-task-cancel", "moment-task-stop", "moment-task-retry", "moment-task-publish-now"):
        api.expect(409, name, path=path)
    api.expect(409, "moment-task-update", path=path, body={"scheduledTime": ahead(days=1)})
    api.expect(400, "moment-task", path=path, query={"size": 0})
    api.expect(200, "moment-tasks", query={"status": "COMPLETED"})
    api.expect(400, "moment-tasks", query={"page": 0})
    unknown = {"taskId": 999_999_999}
    for name in ("moment-task", "moment-task-cancel", "moment-task-stop", "moment-task-retry", "moment-task-publish-now"):
        api.expect(404, name, path=unknown)
    api.expect(404, "moment-task-update", path=unknown, body={"scheduledTime": ahead(days=1)})


def timed(api, phone):
    first, second, third = (order(api, f"定时 {n}", phone.account, scheduledTime=ahead(days=n)) for n in (2, 3, 4))
    path = {"taskId": first}
    api.expect(200, "moment-task-update", path=path, body={"scheduledTime": ahead(days=5)})
    api.expect(422, "moment-task-update", path=path, body={"scheduledTime": "2020-01-01T00:00:00Z"})
    api.expect(400, "moment-task-update", path=path, body={})
    api.expect(200, "moment-task-cancel", path=path)
    api.expect(202, "moment-task-stop", path={"taskId": second})
    key = {"Idempotency-Key": api.own("now")}
    api.expect(202, "moment-task-publish-now", path={"taskId": third}, headers=key)
    api.expect(422, "moment-task-publish-now", path=path, headers=key)
    api.expect(400, "moment-task-publish-now", path=path, headers={"Idempotency-Key": "k" * 256})


def failed(api):
    """A task whose account has certainly failed, and is tried again."""
    shaky = Phone(api, api.own("shaky")).connect()
    refusal = {"kind": "code", "code": 500, "message": "content不可为空"}
    fault = {"endpoint": "sns/sendTextSns", "effect": refusal, "account": shaky.name, "times": 2}
    api.stack.steer("POST", "gewe/faults", fault)
    one, two = (order(api, f"失败 {n}", shaky.account) for n in (1, 2))
    for task in (one, two):
        ended(api, task, "FAILED")
    key = {"Idempotency-Key": api.own("retry")}
    api.expect(400, "moment-task-retry", path={"taskId": one}, body={"accountIds": 5})
    api.expect(202, "moment-task-retry", path={"taskId": one}, headers=key)
    api.expect(422, "moment-task-retry", path={"taskId": two}, headers=key)
