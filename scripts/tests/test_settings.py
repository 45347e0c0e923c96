"""The file of an environment: what is refused, and how it is told."""

import subprocess
import unittest

from rig import ROOT, SETTINGS, Checkout

from deployment import settings, template


class Settings(Checkout):
    def test_name_that_is_unknown_is_refused_with_the_nearest(self):
        self.settings({**SETTINGS, "PublishConcurency": "3", "AWS_ACCOUNT": "1", "Zebra": "1"})
        self.assert_refused(
            self.deploy(), "PublishConcurency is no setting; is it PublishConcurrency?",
            "AWS_ACCOUNT is no setting; is it AWS_ACCOUNT_ID?", "Zebra is no setting")

    def test_value_that_does_not_fit_is_refused_without_being_told(self):
        self.settings({**SETTINGS, "JwtSecret": "tooShortASecret", "PublishConcurrency": "1", "LogLevel": "LOUD",
                       "AuditRetentionDays": "many", "DouyinBaseUrl": "ftp://x"})
        done = self.deploy()
        self.assert_refused(
            done, "JwtSecret does not match", "PublishConcurrency has to be at least 2 and at most 1000",
            "LogLevel has to be one of TRACE, DEBUG, INFO, WARN, ERROR", "AuditRetentionDays has to be a whole number",
            "DouyinBaseUrl does not match")
        self.assertNotIn("tooShortASecret", done.stderr)

    def test_everything_that_is_missing_is_told_at_once(self):
        self.settings({"STACK_NAME": "9", "LogLevel": "INFO", "RELEASE_WATCH_MINUTES": "181"})
        self.assert_refused(
            self.deploy(), "AWS_ACCOUNT_ID is missing", "AWS_REGION is missing", "FrontendOrigins is missing",
            "DouyinClientKey is missing", "DouyinClientSecret is missing", "give JwtSecret or JwtJwksUrl", "STACK_NAME has to be",
            "RELEASE_WATCH_MINUTES has to be a number from 0 to 180")

    def test_rules_of_the_template_are_told_before_anything_is_built(self):
        declared = (ROOT / "template.yaml").read_text(encoding="utf-8")
        self.assertEqual(set(template.names(declared, "Rules")), set(settings.RULES))
        self.assertEqual(set(settings.BROKEN), set(settings.RULES))
        self.settings({**SETTINGS, "EgressSubnetIds": "subnet-0a", "EgressNetwork": "true", "DomainName": "api.example.com",
                       "LeadRetentionDays": "29"})
        self.assert_refused(self.deploy(), settings.BROKEN["EgressNetworkIsWhole"], settings.BROKEN["DomainIsWhole"],
                            settings.BROKEN["EgressNetworkIsOne"],
                            settings.BROKEN["LeadsAreKeptLongEnough"])

    def test_base_address_beside_another_domain_is_refused(self):
        self.settings({**SETTINGS, "DomainName": "api.example.com", "PublicBaseUrl": "https://www.example.com"})
        self.assert_refused(self.deploy(), "PublicBaseUrl has to be https:// and DomainName")

    def test_file_that_others_may_read_is_refused(self):
        path = self.root / "deploy/played.env"
        path.chmod(0o640)
        self.assert_refused(self.deploy(), f"chmod 600 {path}")

    def test_file_that_is_not_there_is_told_with_how_to_make_it(self):
        self.assert_refused(self.play("deploy", "other"), "install -m 600", "other.env")

    def test_example_is_taken_once_it_is_filled_in(self):
        copied = ["install", "-m", "600", "deploy/example.env", "deploy/production.env"]
        subprocess.run(copied, cwd=self.root, check=True)
        done = self.play("deploy", "production")
        self.assert_refused(done, "AWS_ACCOUNT_ID is missing", "FrontendOrigins does not match", "DouyinClientKey does not match")
        self.assertNotIn("no setting", done.stderr)

    def test_line_that_is_no_setting_and_one_that_comes_twice_are_refused(self):
        path = self.root / "deploy/played.env"
        path.write_text(path.read_text(encoding="utf-8") + "LogLevel\nSTACK_NAME=x\n", encoding="utf-8")
        self.assert_refused(self.deploy(), "is not NAME=value", "STACK_NAME is given twice")

    def test_value_keeps_its_signs(self):
        form = '{"request":{"text":"$TEXT","a":"b=c"},"verdict":"/x","pass":["p"],"block":["b"],"review":["r"]}'
        self.settings({**SETTINGS, "TextCheckForm": form})
        declared = template.parameters((ROOT / "template.yaml").read_text(encoding="utf-8"))
        read = settings.read(self.root / "deploy/played.env", declared)
        self.assertEqual(read.value("TextCheckForm"), form)


if __name__ == "__main__":
    unittest.main()
