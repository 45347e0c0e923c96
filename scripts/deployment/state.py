"""What state a stack is in, and what that means for the next deployment of it."""

import time
from datetime import datetime, timezone

from .aws import Aws
from .console import Problem, say

# SQS refuses the name of a queue that was deleted less than 60 seconds ago.
QUEUE_NAME_IS_FREE = 65
READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
REMEDIES = {
    "ROLLBACK_FAILED": "Its first deployment failed, and so did taking it back. Mend what is named, then:\n"
    "  aws cloudformation delete-stack --stack-name {stack} --region {region}",
    "DELETE_FAILED": "It could not be deleted. Mend what is named (a bucket has to be empty), then:\n"
    "  aws cloudformation delete-stack --stack-name {stack} --region {region}",
    "CREATE_FAILED": "Its first deployment failed and was not taken back:\n"
    "  aws cloudformation delete-stack --stack-name {stack} --region {region}",
    "UPDATE_ROLLBACK_FAILED": "An update failed, and so did taking it back. Mend what is named, then:\n"
    "  aws cloudformation continue-update-rollback --stack-name {stack} --region {region}",
}


def describe(aws: Aws, stack: str) -> dict | None:
    """The stack, or nothing when there is none."""
    answer = aws.maybe("cloudformation", "describe-stacks", ("does not exist",), StackName=stack)
    return answer["Stacks"][0] if answer else None


def outputs(described: dict) -> dict[str, str]:
    """The stack's outputs by name."""
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def prepare(aws: Aws, stack: str) -> dict | None:
    """The stack if it can be updated, nothing if it has to be made, and what a failed one has left is taken away."""
    described = describe(aws, stack)
    status = described["StackStatus"] if described else ""
    if status in READY:
        return described
    # A change set was made for it and never carried out: it has nothing in it, and the next one makes it.
    if status in ("", "REVIEW_IN_PROGRESS"):
        return None
    if status == "ROLLBACK_COMPLETE":
        clean(aws, stack)
        return None
    if status.endswith("IN_PROGRESS"):
        raise Problem(f"the stack {stack} is being changed ({status}). Wait for the end of that.")
    remedy = REMEDIES.get(status, "Look at it in the console of CloudFormation.").format(stack=stack, region=aws.region)
    raise Problem("\n".join([f"the stack {stack} is {status}. {remedy}", *left(aws, stack)]))


def resources(aws: Aws, stack: str) -> list[dict]:
    return aws.call("cloudformation", "list-stack-resources", StackName=stack)["StackResourceSummaries"]


def left(aws: Aws, stack: str) -> list[str]:
    """What is still there of a stack, and why."""
    there = [one for one in resources(aws, stack) if one["ResourceStatus"] != "DELETE_COMPLETE"]
    return [f"  {one['LogicalResourceId']}: {one.get('ResourceStatusReason', one['ResourceStatus'])}" for one in there]


def clean(aws: Aws, stack: str) -> None:
    """Deletes a stack whose first deployment was taken back. Only if nothing of it is left: what is might be wanted."""
    remaining = left(aws, stack)
    if remaining:
        raise Problem("\n".join([
            f"the first deployment of {stack} was taken back, and left something behind. Delete it by hand, then:",
            f"  aws cloudformation delete-stack --stack-name {stack} --region {aws.region}", *remaining]))
    queues = [one["LastUpdatedTimestamp"] for one in resources(aws, stack) if one["ResourceType"] == "AWS::SQS::Queue"]
    aws.call("cloudformation", "delete-stack", StackName=stack)
    while described := describe(aws, stack):
        if described["StackStatus"] == "DELETE_FAILED":
            raise Problem("\n".join([f"the stack {stack} could not be deleted:", *left(aws, stack)]))
        time.sleep(2)
    say(f"deleted the stack {stack}, whose first deployment had failed and left nothing")
    if queues:
        deleted = max(datetime.fromisoformat(moment.replace("Z", "+00:00")) for moment in queues)
        age = (datetime.now(timezone.utc) - deleted).total_seconds()
        time.sleep(max(0.0, QUEUE_NAME_IS_FREE - age))
