"""Whether a function may open what is stored in its own table and nothing else, as IAM decides it for its role."""

from contextlib import ExitStack

from ..stack import Failed, Stack
from .kms_context import OTHER, OWN

ROLE = "DouyinTokenKeeperFunctionRole"


def check(stack: Stack, _: ExitStack) -> str:
    role = stack.aws.call("iam", "get-role", RoleName=stack.resources[ROLE])["Role"]["Arn"]
    key = stack.aws.call("kms", "describe-key", KeyId=stack.outputs["TokenKeyId"])["KeyMetadata"]["Arn"]

    def decision(table: str) -> str:
        context = {"ContextKeyName": "kms:EncryptionContext:table", "ContextKeyValues": [table], "ContextKeyType": "string"}
        answer = stack.aws.call(
            "iam", "simulate-principal-policy", PolicySourceArn=role, ActionNames=["kms:Decrypt"], ResourceArns=[key],
            ContextEntries=[context],
        )
        return answer["EvaluationResults"][0]["EvalDecision"]

    own, other = decision(OWN), decision(OTHER)
    if (own, other) != ("allowed", "implicitDeny"):
        raise Failed(f"the token keeper opens tokens of {OWN}: {own}; of {OTHER}: {other}")
    return f"the token keeper may open {OWN} and not {OTHER}"
