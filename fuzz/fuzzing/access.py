"""Who may ask: each operation without a token, and with one that grants nothing."""

from .api import OWNER


def path_of(operation):
    """Any ids: who is not let in learns nothing of them."""
    return {it["name"]: "1" for it in operation.definition.raw.get("parameters", []) if it["in"] == "path"}


def play(api):
    nothing = api.stack.token(OWNER, "nothing:at:all")
    for name, operation in api.operations.items():
        if "x-permission" in operation.definition.raw:
            body = {"body": {}} if "requestBody" in operation.definition.raw else {}
            api.expect(401, name, path=path_of(operation), user=None, **body)
            api.expect(403, name, path=path_of(operation), token=nothing, **body)
    api.expect(200, "audit")
    api.expect(400, "audit", query={"size": 0})

