"""The settings of one environment: the file deploy/<environment>.env, which git ignores because it holds secrets."""

import difflib
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from .console import Problem
from .template import Parameter

# Where to deploy; everything else in the file is a parameter of template.yaml.
PLACE = ("STACK_NAME", "AWS_ACCOUNT_ID", "AWS_REGION", "AWS_PROFILE", "ARTIFACT_BUCKET", "RELEASE_WATCH_MINUTES")
OPTIONAL = ("AWS_PROFILE", "ARTIFACT_BUCKET", "RELEASE_WATCH_MINUTES")
# CloudFormation watches alarms for three hours at most.
LONGEST_WATCH = 180
STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,37}")

# The rules of template.yaml, by their names, so that they are told before the functions are built.
RULES = {
    "TokensCanBeVerified": lambda value: value("JwtSecret") or value("JwtJwksUrl"),
    "EgressNetworkIsWhole": lambda value: bool(value("EgressSubnetIds")) == bool(value("EgressSecurityGroupIds")),
    "EgressNetworkIsOne": lambda value: value("EgressNetwork") == "false" or not value("EgressSubnetIds"),
    "DomainIsWhole": lambda value: bool(value("DomainName")) == bool(value("DomainCertificateArn")),
    "LeadsAreKeptLongEnough": lambda value: value("LeadRetentionDays") not in map(str, range(1, 30)),
}
BROKEN = {
    "TokensCanBeVerified": "give JwtSecret or JwtJwksUrl",
    "EgressNetworkIsWhole": "give EgressSubnetIds and EgressSecurityGroupIds both, or neither",
    "EgressNetworkIsOne": "give EgressNetwork or EgressSubnetIds, not both",
    "DomainIsWhole": "give DomainName and DomainCertificateArn both, or neither",
    "LeadsAreKeptLongEnough": "give LeadRetentionDays 0 or at least 30",
}


@dataclass
class Settings:
    """What is deployed where. `parameters` are those that the file gives."""

    place: dict[str, str]
    parameters: dict[str, str]
    declared: dict[str, Parameter]

    @property
    def stack(self) -> str:
        return self.place["STACK_NAME"]

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(value for name, value in self.parameters.items() if self.declared[name].secret)

    def value(self, name: str) -> str:
        """What a parameter will be: as given, or its default."""
        return self.parameters.get(name, self.declared[name].default or "")


def read(path: Path, declared: dict[str, Parameter]) -> Settings:
    """Reads and checks a file; tells all problems at once, and of a value only its name."""
    if not path.is_file():
        raise Problem(
            f"{path} is not there. Make it from the example, and fill it in:\n"
            f"  install -m 600 {path.parent / 'example.env'} {path}"
        )
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Problem(f"{path} holds secrets, and other users of this machine may read it:\n  chmod 600 {path}")
    given, problems = _lines(path.read_text(encoding="utf-8"))
    known = [*PLACE, *declared]
    for name in list(given):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            problems.append(f"{name} is no setting" + (f"; is it {near[0]}?" if near else ""))
            del given[name]
    place = {name: given.pop(name, "") for name in PLACE}
    problems += [f"{name} is missing" for name in PLACE if not place[name] and name not in OPTIONAL]
    if place["STACK_NAME"] and not STACK_NAME.fullmatch(place["STACK_NAME"]):
        problems.append("STACK_NAME has to be letters, digits and hyphens, at most 38 of them, a letter first")
    place["RELEASE_WATCH_MINUTES"] = watched = place["RELEASE_WATCH_MINUTES"] or "10"
    if not (watched.isascii() and watched.isdigit() and int(watched) <= LONGEST_WATCH):
        problems.append(f"RELEASE_WATCH_MINUTES has to be a number from 0 to {LONGEST_WATCH}")
    settings = Settings(place, given, declared)
    problems += _values(settings)
    if problems:
        raise Problem("\n".join([f"{path} cannot be deployed:", *(f"  {problem}" for problem in problems)]))
    return settings


def _lines(text: str) -> tuple[dict[str, str], list[str]]:
    """Lines NAME=value; what is behind the first = is the value as it stands, without quotes. # begins a comment line."""
    given, problems = {}, []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        if not equals:
            problems.append(f"line {number} is not NAME=value")
        elif name in given:
            problems.append(f"{name} is given twice")
        else:
            given[name] = value
    return given, problems


def _values(settings: Settings) -> list[str]:
    problems = []
    for name, parameter in settings.declared.items():
        if name in settings.parameters:
            problem = parameter.problem(settings.parameters[name])
            problems += [f"{name} {problem}"] if problem else []
        elif parameter.default is None and name != "PublicBaseUrl":
            problems.append(f"{name} is missing")
    problems += [BROKEN[name] for name, holds in RULES.items() if not holds(settings.value)]
    domain, base = settings.value("DomainName"), settings.parameters.get("PublicBaseUrl")
    if domain and base and base != f"https://{domain}":
        problems.append("PublicBaseUrl has to be https:// and DomainName; leave it out")
    return problems
