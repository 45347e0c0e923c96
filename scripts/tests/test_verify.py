"""scripts/verify against a double of the AWS CLI: what each check takes for right and for wrong, and that it takes back what it
has changed."""

import base64
import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

from rig import Checkout

ORIGIN = "https://app.example.com"
REPORT = {"initDurationMs": 38.0, "durationMs": 12.5, "maxMemoryUsedMB": 31, "memorySizeMB": 256}


def stack(base: str = "http://127.0.0.1:9") -> dict:
    """What CloudFormation tells of a stack."""
    outputs = {"TicketTopicArn": "arn:aws:sns:us-east-1:1:ticket", "TokenKeyId": "key", "PublishScheduleGroupName": "group"}
    parameters = {"PublicBaseUrl": base, "FrontendOrigins": ORIGIN}
    return {"Stacks": [{
        "StackStatus": "UPDATE_COMPLETE",
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }]}


def resources(**physical: str) -> dict:
    known = {"HttpApi": "api", "AuditFunctionRoutePermission": "p", "DouyinTokenKeeperFunctionRole": "role",
             "WechatHealthCheckerSilentAlarm": "alarm", **physical}
    return {"StackResourceSummaries": [
        {"LogicalResourceId": name, "PhysicalResourceId": it, "ResourceStatus": "CREATE_COMPLETE"} for name, it in known.items()]}


def tail(*lines: dict) -> str:
    return base64.b64encode("\n".join(map(json.dumps, lines)).encode()).decode()


class Api(BaseHTTPRequestHandler):
    """An API that answers preflights of one origin, or of any when `open_to_all` is set."""

    open_to_all = False

    def do_OPTIONS(self):  # noqa: N802
        self.send_response(204)
        if self.open_to_all or self.headers["Origin"] == ORIGIN:
            self.send_header("Access-Control-Allow-Origin", self.headers["Origin"])
            self.send_header("Access-Control-Allow-Credentials", "true")
            self.send_header("Access-Control-Allow-Methods", "GET,PATCH")
            self.send_header("Access-Control-Allow-Headers", "authorization,content-type,idempotency-key")
        self.end_headers()

    def log_message(self, *_):
        pass


class Verifying(Checkout):
    def setUp(self):
        super().setUp()
        self.double("aws")
        (self.root / "events").mkdir()
        (self.root / "events/douyin-leads.json").write_text("{}", encoding="utf-8")

    def verify(self, check: str, answers: dict[str, list[dict]], base: str = "http://127.0.0.1:9") -> tuple[int, str]:
        self.answers({"cloudformation describe-stacks": [stack(base)], "cloudformation list-stack-resources": [resources()],
                      **answers})
        done = self.play("verify", "played", "--only", check, AWS_REGION="us-east-1")
        self.assertNotIn("Traceback", done.stderr)
        return done.returncode, done.stdout.strip()

    def test_import_that_was_taken_whole_passes_and_any_complaint_fails(self):
        taken = {"CorsConfiguration": {"AllowOrigins": [ORIGIN]}}
        routes = {"apigatewayv2 get-routes": [{"Items": [{}]}]}
        code, line = self.verify("import-warnings", {"apigatewayv2 get-api": [taken], **routes})
        self.assertEqual((code, line), (0, "PASS import-warnings: no warnings, 1 routes, the origins of the stack"))
        for wrong, says in (({**taken, "ImportInfo": ["unable to parse"]}, "unable to parse"), ({}, "allows the origins []")):
            code, line = self.verify("import-warnings", {"apigatewayv2 get-api": [wrong], **routes})
            self.assertEqual((code, says in line), (1, True), line)
        code, line = self.verify("import-warnings", {"apigatewayv2 get-api": [taken], "apigatewayv2 get-routes": [{"Items": []}]})
        self.assertEqual((code, "0 routes" in line), (1, True), line)

    def test_preflight_of_each_origin_has_to_be_allowed_and_of_a_stranger_not(self):
        server = HTTPServer(("127.0.0.1", 0), Api)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        base = f"http://127.0.0.1:{server.server_port}"
        self.assertEqual(self.verify("preflights", {}, base), (0, "PASS preflights: 1 allowed, with cookies; a stranger is not"))
        self.addCleanup(setattr, Api, "open_to_all", False)
        Api.open_to_all = True
        self.assertEqual(self.verify("preflights", {}, base)[0], 1)
        self.assertEqual(self.verify("preflights", {})[0], 1)

    def test_role_may_open_its_own_table_and_no_other(self):
        told = {"iam get-role": [{"Role": {"Arn": "arn:role"}}], "kms describe-key": [{"KeyMetadata": {"Arn": "arn:key"}}]}

        def decided(*decisions: str) -> int:
            answers = [{"EvaluationResults": [{"EvalDecision": decision}]} for decision in decisions]
            return self.verify("role-rights", {**told, "iam simulate-principal-policy": answers})[0]

        self.assertEqual(decided("allowed", "implicitDeny"), 0)
        self.assertEqual(decided("allowed", "allowed"), 1)
        self.assertEqual(decided("implicitDeny", "implicitDeny"), 1)
        tables = [one["ContextEntries"][0]["ContextKeyValues"] for one in self.requests("iam simulate-principal-policy")]
        self.assertEqual(tables[:2], [["t_douyin_auth"], ["t_wechat_corp"]])

    def test_alarm_is_sent_to_confirmed_subscribers_and_set_back(self):
        topic = stack()["Stacks"][0]["Outputs"][0]["OutputValue"]
        heard = {
            "sns list-subscriptions-by-topic": [{"Subscriptions": [{"SubscriptionArn": "arn:x", "Endpoint": "a@example.com"}]}],
            "cloudwatch describe-alarms": [{"MetricAlarms": [{"StateValue": "OK"}]}],
            "cloudwatch describe-alarm-history": [{"AlarmHistoryItems": [{"HistoryData": f"executed {topic}"}]}],
        }
        code, line = self.verify("alarm-mail", heard)
        self.assertEqual((code, "sent to a@example.com" in line), (0, True), line)
        states = [one["StateValue"] for one in self.requests("cloudwatch set-alarm-state")]
        self.assertEqual(states, ["ALARM", "OK"])
        pending = {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation", "Endpoint": "a@example.com"}]}
        code, line = self.verify("alarm-mail", {**heard, "sns list-subscriptions-by-topic": [pending]})
        self.assertEqual((code, "confirm its mails" in line), (1, True), line)

    def test_cold_start_is_told_and_the_level_of_the_log_set_back(self):
        before = {"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN"}, "LastUpdateStatus": "Successful"}
        lines = [{"type": "platform.start"}, {"type": "platform.report", "record": {"metrics": REPORT}}]
        told = {"lambda get-function-configuration": [before], "lambda invoke": [{"LogResult": tail(*lines)}]}
        self.assertEqual(
            self.verify("cold-start", told), (0, "PASS cold-start: init 38 ms, call 12 ms, 31 of 256 MB"))
        levels = [one["LoggingConfig"]["SystemLogLevel"] for one in self.requests("lambda update-function-configuration")]
        self.assertEqual(levels, ["INFO", "WARN"])
        for numbers in ({**REPORT, "initDurationMs": 4000.0}, {**REPORT, "maxMemoryUsedMB": 250}):
            slow = {"type": "platform.report", "record": {"metrics": numbers}}
            self.assertEqual(self.verify("cold-start", {**told, "lambda invoke": [{"LogResult": tail(slow)}]})[0], 1)
        code, line = self.verify("cold-start", {**told, "lambda invoke": [{"LogResult": tail(lines[0])}]})
        self.assertEqual((code, "no REPORT line" in line), (1, True), line)

    def test_check_that_is_interrupted_takes_back_what_it_has_made(self):
        told = {"sqs create-queue": [{"QueueUrl": "q"}], "sqs get-queue-attributes": [{"Attributes": {"QueueArn": "arn:q"}}],
                "iam create-role": [{"Role": {"Arn": "arn:r"}}],
                "scheduler list-schedules": [{"Schedules": [{"Name": "verify-1"}]}]}
        self.answers({"cloudformation describe-stacks": [stack()], "cloudformation list-stack-resources": [resources()], **told})
        running = self.start("verify", "played", "--only", "lateness", AWS_REGION="us-east-1")
        while not self.requests("scheduler create-schedule"):
            self.assertIsNone(running.poll())
        running.terminate()
        running.communicate(timeout=60)
        self.assertEqual(running.returncode, 143)
        made = [one["call"] for one in self.calls()]
        back = ["scheduler list-schedules", "scheduler delete-schedule", "iam delete-role-policy", "iam delete-role",
                "sqs delete-queue"]
        self.assertEqual(made[-len(back):], back)

    def test_check_that_is_unknown_and_stack_that_is_not_there_are_told(self):
        self.answers({"cloudformation describe-stacks": [{"error": "ValidationError", "message": "x does not exist"}]})
        self.assert_refused(self.play("verify", "played", AWS_REGION="us-east-1"), "there is no stack played")
        self.assert_refused(self.play("verify", "played", "--only", "coldstart"), "no check is called coldstart", "cold-start")
        self.assert_refused(self.play("verify"), "scripts/verify <stack>")


if __name__ == "__main__":
    unittest.main()
