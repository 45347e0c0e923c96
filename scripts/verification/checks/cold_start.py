"""What a function needs from its start to its answer, as Lambda itself counts it. Its REPORT lines are switched off, because
they are most of a log, so they are switched on for one call; that change also makes the call a cold one."""

import base64
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from ..stack import Failed, NotHere, Stack, wait_for

FUNCTION = "douyin-leads"
EVENT = Path(__file__).resolve().parents[3] / "events" / f"{FUNCTION}.json"
SETTLED = 120
# Milliseconds of init; of the memory, in percent.
SLOWEST = 1000
FULLEST = 90


def report(tail: str) -> dict:
    """The numbers of the last lines of a call's log, which are JSON, one a line."""
    for line in base64.b64decode(tail).decode("utf-8", "replace").splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if told.get("type") == "platform.report":
            return told["record"]["metrics"]
    raise Failed("the log of the call has no REPORT line")


def check(stack: Stack, cleanup: ExitStack) -> str:
    name = f"{stack.name}-{FUNCTION}"
    aws = stack.aws
    before = aws.call("lambda", "get-function-configuration", FunctionName=name)
    if not before.get("LoggingConfig", {}).get("SystemLogLevel"):
        raise NotHere("the function has no level for the lines of Lambda itself")

    def level(to: str) -> None:
        aws.call("lambda", "update-function-configuration", FunctionName=name,
                 LoggingConfig={**before["LoggingConfig"], "SystemLogLevel": to})
        wait_for("end of the change", SETTLED, settled)

    def settled() -> bool:
        now = aws.call("lambda", "get-function-configuration", FunctionName=name)
        return now.get("LastUpdateStatus") == "Successful"

    cleanup.callback(level, before["LoggingConfig"]["SystemLogLevel"])
    level("INFO")
    with tempfile.NamedTemporaryFile() as answer:
        told = aws.command("lambda", "invoke", "--function-name", name, "--log-type", "Tail", "--payload", f"fileb://{EVENT}",
                           answer.name)
    numbers = report(told["LogResult"])
    started, used = numbers.get("initDurationMs"), numbers["maxMemoryUsedMB"]
    if started is None:
        raise Failed("the call was not a cold one")
    text = f"init {started:.0f} ms, call {numbers['durationMs']:.0f} ms, {used} of {numbers['memorySizeMB']} MB"
    if started > SLOWEST or used * 100 > numbers["memorySizeMB"] * FULLEST:
        raise Failed(f"too much: {text}")
    return text
