"""How late schedules are: ten of them, in the stack's own group, to a queue that is there only for that. A timed post is as late
as its schedule. AWS promises the minute, not the second."""

import json
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import partial

from deployment.aws import AwsError

from ..stack import Failed, Stack, wait_for

COUNT = 10
PREFIX = "verify-"
AHEAD = 20
LIMIT = 60
ROLE_IS_KNOWN = 60


def check(stack: Stack, cleanup: ExitStack) -> str:
    aws, name, group = stack.aws, f"{stack.name}-verify", stack.outputs["PublishScheduleGroupName"]
    # What has been received once is not given out again before the queue is gone.
    queue = aws.call("sqs", "create-queue", QueueName=name, Attributes={"VisibilityTimeout": "900"})["QueueUrl"]
    cleanup.callback(aws.call, "sqs", "delete-queue", QueueUrl=queue)
    target = aws.call("sqs", "get-queue-attributes", QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    role = _role(stack, cleanup, name, target)
    cleanup.callback(_call_off, stack, group)
    for number in range(COUNT):
        make = partial(_schedule, stack, f"{PREFIX}{number}", group, target, role)
        due = wait_for("role that schedules may take", ROLE_IS_KNOWN, make)
    late: list[float] = []

    def arrived() -> bool:
        messages = aws.call("sqs", "receive-message", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5,
                            AttributeNames=["SentTimestamp"]).get("Messages", [])
        for message in messages:
            late.append(int(message["Attributes"]["SentTimestamp"]) / 1000 - json.loads(message["Body"])["due"])
        return len(late) >= COUNT

    wait_for(f"message of each of the {COUNT} schedules", AHEAD + 2 * LIMIT, arrived, pause=0)
    late.sort()
    told = f"{late[0]:.1f} / {late[len(late) // 2]:.1f} / {late[-1]:.1f} s (least, median, most; due until {_clock(due)})"
    if late[-1] > LIMIT:
        raise Failed(f"schedules are late: {told}")
    return told


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%H:%M:%S")


def _role(stack: Stack, cleanup: ExitStack, name: str, target: str) -> str:
    """A role that may send to the queue, and nothing else."""
    iam = stack.aws.call
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": target}
    document = {"Version": "2012-10-17"}
    made = iam("iam", "create-role", RoleName=name, AssumeRolePolicyDocument=json.dumps({**document, "Statement": [trust]}))
    cleanup.callback(iam, "iam", "delete-role", RoleName=name)
    iam("iam", "put-role-policy", RoleName=name, PolicyName="send", PolicyDocument=json.dumps({**document, "Statement": [send]}))
    cleanup.callback(iam, "iam", "delete-role-policy", RoleName=name, PolicyName="send")
    return made["Role"]["Arn"]


def _call_off(stack: Stack, group: str) -> None:
    """Deletes those that have not fired. The others delete themselves."""
    left = stack.aws.call("scheduler", "list-schedules", GroupName=group, NamePrefix=PREFIX)["Schedules"]
    for one in left:
        stack.aws.maybe("scheduler", "delete-schedule", ("ResourceNotFoundException",), Name=one["Name"], GroupName=group)


def _schedule(stack: Stack, name: str, group: str, target: str, role: str) -> int:
    """Makes one; when it is due, or 0 while the role, which is new, is not known everywhere."""
    due = int(time.time()) + AHEAD
    moment = datetime.fromtimestamp(due, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    try:
        stack.aws.call(
            "scheduler", "create-schedule", Name=name, GroupName=group, ScheduleExpression=f"at({moment})",
            FlexibleTimeWindow={"Mode": "OFF"}, ActionAfterCompletion="DELETE",
            Target={"Arn": target, "RoleArn": role, "Input": json.dumps({"due": due})},
        )
    except AwsError as refused:
        if "assume" in refused.message:
            return 0
        raise
    return due
