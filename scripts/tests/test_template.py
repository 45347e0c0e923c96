"""What the scripts read of template.yaml by its layout, against a parser of YAML."""

import re
import unittest

import yaml
from rig import ROOT

from deployment import template
from verification.checks import alarm_mail, cold_start, metric, role_rights, rollback

TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as nothing."""


Loader.add_multi_constructor("!", lambda *_: None)
PARSED = yaml.load(TEXT, Loader)


class Template(unittest.TestCase):
    def test_parameters_are_read_as_a_parser_reads_them(self):
        read = template.parameters(TEXT)
        self.assertEqual(set(read), set(PARSED["Parameters"]))
        for name, declared in PARSED["Parameters"].items():
            default = declared.get("Default")
            wanted = template.Parameter(
                name, declared["Type"], None if default is None else str(default), bool(declared.get("NoEcho")),
                declared.get("AllowedPattern", ""), [str(value) for value in declared.get("AllowedValues", [])],
                declared.get("MinValue"), declared.get("MaxValue"), declared.get("MaxLength"),
            )
            self.assertEqual(read[name], wanted)

    def test_default_of_every_parameter_may_stand(self):
        for name, parameter in template.parameters(TEXT).items():
            if parameter.default is not None:
                self.assertEqual(parameter.problem(parameter.default), "", name)

    def test_code_of_every_function_is_its_own_zip_and_nothing_else_changes(self):
        names = template.binaries(TEXT)
        written = template.with_code(TEXT, {name: f"s3://bucket/{name}.zip" for name in names})
        parsed = yaml.load(written, Loader)
        functions = 0
        for resource in parsed["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                name = resource["Metadata"]["BuildProperties"]["Binary"]
                self.assertEqual(resource["Properties"].pop("CodeUri"), f"s3://bucket/{name}.zip")
                functions += 1
        self.assertEqual((functions, parsed), (len(names), PARSED))

    def test_what_verify_names_is_in_the_template_and_in_the_code(self):
        resources, outputs = PARSED["Resources"], PARSED["Outputs"]
        sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "scripts/verification").rglob("*.py"))
        for name in re.findall(r'outputs\["(\w+)"\]', sources):
            self.assertIn(name, outputs)
        for name in re.findall(r'parameters\["(\w+)"\]', sources):
            self.assertIn(name, PARSED["Parameters"])
        self.assertIn(role_rights.ROLE.removesuffix("Role"), resources)
        self.assertEqual({resources[group]["Type"] for group in rollback.GROUPS}, {"AWS::Logs::LogGroup"})
        self.assertIn(cold_start.FUNCTION, template.binaries(TEXT))
        self.assertIn(f"{metric.METRIC}:", (ROOT / "shared/kernel/src/metrics.rs").read_text(encoding="utf-8"))
        # The topic that is looked at is the alarm's.
        _, _, alarm = TEXT.partition(f"\n  {alarm_mail.ALARM}:\n")
        self.assertIn("      AlarmActions: [!Ref TicketTopic]\n", alarm.partition("\n\n")[0] + "\n")


if __name__ == "__main__":
    unittest.main()
