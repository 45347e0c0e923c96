"""A checkout of its own for each test, in which the scripts are played with doubles of the tools before all others in PATH:
cargo, rustc and zig, so that nothing is built, and aws, unless the test plays against the emulated AWS."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts"))

ACCOUNT = "111111111111"
SECRETS = {
    "DouyinClientSecret": "theClientSecretOfTheTest",
    "JwtSecret": "theSigningSecretOfTheTestWithEnoughLetters",
    "GatewayWebhookSecret": "theGatewaySecretOfTheTestWithEnoughLetters",
}
SETTINGS = {
    "STACK_NAME": "played",
    "AWS_ACCOUNT_ID": ACCOUNT,
    "AWS_REGION": "us-east-1",
    "FrontendOrigins": "https://app.example.com",
    "DouyinClientKey": "clientkey",
    **SECRETS,
}


class Checkout(unittest.TestCase):
    """A test in a checkout of its own."""

    def setUp(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for part in ("scripts", "deploy"):
            shutil.copytree(ROOT / part, self.root / part, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        for part in ("template.yaml", "rust-toolchain.toml", "tests/local/python/requirements.txt"):
            (self.root / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, self.root / part)
        self.settings(SETTINGS)
        self.tools = self.root / "tools"
        self.tools.mkdir()
        for tool in ("cargo", "rustc", "zig"):
            self.double(tool)

    def settings(self, settings: dict[str, str]) -> None:
        path = self.root / "deploy/played.env"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        path.chmod(0o600)

    def double(self, tool: str) -> None:
        shutil.copy(ROOT / "scripts/tests/doubles" / tool, self.tools / tool)

    def answers(self, answers: dict[str, list[dict]]) -> None:
        (self.root / "answers.json").write_text(json.dumps(answers), encoding="utf-8")

    def calls(self) -> list[dict]:
        path = self.root / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def requests(self, call: str) -> list[dict]:
        return [one["request"] for one in self.calls() if one["call"] == call]

    def start(self, script: str, *arguments: str, **environment: str) -> subprocess.Popen:
        path = os.pathsep.join([str(self.tools), os.environ["PATH"]])
        told = {**os.environ, "PATH": path, "DOUBLE_DIR": str(self.root), "no_proxy": "127.0.0.1", **environment}
        return subprocess.Popen(
            [sys.executable, str(self.root / "scripts" / script), *arguments], cwd=self.root, env=told,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def play(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        running = self.start(script, *arguments, **environment)
        said, failed = running.communicate(timeout=300)
        return subprocess.CompletedProcess(running.args, running.returncode, said, failed)

    def deploy(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return self.play("deploy", "played", *arguments, **environment)

    def assert_tells_no_secret(self, done: subprocess.CompletedProcess) -> None:
        arguments = json.dumps([one["words"] for one in self.calls()])
        for name, secret in SECRETS.items():
            for where, text in (("arguments", arguments), ("output", done.stdout), ("errors", done.stderr)):
                self.assertNotIn(secret, text, f"{name} is in the {where}")

    def assert_refused(self, done: subprocess.CompletedProcess, *texts: str) -> None:
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
