"""The `cargo dev` that is asked: where its parts are, who signs in, and how the simulated platforms are steered."""

import json
import subprocess
import time
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "fuzz"
WORK = ROOT / "target/fuzz"
DOCUMENT = ROOT / "docs/openapi.json"

# Longer than a function may take.
PATIENCE = 60


class Stack:
    def __init__(self):
        record = json.loads((ROOT / "target/local/stack.json").read_text())
        self.api = record["apiUrl"]
        self.functions = record["functionsUrl"]
        self.aws = record["awsUrl"]
        self.platforms = record["sandboxUrl"]
        self.account = record["accessKeyId"]
        self.douyin_secret = json.loads((ROOT / "target/local/identity.json").read_text())["douyinClientSecret"]
        self.http = requests.Session()
        # A proxy of the environment is not for this machine.
        self.http.trust_env = False
        # Whose cookie a request has is part of what is tried.
        self.http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def token(self, user, permissions="*"):
        """Signs a user in as the product does."""
        told = [ROOT / "target/debug/local", "token", "--user", str(user), "--permissions", permissions]
        return subprocess.run(told, check=True, capture_output=True, text=True).stdout.strip()

    def steer(self, method, path, body=None):
        """Asks the control API of the simulated platforms."""
        answer = self.http.request(method, f"{self.platforms}/_sandbox/{path}", json=body, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()

    def invoke(self, function):
        """Runs a scheduled function now."""
        address = f"{self.functions}/2015-03-31/functions/{function}/invocations"
        self.http.post(address, json={}, timeout=PATIENCE).raise_for_status()

    def hold(self, function, held):
        """While held, whatever a function writes meets somebody else's, as at rows that everybody wants."""
        answer = self.http.post(f"{self.aws}/_rules/{'hold' if held else 'release'}/{function}", timeout=PATIENCE)
        answer.raise_for_status()


def table(path, columns):
    """The rows of a list: columns between bars, without comments."""
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return [[part.strip() for part in line.split(" | ", columns - 1)] for line in lines]


def until(what, look, seconds=PATIENCE):
    """What `look` answers as soon as that is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        time.sleep(0.2)
    raise SystemExit(f"{what}: not within {seconds} s")
