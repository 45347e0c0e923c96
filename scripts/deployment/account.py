"""Whether this is the right account, and whether it has room for the stack."""

from .aws import Aws
from .console import Problem
from .settings import Settings

# The keepers and the sweeper, each one at a time.
SCHEDULED = 3
# What is left for calls of the API at the very least.
API = 3
# Of Lambda's quota "Concurrent executions".
QUOTA = "L-B99A9384"


def check_identity(aws: Aws, settings: Settings) -> None:
    """Refuses another account than the file names."""
    wanted = settings.place["AWS_ACCOUNT_ID"]
    profile = settings.place["AWS_PROFILE"]
    login = f"aws sso login --profile {profile}" if profile else "aws configure, or set AWS_PROFILE in the file"
    try:
        found = aws.call("sts", "get-caller-identity")["Account"]
    except Problem as problem:
        raise Problem(f"AWS does not know who asks. Log in ({login}).\n  {problem}") from problem
    if found != wanted:
        raise Problem(f"logged in to account {found}, and the settings are for {wanted}. Log in to that ({login}).")


def check_concurrency(aws: Aws, settings: Settings) -> None:
    """Refuses an account in which the workers would leave nothing for the API: a new account runs 10 functions at once."""
    limits = aws.call("lambda", "get-account-settings")["AccountLimit"]
    workers = {name: int(settings.value(name)) for name in ("PublishConcurrency", "FanSyncConcurrency")}
    needed = sum(workers.values()) + SCHEDULED + API
    allowed = limits["UnreservedConcurrentExecutions"]
    if allowed < needed:
        what = " + ".join(f"{name} {count}" for name, count in workers.items())
        raise Problem(
            f"the account runs at most {allowed} functions at once, and {needed} are needed ({what} + {SCHEDULED} scheduled "
            f"+ {API} for the API). Have the quota raised, which is free and takes up to some days:\n"
            f"  aws service-quotas request-service-quota-increase --service-code lambda --quota-code {QUOTA} "
            f"--desired-value 1000 --region {aws.region}\n"
            "or begin with PublishConcurrency=2 and FanSyncConcurrency=2."
        )


def check_leftovers(aws: Aws, settings: Settings) -> None:
    """Refuses to make a stack where an earlier one of its name has left its tables: CloudFormation would find out last."""
    prefix = f"{settings.stack}-t_"
    left = [name for name in aws.call("dynamodb", "list-tables")["TableNames"] if name.startswith(prefix)]
    if left:
        raise Problem(
            f"tables of an earlier stack {settings.stack} are still there: {', '.join(left)}.\n"
            "Take them over by --adopt, or delete them: docs/operations.md#delete-and-re-create"
        )
