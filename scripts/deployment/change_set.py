"""Changing a stack: CloudFormation works out what differs, that is told, and then carried out."""

import time

from .aws import Aws
from .console import Problem, say
from .state import describe, outputs

NOTHING = ("didn't contain changes", "No updates are to be performed")
PAUSE = 2
MANY = 50


def change(aws: Aws, stack: str, exists: bool, template_url: str, parameters: dict[str, str], watched: dict) -> dict[str, str]:
    """Brings a stack to a template and parameters, and answers its outputs. `watched` is by which alarms it is taken back."""
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    kind = "UPDATE" if exists else "CREATE"
    return carry_out(
        aws, stack, ChangeSetType=kind, TemplateURL=template_url, Parameters=given, Capabilities=["CAPABILITY_IAM"], **watched
    )


def carry_out(aws: Aws, stack: str, **request) -> dict[str, str]:
    """Makes a change set, tells what is in it, carries it out, and answers the stack's outputs."""
    set_ = {"StackName": stack, "ChangeSetName": f"deploy-{time.time_ns()}"}
    aws.call("cloudformation", "create-change-set", **set_, **request)
    made = _when_made(aws, set_)
    if made["Status"] == "FAILED":
        aws.call("cloudformation", "delete-change-set", **set_)
        reason = made.get("StatusReason", "no reason given")
        if not any(text in reason for text in NOTHING):
            raise Problem(f"CloudFormation refuses the change: {reason}")
        say("no changes")
        return outputs(describe(aws, stack))
    for line in changes(made):
        say(f"  {line}")
    aws.call("cloudformation", "execute-change-set", **set_, ClientRequestToken=set_["ChangeSetName"])
    return outputs(_when_done(aws, stack, set_["ChangeSetName"]))


def changes(made: dict) -> list[str]:
    """One line for each resource that changes; of those that are added only how many, if it is a whole stack."""
    lines = []
    for one in made.get("Changes", []):
        resource = one["ResourceChange"]
        verb = resource["Action"].lower()
        if verb == "modify" and resource.get("Replacement") in ("True", "Conditional"):
            verb = "replace" if resource["Replacement"] == "True" else "modify, perhaps replace"
        lines.append(f"{verb} {resource['LogicalResourceId']} ({resource['ResourceType']})")
    added = [line for line in lines if line.startswith("add ")]
    if len(added) > MANY:
        lines = [f"add {len(added)} resources", *(line for line in lines if line not in added)]
    return sorted(lines)


def _when_made(aws: Aws, set_: dict) -> dict:
    while True:
        made = aws.call("cloudformation", "describe-change-set", **set_)
        if made["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return made
        time.sleep(PAUSE)


def _when_done(aws: Aws, stack: str, token: str) -> dict:
    while True:
        described = describe(aws, stack)
        status = described["StackStatus"] if described else "gone"
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
            return described
        if not status.endswith("IN_PROGRESS"):
            reason = (described or {}).get("StackStatusReason")
            lines = [*([f"  {reason}"] if reason else []), *causes(aws, stack, token)]
            raise Problem("\n".join([f"the deployment failed ({status}):", *lines]))
        time.sleep(PAUSE)


def causes(aws: Aws, stack: str, token: str) -> list[str]:
    """The resources that failed by themselves. The rest were stopped because of them."""
    events = aws.call("cloudformation", "describe-stack-events", StackName=stack)["StackEvents"]
    failed = [
        event for event in reversed(events)
        if event.get("ClientRequestToken") == token and event["ResourceStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "")
    ]
    lines = [f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}" for event in failed]
    return lines or ["  CloudFormation names no resource; see the stack's events in its console"]
