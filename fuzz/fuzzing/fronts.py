"""The same requests through the two ways to a function: the front of `cargo dev`, which stands for API Gateway, and the
functions' own port, which is that of `cargo lambda watch`. What they answer differently is listed, and the list is complete."""

import http.client
import json
import socket
from urllib.parse import urlsplit

from .api import STRANGER
from .stack import HERE, PATIENCE, table

DIFFERENCES = HERE / "differences.txt"

LEADS = "/api/v1/lead/douyin/leads"
ACCOUNTS = "/api/v1/lead/douyin/accounts"
WEBHOOK = "/api/v1/lead/douyin/webhook"
SYNC = "/api/v1/workbench/wechat/moments/sync"
VALIDATE = "/api/v1/workbench/wechat/moments/validate"
TASKS = "/api/v1/workbench/wechat/moments/tasks"

# Headers that say something to a client; the others are of the connection or differ in each answer.
COMPARED = ("content-type", "cache-control", "location", "allow", "access-control-allow-origin", "set-cookie")


def requests(token):
    """Name, method, path, headers and body of each."""
    signed_in = [("Authorization", f"Bearer {token}")]
    as_json = [*signed_in, ("Content-Type", "application/json")]
    edit = json.dumps({"notes": "备注 +&\"'<>"}).encode()
    big = json.dumps({"notes": "x" * 70_000}).encode()

    def get(name, path, headers=signed_in):
        return name, "GET", path, headers, None

    yield get("a list", LEADS)
    yield get("a list without a token", LEADS, [])
    yield get("a list with a scheme in small letters", LEADS, [("authorization", f"bearer {token}")])
    yield get("an empty query", LEADS + "?")
    yield get("a query with an empty value", LEADS + "?size=&status=")
    yield get("a query with only a name", LEADS + "?size")
    yield get("a query with ampersands", LEADS + "?&&size=1&&")
    yield get("a repeated parameter", LEADS + "?size=1&size=2")
    yield get("a plus in the query", LEADS + "?keyword=a+b")
    yield get("an encoded plus in the query", LEADS + "?keyword=a%2Bb")
    yield get("an encoded blank in the query", LEADS + "?keyword=a%20b")
    yield get("encoded Chinese in the query", LEADS + "?keyword=%E5%BE%AE%E4%BF%A1")
    yield get("Chinese as it is in the query", LEADS + "?keyword=微信")
    yield get("a query that is no UTF-8", LEADS + "?keyword=%FF%FE")
    yield get("a broken escape in the query", LEADS + "?keyword=%zz")
    yield get("a quotation mark in the query", LEADS + '?keyword="a"')
    yield get("an encoded quotation mark in the query", LEADS + "?keyword=%22a%22")
    yield get("an angle bracket in the query", LEADS + "?keyword=<a>")
    yield get("a brace and a bar in the query", LEADS + "?keyword={a}|b")
    yield get("a semicolon in the query", LEADS + "?size=1;page=1")
    yield get("a comma in the query", LEADS + "?keyword=a,b")
    yield get("a question mark in the query", LEADS + "?keyword=a?b")
    yield get("a hash sign in the query", LEADS + "?keyword=a%23b")
    yield get("a time with a plus", LEADS + "?startTime=2026-01-01T00:00:00+08:00")
    yield get("a time with an encoded plus", LEADS + "?startTime=2026-01-01T00:00:00%2B08:00")
    yield get("brackets in a name", LEADS + "?status[]=NEW")
    yield get("an unknown parameter", LEADS + "?pageSize=5")
    yield get("a long query", LEADS + "?keyword=" + "a" * 4000)
    yield get("a lead by its id", LEADS + "/1")
    yield get("an id with an escaped digit", LEADS + "/%31")
    yield get("an id with an escaped slash", LEADS + "/1%2F2")
    yield get("an id with an escaped percent sign", LEADS + "/%2531")
    yield get("an id that is no UTF-8", LEADS + "/%FF")
    yield get("an id with a broken escape", LEADS + "/%zz")
    yield get("an id with a plus", LEADS + "/1+1")
    yield get("an id in Chinese", LEADS + "/%E4%B8%80")
    yield get("an id with a semicolon", LEADS + "/1;a=b")
    yield get("an escaped letter in the path", "/api/v1/lead/douyin/%6Ceads")
    yield get("a slash at the end", LEADS + "/")
    yield get("two slashes", "/api/v1/lead/douyin//leads")
    yield get("dots in the path", "/api/v1/lead/./douyin/../douyin/leads")
    yield get("another case", "/api/v1/lead/douyin/Leads")
    yield get("the root", "/")
    yield get("an unknown route", "/api/v1/lead/douyin/nothing")
    yield get("an unknown route without a token", "/api/v1/lead/douyin/nothing", [])
    yield get("an unknown function", "/lambda-url/nothing/")
    yield get("a header twice", LEADS, [*signed_in, ("X-Note", "a"), ("X-Note", "b")])
    yield get("two tokens", LEADS, [*signed_in, *signed_in])
    yield get("a header in Chinese", LEADS, [*signed_in, ("X-Note", "微信")])
    yield get("a cookie", LEADS, [*signed_in, ("Cookie", "a=1; b=2")])
    yield get("an odd forwarded protocol", LEADS, [*signed_in, ("X-Forwarded-Proto", "a b<")])
    yield get("an odd forwarded host", LEADS, [*signed_in, ("X-Forwarded-Host", 'a"b')])
    yield get("a function named in a header", LEADS, [*signed_in, ("X-Amz-Function-Name", "douyin-accounts")])
    yield "HEAD", "HEAD", LEADS, signed_in, None
    yield "OPTIONS", "OPTIONS", LEADS, signed_in, None
    origin = [("Origin", "https://elsewhere.example")]
    preflight = [*origin, ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "authorization")]
    yield "a preflight of another origin", "OPTIONS", LEADS, preflight, None
    yield get("a list for another origin", LEADS, [*signed_in, *origin])
    yield "a method that the route has not", "PUT", LEADS, as_json, edit
    yield "a method that does not exist", "BREW", LEADS, signed_in, None
    yield "a body where none is wanted", "GET", ACCOUNTS, as_json, b'{"a":1}'
    yield "no body where one is wanted", "POST", VALIDATE, as_json, None
    yield "a body in JSON", "PATCH", LEADS + "/1", as_json, edit
    yield "a body without a content type", "PATCH", LEADS + "/1", signed_in, edit
    form = [*signed_in, ("Content-Type", "application/x-www-form-urlencoded")]
    yield "a body as a form", "PATCH", LEADS + "/1", form, edit
    as_bytes = [*signed_in, ("Content-Type", "application/octet-stream")]
    yield "a body of bytes", "PATCH", LEADS + "/1", as_bytes, edit
    yield "a body that is no UTF-8", "PATCH", LEADS + "/1", as_json, b'{"notes":"\xff"}'
    yield "bytes that are no UTF-8", "PATCH", LEADS + "/1", as_bytes, b"\xff\xfe"
    yield "a body with a mark of its encoding", "PATCH", LEADS + "/1", as_json, b"\xef\xbb\xbf" + edit
    yield "a body that is too large for us", "PATCH", LEADS + "/1", as_json, big
    yield "a body that is too large for an event", "PATCH", LEADS + "/1", as_json, b" " * (7 << 20)
    yield "a body that is too large for the gateway", "PATCH", LEADS + "/1", as_json, b" " * (11 << 20)
    yield "an empty key", "POST", SYNC, [*as_json, ("Idempotency-Key", "")], b"{}"
    yield "a key with a blank", "POST", SYNC, [*as_json, ("Idempotency-Key", "a b")], b"{}"
    yield "an event whose signature is wrong", "POST", WEBHOOK, [("X-Douyin-Signature", "0" * 40)], b'{"event":"x"}'
    challenge = b'{"event":"verify_webhook","content":{"challenge":1}}'
    yield "a challenge", "POST", WEBHOOK, [("Content-Type", "application/json")], challenge
    yield get("a callback with an error", "/api/v1/lead/douyin/auth/callback?error=%22%3C&state=a+b", [])
    yield get("a file", LEADS + "/export?status=NEW")
    yield get("a task whose id is too large", TASKS + "/99999999999999999999")


def answer(address, method, path, headers, body):
    """Status, body and headers of an answer, as far as they say something to a client."""
    where = urlsplit(address)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {where.netloc}", "Connection: close", *(": ".join(it) for it in headers)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    # By hand, because no client would send all of them as they are.
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE) as connection:
        try:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        except ConnectionError:
            # Whoever has read enough answers before the end.
            pass
        try:
            received = http.client.HTTPResponse(connection, method=method)
            received.begin()
            found = {name: received.getheader(name) for name in COMPARED if received.getheader(name)}
            return received.status, found, received.read()
        except (http.client.HTTPException, OSError):
            return "no answer", {}, b""


def told(answered):
    """An answer in a few words."""
    status, headers, body = answered
    try:
        content = json.loads(body)
        (content.get("error") or {}).pop("requestId", None)
        if isinstance(content.get("data"), dict):
            for changing in ("version", "updateTime"):
                content["data"].pop(changing, None)
    except (ValueError, AttributeError):
        content = f"{len(body)} bytes" if body else "no body"
    headers = " ".join(f"{name}={value}" for name, value in sorted(headers.items()))
    return f"{status} {headers} {json.dumps(content, ensure_ascii=False, sort_keys=True)}"


def compare(api):
    """Differences that are not listed, and listed ones that are none."""
    known = {name: (functions, front) for name, functions, front, _reason in table(DIFFERENCES, 4)}
    problems = []
    for name, method, path, headers, body in requests(api.tokens[STRANGER]):
        functions, front = (answer(address, method, path, headers, body) for address in (api.stack.functions, api.stack.api))
        found = (str(functions[0]), str(front[0]))
        if told(functions) == told(front):
            if name in known:
                problems.append(f"{name}: both ways answer the same, and fuzz/differences.txt says that they do not")
        elif known.get(name) != found:
            problems.append(f"{name}: {told(functions)} through the functions' port, {told(front)} through the front")
    return problems
