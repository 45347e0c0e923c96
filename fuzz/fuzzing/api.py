"""Requests on purpose: each is counted, and its answer held against the document by the checks of schemathesis."""

import time
from urllib.parse import quote

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.openapi import checks  # noqa: F401  (registers the checks of OpenAPI)
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .stack import DOCUMENT, PATIENCE

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

OWNER, STRANGER = 900_001, 900_002


class Api:
    def __init__(self, stack, reached):
        self.stack, self.reached = stack, reached
        # Names and keys of this run alone.
        self.mark = f"{int(time.time()):x}"
        schema = schemathesis.openapi.from_path(str(DOCUMENT))
        self.operations = {}
        for found in schema.get_all_operations():
            operation = found.ok()
            self.operations[operation.definition.raw["operationId"]] = operation
        self.tokens = {user: stack.token(user) for user in (OWNER, STRANGER)}

    def own(self, name):
        return f"{name}-{self.mark}"

    def ask(self, name, *, path=None, query=None, body=NOT_SET, headers=None, user=OWNER, token=None):
        """One request, by the owner unless somebody else is named; `user=None` shows no token."""
        sent = dict(headers or {})
        token = token or self.tokens.get(user)
        if token:
            sent["Authorization"] = f"Bearer {token}"
        media = {} if body is NOT_SET else {"media_type": "application/json"}
        path = {its: quote(str(value), safe="") for its, value in (path or {}).items()}
        case = self.operations[name].Case(path_parameters=path, query=query or {}, body=body, **media)
        answer = case.call(
            base_url=self.stack.api, session=self.stack.http, headers=sent, timeout=PATIENCE, allow_redirects=False
        )
        self.reached.note(name, answer.status_code, "directed")
        case.validate_response(answer, checks=CHECKS)
        return answer

    def expect(self, status, name, **asked):
        """The data of an answer that must have this status."""
        answer = self.ask(name, **asked)
        if answer.status_code != status:
            raise SystemExit(f"{name} answered {answer.status_code} in place of {status}: {answer.text}")
        return answer.json()["data"] if "application/json" in str(answer.headers.get("content-type")) else answer
