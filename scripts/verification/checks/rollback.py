"""Whether an update that fails is taken back: one that keeps some logs for longer, and then waits for what never comes. A longer
retention loses nothing, and nothing else is touched."""

import re
import tempfile
import time
from contextlib import ExitStack

from ..stack import Failed, Stack, wait_for

PATIENCE = 600
GROUPS = ("HttpApiLogGroup", "LeadsLogGroup")
NEVER = """\
  VerifyHandle:
    Type: AWS::CloudFormation::WaitConditionHandle
  VerifyNever:
    Type: AWS::CloudFormation::WaitCondition
    DependsOn: [HttpApiLogGroup, LeadsLogGroup]
    Properties: { Handle: !Ref VerifyHandle, Timeout: '1', Count: 1 }
"""


def retention(stack: Stack) -> dict[str, int]:
    """How many days the logs are kept."""
    kept = {}
    for group in GROUPS:
        name = stack.resources[group]
        found = stack.aws.call("logs", "describe-log-groups", logGroupNamePrefix=name)["logGroups"]
        kept[group] = next(one.get("retentionInDays", 0) for one in found if one["logGroupName"] == name)
    return kept


def _status(stack: Stack) -> str:
    return stack.aws.call("cloudformation", "describe-stacks", StackName=stack.name)["Stacks"][0]["StackStatus"]


def check(stack: Stack, cleanup: ExitStack) -> str:
    aws, before = stack.aws, retention(stack)
    body = aws.call("cloudformation", "get-template", StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    longer = "180" if stack.parameters["LogRetentionDays"] == "365" else "365"
    name = f"verify-{time.time_ns()}"
    parameters = [
        {"ParameterKey": key, **({"ParameterValue": longer} if key == "LogRetentionDays" else {"UsePreviousValue": True})}
        for key in stack.parameters
    ]
    aws.call(
        "cloudformation", "create-change-set", StackName=stack.name, ChangeSetName=name, ChangeSetType="UPDATE",
        TemplateURL=_publish(stack, cleanup, body), Parameters=parameters, Capabilities=["CAPABILITY_IAM"],
    )
    set_ = {"StackName": stack.name, "ChangeSetName": name}

    def made() -> dict | None:
        described = aws.call("cloudformation", "describe-change-set", **set_)
        return described if described["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    described = wait_for("change set", PATIENCE, made)
    if described["Status"] == "FAILED":
        aws.call("cloudformation", "delete-change-set", **set_)
        raise Failed(f"the update was refused before it began: {described.get('StatusReason', '')}")
    aws.call("cloudformation", "execute-change-set", **set_)
    ended = wait_for("end of the update", PATIENCE, lambda: next(
        (it for it in [_status(stack)] if not it.endswith("IN_PROGRESS")), None), pause=3)
    if ended != "UPDATE_ROLLBACK_COMPLETE":
        raise Failed(f"the stack is {ended}")
    left = [one for one in Stack.read(aws, stack.name).resources if one.startswith("Verify")]
    there = [one for one in left if _exists(stack, one)]
    if there:
        raise Failed(f"the update left {', '.join(there)}")
    if retention(stack) != before:
        raise Failed(f"the logs are kept for {retention(stack)} days, and were for {before}")
    return "taken back, and the stack is as it was"


def _exists(stack: Stack, logical_id: str) -> bool:
    described = stack.aws.maybe(
        "cloudformation", "describe-stack-resource", ("does not exist",), StackName=stack.name, LogicalResourceId=logical_id
    )
    return bool(described) and described["StackResourceDetail"]["ResourceStatus"] != "DELETE_COMPLETE"


def _publish(stack: Stack, cleanup: ExitStack, body: str) -> str:
    """Puts the template beside the zips that it names: it is longer than what a request takes."""
    found = re.search(r"CodeUri: s3://([^/\s]+)/", body)
    if not found:
        raise Failed("the stack was not deployed by scripts/deploy, so there is no bucket for its template")
    bucket, key = found[1], f"{stack.name}/verify.yaml"
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(body.replace("\nResources:\n", f"\nResources:\n{NEVER}", 1))
        file.flush()
        stack.aws.copy("cp", file.name, f"s3://{bucket}/{key}", "--no-progress")
    cleanup.callback(stack.aws.copy, "rm", f"s3://{bucket}/{key}")
    return stack.aws.object_url(bucket, key)
