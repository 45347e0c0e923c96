"""The stack that is looked at."""

import time
from dataclasses import dataclass

from deployment.aws import Aws
from deployment.console import Problem
from deployment.state import describe, outputs, resources


class Failed(Exception):
    """A check found something wrong."""


class NotHere(Exception):
    """A check cannot be played on this stack, for a reason that is no fault of it."""


@dataclass
class Stack:
    """Its name, and what CloudFormation knows of it."""

    aws: Aws
    name: str
    outputs: dict[str, str]
    parameters: dict[str, str]
    # Physical ids by logical ids.
    resources: dict[str, str]

    @classmethod
    def read(cls, aws: Aws, name: str) -> "Stack":
        described = describe(aws, name)
        if not described:
            raise Problem(f"there is no stack {name} in {aws.region}")
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
        known = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources(aws, name)}
        return cls(aws, name, outputs(described), parameters, known)

    @property
    def origins(self) -> list[str]:
        return self.parameters["FrontendOrigins"].split(",")


def wait_for(what: str, seconds: float, look, pause: float = 2):
    """Looks until something is seen, and answers that."""
    end = time.monotonic() + seconds
    while True:
        if seen := look():
            return seen
        if time.monotonic() > end:
            raise Failed(f"no {what} within {seconds:g} s")
        time.sleep(pause)
