"""Webhooks of a tenant: every status that needs a state. Their receiver is one of the sandbox, so nothing leaves this machine."""

from .stack import until

# What is never told here: webhooks that want only this have nothing to do.
SILENT = ["webhook.disabled"]

# Makes room for what is made at random, and not for more: each of the owner's webhooks is told what the owner does.
ROOM = 5


class Receiver:
    """A receiver that takes whatever comes, signed or not, and the webhook that has it."""

    def __init__(self, api):
        name = api.own("crm")
        self.url = api.stack.steer("PUT", f"inbox/receivers/{name}/conduct", {"kind": "status", "status": 200})["url"]
        self.webhook = api.expect(201, "webhook-create", body={"url": self.url})["webhookId"]
        self.delivery = None


def play(api, receiver):
    """Every status of the operations of webhooks."""
    deliveries(api, receiver)
    states(api, receiver)
    unknown(api, receiver)
    many(api, receiver)


def deliveries(api, receiver):
    path = {"webhookId": receiver.webhook}
    receiver.delivery = api.expect(202, "webhook-test", path=path)["deliveryId"]

    def delivered():
        log = api.expect(200, "webhook-deliveries", path=path)["records"]
        found = next((it for it in log if it["deliveryId"] == receiver.delivery), None)
        return found if found and found["status"] == "DELIVERED" else None

    until("the test", delivered)
    api.expect(400, "webhook-deliveries", path=path, query={"size": 0})
    api.expect(202, "webhook-resend", path={**path, "deliveryId": receiver.delivery})
    until("the test, sent again", delivered)


def states(api, receiver):
    path = {"webhookId": receiver.webhook}
    api.expect(400, "webhook-create", body={"url": "http://10.0.0.1/"})
    api.expect(400, "webhook-create", body={"url": receiver.url, "types": ["lead.gone"]})
    api.expect(400, "webhook-update", path=path, body={})
    api.expect(200, "webhook-update", path=path, body={"status": "PAUSED"})
    api.expect(409, "webhook-test", path=path)
    api.expect(409, "webhook-resend", path={**path, "deliveryId": receiver.delivery})
    api.expect(200, "webhook-update", path=path, body={"status": "ACTIVE", "rotateSecret": True})


def unknown(api, receiver):
    path = {"webhookId": "wh_nobody"}
    for name in ("webhook-delete", "webhook-test", "webhook-deliveries"):
        api.expect(404, name, path=path)
    api.expect(404, "webhook-update", path=path, body={"status": "PAUSED"})
    for webhook, delivery in (("wh_nobody", receiver.delivery), (receiver.webhook, "nothing")):
        api.expect(404, "webhook-resend", path={"webhookId": webhook, "deliveryId": delivery})


def many(api, receiver):
    """As many as a tenant may have, and then some fewer."""
    body, made = {"url": receiver.url, "types": SILENT}, []
    while (answer := api.ask("webhook-create", body=body)).status_code == 201:
        made.append(answer.json()["data"]["webhookId"])
    if answer.status_code != 409:
        raise SystemExit(f"webhook-create answered {answer.status_code}: {answer.text}")
    for webhook in made[:ROOM]:
        api.expect(200, "webhook-delete", path={"webhookId": webhook})
    listed = api.expect(200, "webhooks")
    if len(listed) != len(made) + 1 - ROOM:
        raise SystemExit(f"{len(listed)} webhooks are listed")
