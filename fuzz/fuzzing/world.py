"""What there is before anything is asked at random: accounts of both platforms, leads, and tasks in several states."""

from . import douyin, moments, webhooks
from .api import OWNER, STRANGER


class World:
    def __init__(self, api):
        self.api = api
        self.douyin = [douyin.account(api, api.own(f"{fans}"), fans) for fans in (37, 4)]
        for open_id in self.douyin:
            douyin.synced(api, open_id)
        # Nobody works on these, so that two answers about them are the same.
        douyin.synced(api, douyin.account(api, api.own("other"), 3, STRANGER), STRANGER)
        self.phones = [moments.Phone(api, api.own(f"phone-{n}")).connect() for n in (1, 2)]
        self.company = moments.Company(api, api.own("corp"))
        self.receiver = webhooks.Receiver(api)
        self.draft = api.own("draft")
        draft = {"contentId": self.draft, "ownerUserId": OWNER, "text": "草稿", "mediaUrls": []}
        api.stack.steer("POST", "content/drafts", draft)
        # Some that have ended, and some for later.
        self.tasks = [moments.order(api, f"早上好 {n}", phone.account) for n, phone in enumerate(self.phones)]
        everybody = [self.phones[0].account, *self.company.accounts]
        for n in range(6):
            self.tasks.append(moments.order(api, f"晚上好 {n}", *everybody, scheduledTime=moments.ahead(days=n + 10)))

    def dictionaries(self):
        """Ids that exist, for schemathesis to choose from."""
        api = self.api
        listed = api.expect(200, "douyin-leads", query={"size": 40}, user=OWNER)
        return {
            "leads": [it["leadId"] for it in listed["records"]],
            "accounts": [phone.account for phone in self.phones] + self.company.accounts,
            "corps": [self.company.key],
            "addresses": [api.stack.steer("GET", "gewe/account")["callback"].rsplit("/", 1)[1]],
            "douyin": self.douyin,
            "syncs": [it["taskId"] for it in api.expect(200, "douyin-fans-sync-tasks", query={"size": 20})["records"]],
            "tasks": self.tasks,
            "webhooks": [it["webhookId"] for it in api.expect(200, "webhooks")],
            "deliveries": [self.receiver.delivery],
            "receivers": [self.receiver.url],
            "drafts": [self.draft],
            "media": [f"{api.stack.platforms}/media/{name}" for name in ("1.jpg", "2.png", "3.mp4")],
            "times": [moments.ahead(days=days) for days in (3, 30, 300)],
        }
