"""What a deployment needs to know of template.yaml. It is read by its layout, because Python brings no YAML; a test holds
what is read here against a parser's."""

import re
from dataclasses import dataclass, field

from .console import Problem

FUNCTION = "    Type: AWS::Serverless::Function\n"
BINARY = re.compile(r"^      BuildProperties: \{ Binary: ([a-z0-9-]+) \}\n", re.M)


@dataclass
class Parameter:
    """A parameter with its limits. `default` is nothing when it has to be given."""

    name: str
    kind: str = "String"
    default: str | None = None
    secret: bool = False
    pattern: str = ""
    allowed: list[str] = field(default_factory=list)
    least: float | None = None
    most: float | None = None
    longest: int | None = None

    def problem(self, value: str) -> str:
        """What is wrong with a value; nothing when it may stand. The value is not repeated: it may be a secret."""
        if self.allowed and value not in self.allowed:
            return f"has to be one of {', '.join(self.allowed)}"
        if self.kind == "Number":
            if not re.fullmatch(r"-?[0-9]+", value):
                return "has to be a whole number"
            if self.least is not None and float(value) < self.least or self.most is not None and float(value) > self.most:
                return f"has to be {_range(self.least, self.most)}"
        if self.longest is not None and len(value) > self.longest:
            return f"has more than {self.longest} characters"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"does not match {self.pattern}"
        return ""


def _range(least: float | None, most: float | None) -> str:
    parts = [f"at least {least:g}" if least is not None else "", f"at most {most:g}" if most is not None else ""]
    return " and ".join(part for part in parts if part)


def _plain(text: str) -> str:
    """A scalar without its quotes."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def section(text: str, name: str) -> str:
    """A section of the template: the lines from its heading to the next one."""
    _, found, rest = text.partition(f"\n{name}:\n")
    if not found:
        raise Problem(f"template.yaml has no section {name}")
    return re.split(r"^\S", rest, maxsplit=1, flags=re.M)[0]


def names(text: str, of: str) -> list[str]:
    """The names that a section declares."""
    return re.findall(r"^  ([A-Za-z0-9]+):", section(text, of), re.M)


def parameters(text: str) -> dict[str, Parameter]:
    """All parameters by name."""
    found = {}
    for block in re.split(r"^  (?=[A-Za-z0-9]+:\n)", section(text, "Parameters"), flags=re.M)[1:]:
        one = Parameter(block.partition(":")[0])
        for key, value in re.findall(r"^    ([A-Za-z]+): (.*)$", block, re.M):
            value = value.strip()
            match key:
                case "Type":
                    one.kind = value
                case "Default":
                    one.default = _plain(value)
                case "NoEcho":
                    one.secret = value == "true"
                case "AllowedPattern":
                    one.pattern = _plain(value)
                case "AllowedValues":
                    one.allowed = [_plain(part.strip()) for part in value.strip("[]").split(",")]
                case "MinValue":
                    one.least = float(value)
                case "MaxValue":
                    one.most = float(value)
                case "MaxLength":
                    one.longest = int(value)
        found[one.name] = one
    return found


def binaries(text: str) -> list[str]:
    """The binary of every function."""
    found = BINARY.findall(text)
    if len(found) != text.count(FUNCTION):
        raise Problem(f"template.yaml has {text.count(FUNCTION)} functions, and {len(found)} of them name a Binary")
    return found


def with_code(text: str, addresses: dict[str, str]) -> str:
    """The template with the address of each function's zip in place of the sources that `Globals` name."""
    parts = text.split(FUNCTION)
    for index, block in enumerate(parts[1:], start=1):
        address = addresses[BINARY.search(block)[1]]
        parts[index] = block.replace("    Properties:\n", f"    Properties:\n      CodeUri: {address}\n", 1)
    return FUNCTION.join(parts)
