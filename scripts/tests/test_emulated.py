"""scripts/deploy, scripts/verify and scripts/replay-events against the emulated AWS, by the real AWS CLI: what of them can be
played on this machine.

The emulator reads no API definition, runs no function, knows no conditions when it simulates policies, and writes no history of
what an alarm did. So the checks import-warnings, preflights, role-rights, cold-start and alarm-mail are played against a double
in test_verify.py; preflights also by .ci/no-watch, through the API of `cargo dev`."""

import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

from rig import ACCOUNT, ROOT, SETTINGS, Checkout

from deployment import adopt

MINISTACK = ROOT / "target/local/venv/bin/python"


def without_unsupported(text: str) -> str:
    """The emulator refuses alarms over a calculation of metrics or over other alarms, and saved queries; `cargo dev` leaves them
    out too."""
    before, mark, after = text.partition("\nOutputs:\n")
    blocks = re.split(r"^(?=  [A-Za-z0-9]+:\n)", before, flags=re.M)
    calculates = [b for b in blocks if "AWS::CloudWatch::Alarm\n" in b and "\n      Metrics:\n" in b]
    refused = ("AWS::CloudWatch::CompositeAlarm\n", "AWS::Logs::QueryDefinition\n")
    kept = [b for b in blocks if b not in calculates and not any(kind in b for kind in refused)]
    return "".join(kept) + mark + after


class Emulated(Checkout):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        told = {"BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "TMPDIR": str(directory),
                "S3_DATA_DIR": str(directory / "s3"), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LOG_LEVEL": "WARNING"}
        process = subprocess.Popen([MINISTACK, "-I", "-m", "ministack"], cwd=directory, env={**os.environ, **told},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        cls.url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{cls.url}/_ministack/ready", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the emulated AWS does not start")

    def setUp(self):
        super().setUp()
        template = self.root / "template.yaml"
        template.write_text(without_unsupported(template.read_text(encoding="utf-8")), encoding="utf-8")
        self.settings({**SETTINGS, "AlarmEmail": "on-call@example.com"})

    def aws(self, *words: str) -> str:
        words = ("aws", *words, "--endpoint-url", self.url, "--output", "json")
        told = {**os.environ, **self.environment()}
        done = subprocess.run(words, env=told, capture_output=True, text=True, check=True)
        return done.stdout

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}

    def test_stack_is_deployed_by_one_command_and_verified_as_far_as_it_goes(self):
        made = self.play("deploy", "played", **self.environment())
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("the API has its address", made.stdout)
        self.assertIn(".amazonaws.com/api/v1/lead/douyin/auth/callback", made.stdout)
        self.assert_tells_no_secret(made)

        # What the sweeper would write.
        self.aws("cloudwatch", "put-metric-data", "--namespace", "played", "--metric-name", "OldestDueTask", "--value", "0")
        lines: list[str] = []

        def verify(*names: str) -> None:
            chosen = [word for name in names for word in ("--only", name)]
            lines.extend(self.play("verify", "played", *chosen, **self.environment()).stdout.splitlines())

        # Schedules take their time, in which the others are played.
        late = threading.Thread(target=verify, args=["lateness"])
        late.start()
        again = self.play("deploy", "played", **self.environment())
        verify("kms-context", "metric", "rollback")
        late.join()
        self.assertEqual((again.returncode, "no changes" in again.stdout), (0, True), again.stdout + again.stderr)
        self.assertEqual(
            sorted(line.split(":")[0] for line in lines),
            ["PASS kms-context", "PASS lateness", "PASS metric", "PASS rollback"], lines)
        for left in (self.aws("sqs", "list-queues"), self.aws("iam", "list-roles"), self.aws("scheduler", "list-schedules"),
                     self.aws("s3", "ls", "--recursive", f"s3://cunkebao-artifacts-{ACCOUNT}-us-east-1")):
            self.assertNotIn("verify", left)

    def test_deleted_stack_is_made_anew_around_its_stores(self):
        self.settings({**SETTINGS, "STACK_NAME": "again", "PublicBaseUrl": "https://api.example.com"})
        self.assertEqual(self.play("deploy", "played", **self.environment()).returncode, 0)
        key = self.output("TokenKeyId")
        row = {"user_id": {"N": "1"}, "entry": {"S": "before"}}
        self.aws("dynamodb", "put-item", "--table-name", "again-t_audit", "--item", json.dumps(row))
        self.aws("cloudformation", "delete-stack", "--stack-name", "again")
        self.aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "again")
        refused = self.play("deploy", "played", "--check", **self.environment())
        self.assert_refused(refused, "again-t_audit", "--adopt")
        done = self.play("deploy", "played", "--adopt", **self.environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        stores = adopt.stores((ROOT / "template.yaml").read_text(encoding="utf-8"))
        self.assertIn(f"took over {len(stores)} stores", done.stdout)
        self.assertEqual(json.loads(self.aws("dynamodb", "scan", "--table-name", "again-t_audit"))["Items"], [row])
        self.assertEqual(self.output("TokenKeyId"), key)

    def test_failed_first_deployment_leaves_nothing_in_the_way_of_the_second(self):
        self.settings({**SETTINGS, "STACK_NAME": "second", "PublicBaseUrl": "https://api.example.com"})
        template = self.root / "template.yaml"
        good = template.read_text(encoding="utf-8")
        waits = "  Never:\n    Type: AWS::CloudFormation::WaitCondition\n    DependsOn: [AuditTable, TokenKey]\n"
        waits += "    Properties: { Handle: !Ref NeverHandle, Timeout: '1', Count: 1 }\n"
        handle = "  NeverHandle:\n    Type: AWS::CloudFormation::WaitConditionHandle\n"
        template.write_text(good.replace("\nOutputs:\n", f"\n{handle}{waits}\nOutputs:\n"), encoding="utf-8")
        self.assert_refused(self.play("deploy", "played", **self.environment()), "Never")
        template.write_text(good, encoding="utf-8")
        made = self.play("deploy", "played", **self.environment())
        self.assertEqual(made.returncode, 0, made.stderr)

    def test_events_are_sent_to_the_sink_again_from_a_number_on(self):
        sink = f"arn:aws:sqs:us-east-1:{ACCOUNT}:modules.fifo"
        settings = {**SETTINGS, "STACK_NAME": "replayed", "PublicBaseUrl": "https://api.example.com"}
        self.settings(settings)
        self.assertEqual(self.play("deploy", "played", **self.environment()).returncode, 0)

        def replay(tenant: str, first: str) -> subprocess.CompletedProcess:
            return self.play("replay-events", "replayed", tenant, first, **self.environment())

        def put(sequence: int, **columns: dict) -> None:
            row = {"user_id": {"N": "21"}, "sequence": {"N": str(sequence)}, **columns}
            self.aws("dynamodb", "put-item", "--table-name", "replayed-t_event", "--item", json.dumps(row))

        def head() -> dict:
            key = json.dumps({"user_id": {"N": "21"}, "sequence": {"N": "0"}})
            return json.loads(self.aws("dynamodb", "get-item", "--table-name", "replayed-t_event", "--key", key))["Item"]

        before = {"last_sequence": {"N": "5"}, "sink_sequence": {"N": "4"}, "webhook_sequence": {"N": "5"}}
        put(0, **before)
        for sequence in (2, 3, 4, 5):
            put(sequence)
        self.assert_refused(replay("21", "2"), "EventSink")
        self.settings({**settings, "EventSink": sink})
        self.assertEqual(self.play("deploy", "played", **self.environment()).returncode, 0)
        unchanged = head()
        for tenant, first, text in (
            ("21", "6", "1 to 5"), ("21", "0", "1 to 5"), ("22", "1", "none"), ("21", "5", "up to 4"),
            ("21", "1", "has number 2"), ("21", "x", "scripts/replay-events <stack>"),
        ):
            self.assert_refused(replay(tenant, first), text)
        self.assertEqual(head(), unchanged)

        # The emulator takes messages for functions that it does not run.
        for source in json.loads(self.aws("lambda", "list-event-source-mappings"))["EventSourceMappings"]:
            if source["EventSourceArn"].endswith(":replayed-event"):
                self.aws("lambda", "delete-event-source-mapping", "--uuid", source["UUID"])
        done = replay("21", "2")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("events 2 to 5 of user 21", done.stdout)
        after = head()
        self.assertGreater(int(after.pop("dispatch_since")["N"]), 1_700_000_000_000)
        self.assertEqual(after, {**unchanged, "sink_sequence": {"N": "1"}, "dispatch_shard": {"S": "5"}})
        url = json.loads(self.aws("sqs", "get-queue-url", "--queue-name", "replayed-event"))["QueueUrl"]
        received = json.loads(self.aws("sqs", "receive-message", "--queue-url", url, "--max-number-of-messages", "10"))
        self.assertEqual([json.loads(one["Body"]) for one in received["Messages"]], [{"userId": 21}])

    def output(self, name: str) -> str:
        described = json.loads(self.aws("cloudformation", "describe-stacks", "--stack-name", "again"))["Stacks"][0]
        return next(one["OutputValue"] for one in described["Outputs"] if one["OutputKey"] == name)


if __name__ == "__main__":
    unittest.main()
