"""What schemathesis loads: it counts each answer, signs some of Douyin's events, which are refused unread otherwise, sends to the
sandbox what would go to strangers, and lets those refusals pass for which a schema has no words (fuzz/refusals.txt)."""

import atexit
import hashlib
import os
import re

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

from .reach import Reached
from .stack import HERE, WORK, table

WEBHOOK = "douyin-webhook"

# Operations that say where a tenant's events are to be sent.
TOLD_WHERE = ("webhook-create", "webhook-update")

# Errors that say nothing of the form of a request: what it names is not there, not usable, or refused by its platform.
OF_STATES = ("DOUYIN_AUTH_ERROR", "WECHAT_API_ERROR")

REFUSALS = [(re.compile(path), re.compile(problem)) for path, problem, _reason in table(HERE / "refusals.txt", 3)]

reached = Reached()
atexit.register(lambda: reached.save(WORK / "reached.json"))


def name_of(case):
    return case.operation.definition.raw["operationId"]


@schemathesis.hook
def before_call(context, case, kwargs):
    # One that claims to have a signature gets a true one.
    if name_of(case) == WEBHOOK and "X-Douyin-Signature" in (case.headers or {}):
        kwargs["auth"] = sign
    if name_of(case) in TOLD_WHERE and isinstance(case.body, dict) and is_of_somebody(case.body.get("url")):
        case.body = {**case.body, "url": on_this_machine(case.body["url"])}


@schemathesis.hook
def after_call(context, case, response):
    # Also methods that the operation does not have are tried.
    if case.method == case.operation.method.upper():
        reached.note(name_of(case), response.status_code, "random")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    return not (isinstance(failure, RejectedPositiveData) and response.status_code == 400 and is_beyond_words(response))


def is_beyond_words(response):
    error = response.json()["error"]
    if error["type"] in OF_STATES:
        return True
    fields = error.get("fields") or []
    listed = [any(path.fullmatch(it["path"]) and problem.fullmatch(it["problem"]) for path, problem in REFUSALS) for it in fields]
    return bool(fields) and all(listed)


def is_of_somebody(url):
    return isinstance(url, str) and url.startswith("https://")


def on_this_machine(url):
    """An address of the sandbox of the same length, because that is part of what is tried."""
    receiver = os.environ["RECEIVER"]
    return f"{receiver}?{url}"[: max(len(url), len(receiver))]


def sign(request):
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    secret = os.environ["DOUYIN_SECRET"].encode()
    request.headers["X-Douyin-Signature"] = hashlib.sha1(secret + body).hexdigest()
    return request
