"""Whether a number that a function writes into its log arrives as a metric. The sweeper writes some every minute."""

from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

from ..stack import Stack, wait_for

METRIC = "OldestDueTask"
PATIENCE = 300


def check(stack: Stack, _: ExitStack) -> str:
    def seen() -> list[dict]:
        now = datetime.now(timezone.utc)
        answer = stack.aws.call(
            "cloudwatch", "get-metric-statistics", Namespace=stack.name, MetricName=METRIC, Statistics=["Maximum"], Period=60,
            StartTime=(now - timedelta(minutes=15)).isoformat(), EndTime=now.isoformat(),
        )
        return answer["Datapoints"]

    points = wait_for(f"{METRIC} in the namespace {stack.name}", PATIENCE, seen, pause=15)
    return f"{METRIC} of {len(points)} minutes"
