"""SAM template -> CloudFormation template, as JSON on standard output: transform.py template.yaml

For deployment on the emulator, where `cargo lambda watch` serves the functions: the location of their code is a dummy.
"""

import json
import os
import sys

# The translator asks boto3 for a region, to learn the partition from it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
from yaml import YAMLError


class NoManagedPolicies:
    """The template names no AWS managed policy, so nothing is to be looked up (the stock loader calls IAM)."""

    def load(self):
        return {}


def main():
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            template = yaml_parse(file.read())
    except YAMLError as invalid:
        sys.exit(" ".join(str(invalid).split()))
    parameters = {name: spec["Default"] for name, spec in template.get("Parameters", {}).items() if "Default" in spec}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://local/bootstrap.zip"
    try:
        json.dump(transform(template, parameters, NoManagedPolicies()), sys.stdout, separators=(",", ":"))
    except InvalidDocumentException as invalid:
        sys.exit("; ".join(cause.message for cause in invalid.causes) or invalid.message)


main()
