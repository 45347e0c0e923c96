"""Calling AWS by its CLI. A request goes in by a file that nobody else may read and that is gone after the call, so no value
of it is an argument, which every user of the machine can read in the list of processes."""

import json
import os
import re
import subprocess
import tempfile

from .console import Problem

REFUSED = re.compile(r"An error occurred \((?P<code>[^)]+)\) when calling the \w+ operation[^:]*: (?P<message>.*)", re.S)


def region() -> str:
    """The region that the AWS CLI is set to."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if os.environ.get(name):
            return os.environ[name]
    done = subprocess.run(["aws", "configure", "get", "region"], capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise Problem("the AWS CLI has no region: set AWS_REGION")
    return done.stdout.strip()


class AwsError(Problem):
    """AWS refused a call."""

    def __init__(self, call: str, code: str, message: str):
        super().__init__(f"AWS refuses {call}: {message} ({code})")
        self.code = code
        self.message = message


class Aws:
    """One account and region. `secrets` are values that must not be told whatever the CLI says."""

    def __init__(self, region: str, profile: str = "", secrets: tuple[str, ...] = ()):
        self.region = region
        self.secrets = tuple(secret for secret in secrets if secret)
        self.environment = {**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        # The pager of version 2 would wait for a key.
        self.environment["AWS_PAGER"] = ""
        if profile:
            self.environment["AWS_PROFILE"] = profile

    def call(self, service: str, operation: str, **request) -> dict:
        """Makes one call and returns its answer."""
        # The file's mode is 0600. Standard input would not do: version 1 of the CLI reads the file twice.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
            json.dump(request, file)
            file.flush()
            done = self._run(["aws", service, operation, "--output", "json", "--cli-input-json", f"file://{file.name}"])
        if done.returncode:
            raise self._error(f"{service} {operation}", done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def maybe(self, service: str, operation: str, absent: tuple[str, ...], **request) -> dict | None:
        """The same, or nothing when it is refused with one of these codes."""
        try:
            return self.call(service, operation, **request)
        except AwsError as refused:
            if refused.code in absent or any(text in refused.message for text in absent):
                return None
            raise

    def copy(self, *arguments: str) -> None:
        """One of the commands `aws s3 …`."""
        done = self._run(["aws", "s3", *arguments])
        if done.returncode:
            raise self._error(f"s3 {arguments[0]}", done.stderr)

    def command(self, service: str, operation: str, *words: str) -> dict:
        """A call by the words of the CLI, for what a request in JSON cannot have: bytes mean something else there in version 1
        than in version 2. Never for a secret."""
        done = self._run(["aws", service, operation, "--output", "json", *words])
        if done.returncode:
            raise self._error(f"{service} {operation}", done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def object_url(self, bucket: str, key: str) -> str:
        """The address of an object, by which CloudFormation reads a template."""
        if own := os.environ.get("AWS_ENDPOINT_URL"):
            return f"{own}/{bucket}/{key}"
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://{bucket}.s3.{self.region}.{suffix}/{key}"

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess:
        # Version 1 calls SQS by an old name of its own unless it is told here.
        if own := os.environ.get("AWS_ENDPOINT_URL"):
            arguments = [*arguments, "--endpoint-url", own]
        return subprocess.run(
            arguments, stdin=subprocess.DEVNULL, env=self.environment, capture_output=True, text=True, check=False
        )

    def _error(self, call: str, said: str) -> Problem:
        for secret in self.secrets:
            said = said.replace(secret, "***")
        refused = REFUSED.search(said)
        if refused:
            return AwsError(call, refused["code"], refused["message"].strip())
        return Problem(f"aws {call} failed: {said.strip()[-600:]}")
