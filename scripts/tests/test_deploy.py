"""scripts/deploy against a double of the AWS CLI: what it asks of AWS, and what it makes of each answer."""

import platform
import re
import stat
import unittest
import zipfile

from rig import ACCOUNT, ROOT, SECRETS, SETTINGS, Checkout

from deployment import package, template
from deployment.console import Problem

API = "https://api.example.com"
OUTPUTS = {
    "ApiUrl": API,
    "DouyinRedirectUrl": f"{API}/api/v1/lead/douyin/auth/callback",
    "DouyinWebhookUrl": f"{API}/api/v1/lead/douyin/webhook",
    "GatewayWebhookUrl": f"{API}/api/v1/workbench/wechat/gateway/webhook/",
}
ABSENT = {"error": "ValidationError", "message": "Stack with id played does not exist"}
MADE = {"Status": "CREATE_COMPLETE", "Changes": [
    {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "SweeperFunction", "ResourceType": "AWS::Lambda::Function",
                        "Replacement": "False"}},
    {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "StateKey", "ResourceType": "AWS::KMS::Key",
                        "Replacement": "True"}},
]}
UNCHANGED = {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes. Submit different information"}


def stack(status: str, **outputs: str) -> dict:
    told = [{"OutputKey": key, "OutputValue": value} for key, value in {**OUTPUTS, **outputs}.items()]
    return {"Stacks": [{"StackName": "played", "StackStatus": status, "Outputs": told}]}


def account(concurrency: int = 1000, identity: str = ACCOUNT) -> dict[str, list[dict]]:
    return {
        "sts get-caller-identity": [{"Account": identity}],
        "lambda get-account-settings": [{"AccountLimit": {"UnreservedConcurrentExecutions": concurrency}}],
        "dynamodb list-tables": [{"TableNames": []}],
        "cloudformation describe-change-set": [MADE],
        "cloudwatch describe-alarms": [{"CompositeAlarms": []}],
    }


class Deploying(Checkout):
    def setUp(self):
        super().setUp()
        self.double("aws")

    def meet(self, *described: dict, **answers: list[dict]) -> None:
        more = {call.replace("__", " ").replace("_", "-"): given for call, given in answers.items()}
        self.answers({**account(), "cloudformation describe-stacks": list(described), **more})

    def test_first_deployment_makes_the_stack_and_tells_it_its_own_address(self):
        self.meet(ABSENT, stack("CREATE_IN_PROGRESS"), stack("CREATE_COMPLETE"), stack("UPDATE_COMPLETE"))
        done = self.deploy()
        self.assertEqual(done.returncode, 0, done.stderr)
        first, second = self.requests("cloudformation create-change-set")
        self.assertEqual([first["ChangeSetType"], second["ChangeSetType"]], ["CREATE", "UPDATE"])
        given = [{one["ParameterKey"]: one["ParameterValue"] for one in made["Parameters"]} for made in (first, second)]
        self.assertEqual(given[0]["PublicBaseUrl"], "https://placeholder.invalid")
        self.assertEqual(given[1]["PublicBaseUrl"], API)
        parameters = {name: value for name, value in SETTINGS.items() if not name.isupper() and "_" not in name}
        self.assertEqual(given[1], {**parameters, "PublicBaseUrl": API})
        for address in ("DouyinRedirectUrl", "DouyinWebhookUrl", "GatewayWebhookUrl"):
            self.assertIn(OUTPUTS[address], done.stdout)
        self.assert_tells_no_secret(done)

    def test_change_of_a_stack_is_told_and_its_replacements_too(self):
        self.meet(stack("UPDATE_COMPLETE"))
        done = self.deploy()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("modify SweeperFunction (AWS::Lambda::Function)", done.stdout)
        self.assertIn("replace StateKey (AWS::KMS::Key)", done.stdout)
        self.assertEqual(len(self.requests("cloudformation execute-change-set")), 1)

    def test_repeated_deployment_changes_nothing_and_leaves_no_change_set(self):
        self.meet(stack("UPDATE_COMPLETE"), cloudformation__describe_change_set=[UNCHANGED])
        done = self.deploy()
        self.assertEqual((done.returncode, "no changes" in done.stdout), (0, True), done.stderr)
        self.assertEqual(len(self.requests("cloudformation delete-change-set")), 1)
        self.assertEqual(self.requests("cloudformation execute-change-set"), [])

    def test_zip_of_a_function_has_a_program_and_the_same_name_for_the_same_program(self):
        self.meet(stack("UPDATE_COMPLETE"), cloudformation__describe_change_set=[UNCHANGED])
        names = []
        for _ in range(2):
            self.assertEqual(self.deploy().returncode, 0)
            names.append(sorted(path.name for path in (self.root / "target/deploy/package").rglob("*.zip")))
        self.assertEqual(names[0], names[1])
        (path,) = (self.root / "target/deploy/package/sweeper").iterdir()
        with zipfile.ZipFile(path) as archive:
            (entry,) = archive.infolist()
            self.assertEqual((entry.filename, stat.S_IMODE(entry.external_attr >> 16)), ("bootstrap", 0o755))
            self.assertTrue(archive.read(entry).startswith(b"\x7fELF"))
        uploaded = (self.root / "uploaded").read_text(encoding="utf-8")
        self.assertIn(f"CodeUri: s3://cunkebao-artifacts-{ACCOUNT}-us-east-1/played/sweeper/{path.name}\n", uploaded)
        self.assertEqual(uploaded.count("CodeUri: s3://"), uploaded.count("Type: AWS::Serverless::Function"))

    def test_programs_of_this_machine_are_programs(self):
        """Those that the demo has built; they are packed as those for Lambda are."""
        machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
        built = [ROOT / "target/debug" / name for name in template.binaries((ROOT / "template.yaml").read_text(encoding="utf-8"))]
        built = [program for program in built if program.exists()]
        if not built:
            self.skipTest("nothing is built here")
        for program in built:
            package.check_binary(program, machine)
        with self.assertRaises(Problem):
            package.check_binary(ROOT / "Cargo.toml", machine)

    def test_program_for_another_machine_is_refused(self):
        self.meet(stack("UPDATE_COMPLETE"))
        self.assert_refused(self.deploy(MACHINE=r"\x3e"), "is not a program for Linux on arm64")
        self.assertEqual(self.requests("cloudformation create-change-set"), [])

    def test_check_looks_and_does_nothing(self):
        self.meet(ABSENT)
        done = self.deploy("--check")
        self.assertEqual((done.returncode, "nothing is missing" in done.stdout), (0, True), done.stderr)
        self.assertFalse((self.root / "target").exists())

    def test_other_account_is_refused(self):
        self.meet(ABSENT, sts__get_caller_identity=[{"Account": "222222222222"}])
        self.assert_refused(self.deploy(), "logged in to account 222222222222", "aws configure")

    def test_account_without_room_is_refused_with_both_ways_out(self):
        self.meet(ABSENT, lambda__get_account_settings=[{"AccountLimit": {"UnreservedConcurrentExecutions": 10}}])
        self.assert_refused(self.deploy(), "at most 10", "21 are needed", "--quota-code L-B99A9384", "PublishConcurrency=2")
        self.settings({**SETTINGS, "PublishConcurrency": "2", "FanSyncConcurrency": "2"})
        self.assertEqual(self.deploy("--check").returncode, 0)

    def test_missing_tools_are_all_told_each_with_its_command(self):
        self.meet(ABSENT)
        done = self.deploy(CARGO_LAMBDA="1.0.0", TARGET_DIR="/none")
        self.assert_refused(done, "rustup target add", "pip install cargo-lambda==")
        self.assertEqual(self.calls(), [])

    def test_tables_of_an_earlier_stack_are_told_before_anything_is_built(self):
        self.meet(ABSENT, dynamodb__list_tables=[{"TableNames": ["other-t_audit", "played-t_audit"]}])
        done = self.deploy()
        self.assert_refused(done, "played-t_audit", "#delete-and-re-create")
        self.assertNotIn("other-t_audit", done.stderr)

    def test_stores_that_are_not_all_there_once_are_not_taken_over(self):
        source = (ROOT / "template.yaml").read_text(encoding="utf-8")
        tables = [f"played-{name}" for name in re.findall(r"TableName: !Sub \$\{AWS::StackName\}-(\S+)", source)]
        key = {"KeyState": "Enabled", "Description": "Platform tokens stored by played"}
        gone = {"KeyState": "PendingDeletion", "Description": "Hashes of people erased from played", "KeyId": "b"}
        self.meet(ABSENT, dynamodb__list_tables=[{"TableNames": [name for name in tables if name != "played-t_audit"]}],
                  s3api__list_buckets=[{"Buckets": [{"Name": "played-momentsbucket-1"}, {"Name": "played-momentsbucket-2"}]}],
                  kms__list_keys=[{"Keys": [{"KeyId": "a"}, {"KeyId": "b"}]}],
                  kms__describe_key=[{"KeyMetadata": {**key, "KeyId": "a"}}, {"KeyMetadata": gone}])
        done = self.deploy("--adopt")
        self.assert_refused(done, "AuditTable: is not there", "SuppressionKey: is not there",
                            "MomentsBucket: played-momentsbucket-1, played-momentsbucket-2")
        for fine in ("TokenKey", "DouyinLeadTable"):
            self.assertNotIn(fine, done.stderr)
        self.assertEqual(self.requests("cloudformation create-change-set"), [])

    def test_failed_first_deployment_that_left_nothing_is_deleted_and_made_anew(self):
        gone = {"StackResourceSummaries": [
            {"LogicalResourceId": "PublishQueue", "ResourceType": "AWS::SQS::Queue", "ResourceStatus": "DELETE_COMPLETE",
             "LastUpdatedTimestamp": "2026-01-01T00:00:00.000Z"}]}
        self.meet(stack("ROLLBACK_COMPLETE"), ABSENT, stack("CREATE_COMPLETE"),
                  cloudformation__list_stack_resources=[gone])
        done = self.deploy()
        self.assertEqual(done.returncode, 0, done.stderr)
        order = [one["call"] for one in self.calls()]
        self.assertLess(order.index("cloudformation delete-stack"), order.index("cloudformation create-change-set"))

    def test_failed_first_deployment_that_left_something_is_told_and_kept(self):
        kept = {"StackResourceSummaries": [
            {"LogicalResourceId": "MomentsBucket", "ResourceType": "AWS::S3::Bucket", "ResourceStatus": "DELETE_SKIPPED",
             "LastUpdatedTimestamp": "2026-01-01T00:00:00.000Z"}]}
        for status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
            self.meet(stack(status), cloudformation__list_stack_resources=[kept])
            self.assert_refused(self.deploy(), "MomentsBucket: DELETE_SKIPPED", "delete-stack --stack-name played")
        self.assertEqual(self.requests("cloudformation delete-stack"), [])

    def test_change_set_that_nobody_carried_out_is_no_stack(self):
        self.meet(stack("REVIEW_IN_PROGRESS"), stack("CREATE_COMPLETE"))
        self.assertEqual(self.deploy().returncode, 0)
        self.assertEqual(self.requests("cloudformation create-change-set")[0]["ChangeSetType"], "CREATE")

    def test_stack_that_is_being_changed_is_left_alone(self):
        self.meet(stack("UPDATE_IN_PROGRESS"))
        self.assert_refused(self.deploy(), "is being changed (UPDATE_IN_PROGRESS)")

    def test_failed_update_names_what_failed_by_itself(self):
        events = [("StateKey", "Resource update cancelled"), ("PublishQueue", "a queue of that name exists")]
        told = [{"LogicalResourceId": name, "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": why}
                for name, why in events]
        self.meet(stack("UPDATE_COMPLETE"), stack("UPDATE_ROLLBACK_COMPLETE"),
                  cloudformation__describe_stack_events=[{"StackEvents": told}])
        done = self.deploy()
        self.assert_refused(done, "PublishQueue: a queue of that name exists")
        self.assertNotIn("StateKey", done.stderr)

    def test_update_is_taken_back_if_its_alarm_rings(self):
        alarm = {"AlarmArn": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:played-release", "StateValue": "OK"}
        for setting, minutes in (({}, 10), ({"RELEASE_WATCH_MINUTES": "60"}, 60)):
            with self.subTest(minutes=minutes):
                self.settings({**SETTINGS, **setting})
                self.meet(stack("UPDATE_COMPLETE"), cloudwatch__describe_alarms=[{"CompositeAlarms": [alarm]}])
                done = self.deploy()
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"until {minutes} minutes after it", done.stdout)
                watched = {"RollbackTriggers": [{"Arn": alarm["AlarmArn"], "Type": "AWS::CloudWatch::CompositeAlarm"}],
                           "MonitoringTimeInMinutes": minutes}
                self.assertEqual(self.requests("cloudformation create-change-set")[-1]["RollbackConfiguration"], watched)
        self.assertEqual(self.requests("cloudwatch describe-alarms")[0]["AlarmNames"], ["played-release"])

    def test_update_that_may_mend_what_rings_is_not_taken_back_for_it(self):
        rings = {"AlarmArn": "arn", "StateValue": "ALARM", "StateReason": "SweeperErrorsAlarm"}
        for setting, alarms, told in (({}, [rings], "rings already (SweeperErrorsAlarm)"), ({}, [], "there is no alarm"),
                                      ({"RELEASE_WATCH_MINUTES": "0"}, [rings], "modify SweeperFunction")):
            with self.subTest(told=told):
                self.settings({**SETTINGS, **setting})
                self.meet(stack("UPDATE_COMPLETE"), cloudwatch__describe_alarms=[{"CompositeAlarms": alarms}])
                done = self.deploy()
                self.assertEqual((done.returncode, told in done.stdout), (0, True), done.stdout + done.stderr)
                # Said in so many words: what is not said stays as it was in the update before.
                watched = self.requests("cloudformation create-change-set")[-1]["RollbackConfiguration"]
                self.assertEqual(watched["RollbackTriggers"], [])

    def test_first_deployment_is_not_watched(self):
        self.meet(ABSENT, stack("CREATE_COMPLETE"), stack("UPDATE_COMPLETE"))
        self.assertEqual(self.deploy().returncode, 0)
        self.assertEqual(self.requests("cloudwatch describe-alarms"), [])

    def test_update_that_was_taken_back_for_its_alarm_says_so(self):
        back = stack("UPDATE_ROLLBACK_COMPLETE")
        back["Stacks"][0]["StackStatusReason"] = "Alarm with ARN played-release went to ALARM state"
        self.meet(stack("UPDATE_COMPLETE"), back, cloudformation__describe_stack_events=[{"StackEvents": []}])
        self.assert_refused(self.deploy(), "UPDATE_ROLLBACK_COMPLETE", "played-release went to ALARM state")

    def test_address_of_the_network_that_is_made_is_told(self):
        self.settings({**SETTINGS, "EgressNetwork": "true"})
        self.meet(stack("UPDATE_COMPLETE", EgressAddress="203.0.113.7"), stack("UPDATE_COMPLETE", EgressAddress="203.0.113.7"))
        done = self.deploy()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("trusted addresses:\n  203.0.113.7\n", done.stdout)

    def test_secret_in_a_refusal_of_the_cli_is_not_told(self):
        secret = SECRETS["DouyinClientSecret"]
        self.meet(stack("UPDATE_COMPLETE"),
                  cloudformation__create_change_set=[{"error": "ValidationError", "message": f"{secret} is refused"}])
        done = self.deploy()
        self.assert_refused(done, "*** is refused")
        self.assert_tells_no_secret(done)

    def test_domain_is_the_base_address(self):
        domain = {"DomainName": "api.example.org", "DomainCertificateArn":
                  f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0a1b2c3d-0000-0000-0000-000000000000"}
        self.settings({**SETTINGS, **domain})
        self.meet(ABSENT, stack("CREATE_COMPLETE", DomainTarget="d-abc.execute-api.us-east-1.amazonaws.com"))
        done = self.deploy()
        self.assertEqual(done.returncode, 0, done.stderr)
        (made,) = self.requests("cloudformation create-change-set")
        self.assertIn({"ParameterKey": "PublicBaseUrl", "ParameterValue": "https://api.example.org"}, made["Parameters"])
        self.assertIn("d-abc.execute-api.us-east-1.amazonaws.com", done.stdout)


if __name__ == "__main__":
    unittest.main()
