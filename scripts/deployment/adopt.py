"""Making a stack anew around the stores that an earlier one of its name has left: its tables, its bucket, its keys.

CloudFormation refuses to make what is there already, but takes it over by a change set of the kind IMPORT, which may hold
nothing else. So first comes a template of the stores alone, and the next update lets it grow to the whole one."""

import re

from .aws import Aws
from .change_set import carry_out
from .console import Problem, say
from .template import section

KEPT = "    DeletionPolicy: RetainExceptOnCreate\n"
KIND = re.compile(r"^    Type: (\S+)$", re.M)
# CloudFormation's name for what identifies a resource of a kind.
IDENTIFIERS = {"AWS::DynamoDB::Table": "TableName", "AWS::S3::Bucket": "BucketName", "AWS::KMS::Key": "KeyId"}


def stores(text: str) -> dict[str, str]:
    """The blocks of what outlives a stack, by logical id."""
    blocks = re.split(r"^  (?=[A-Za-z0-9]+:\n)", section(text, "Resources"), flags=re.M)[1:]
    return {block.partition(":")[0]: f"  {block}" for block in blocks if KEPT in block}


def import_template(blocks: dict[str, str]) -> str:
    """A template of these alone. What is imported has to be kept whatever happens."""
    kept = (block.replace(KEPT, "    DeletionPolicy: Retain\n") for block in blocks.values())
    return "".join(["AWSTemplateFormatVersion: '2010-09-09'\nResources:\n", *kept])


class Found:
    """What of an account's tables, buckets and keys may be a stack's."""

    def __init__(self, aws: Aws, stack: str):
        self.stack = stack
        self.tables = aws.call("dynamodb", "list-tables")["TableNames"]
        self.buckets = [bucket["Name"] for bucket in aws.call("s3api", "list-buckets")["Buckets"]]
        keys = aws.call("kms", "list-keys")["Keys"]
        keys = [aws.call("kms", "describe-key", KeyId=key["KeyId"])["KeyMetadata"] for key in keys]
        self.keys = [(key.get("Description", ""), key["KeyId"]) for key in keys if key["KeyState"] == "Enabled"]

    def candidates(self, logical_id: str, block: str) -> list[str]:
        """What may be this store: by its name, or where CloudFormation has made that up, by how it does; a key by what it says of
        itself."""
        kind = KIND.search(block)[1]
        if kind == "AWS::DynamoDB::Table":
            name = re.search(r"TableName: !Sub (\S+)", block)[1].replace("${AWS::StackName}", self.stack)
            return [table for table in self.tables if table == name]
        if kind == "AWS::S3::Bucket":
            return [bucket for bucket in self.buckets if bucket.startswith(f"{self.stack}-{logical_id}-".lower())]
        description = re.search(r"Description: !Sub (.+)", block)[1].replace("${AWS::StackName}", self.stack)
        return [key for told, key in self.keys if told == description]


def to_import(text: str, found: Found) -> list[dict]:
    """Each store that is there. All have to be: with another key or without one of its tables the rest cannot be read."""
    imported, problems = [], []
    for logical_id, block in stores(text).items():
        candidates = found.candidates(logical_id, block)
        if len(candidates) != 1:
            problems.append(f"  {logical_id}: {', '.join(candidates) or 'is not there'}")
            continue
        kind = KIND.search(block)[1]
        identifier = {IDENTIFIERS[kind]: candidates[0]}
        imported.append({"ResourceType": kind, "LogicalResourceId": logical_id, "ResourceIdentifier": identifier})
    if problems:
        raise Problem("\n".join([
            f"not every store of {found.stack} is there once. A missing table is restored from its backup under its own name; of "
            "several buckets or keys the wrong ones are deleted, or a key gets another description:", *problems]))
    return imported


def adopt(aws: Aws, stack: str, text: str, publish) -> None:
    """Makes the stack of its stores. `publish` puts a template where CloudFormation reads it and answers its address."""
    imported = to_import(text, Found(aws, stack))
    url = publish(import_template(stores(text)))
    carry_out(aws, stack, ChangeSetType="IMPORT", ResourcesToImport=imported, TemplateURL=url)
    say(f"took over {len(imported)} stores of an earlier stack {stack}")
