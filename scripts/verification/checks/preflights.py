"""Whether browsers may call the API from each origin, and from no other."""

import urllib.error
import urllib.request
from contextlib import ExitStack

from ..stack import Failed, Stack

PATH = "/api/v1/lead/douyin/leads"
STRANGER = "https://stranger.example"


def preflight(base: str, origin: str) -> dict[str, str]:
    """What is answered to a browser that asks whether it may."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    request = urllib.request.Request(base + PATH, method="OPTIONS", headers=asked)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return {name.lower(): value for name, value in answer.headers.items()}
    except (urllib.error.URLError, TimeoutError) as failed:
        raise Failed(f"{base}{PATH} does not answer a preflight: {failed}") from failed


def check(stack: Stack, _: ExitStack) -> str:
    base = stack.parameters["PublicBaseUrl"]
    for origin in stack.origins:
        answer = preflight(base, origin)
        if answer.get("access-control-allow-origin") != origin:
            raise Failed(f"{origin} is not allowed")
        if answer.get("access-control-allow-credentials") != "true":
            raise Failed(f"{origin} may not send cookies")
        for header, wanted in (("access-control-allow-methods", "PATCH"), ("access-control-allow-headers", "idempotency-key")):
            if wanted not in answer.get(header, ""):
                raise Failed(f"{origin} may not use {wanted}")
    if "access-control-allow-origin" in preflight(base, STRANGER):
        raise Failed("an origin that the stack was not given is allowed")
    return f"{len(stack.origins)} allowed, with cookies; a stranger is not"
