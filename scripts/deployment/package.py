"""Building the functions and bringing them to where Lambda takes them from."""

import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

from .aws import Aws
from .console import Problem, say
from .settings import Settings

# How ELF names the machine, in its two bytes at 18.
MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
# A zip has to be the same whenever it is made of the same file: its name is its digest, and a new name is a change.
TIME = (1980, 1, 1, 0, 0, 0)


def build(root: Path, architecture: str) -> None:
    """Builds all functions. The first time this takes a minute of one processor for each."""
    flag = "--arm64" if architecture == "arm64" else "--x86-64"
    command = ["cargo", "lambda", "build", "--release", "--locked", "--package", "functions", flag]
    if subprocess.run(command, cwd=root, check=False).returncode:
        raise Problem("the functions could not be built; see above")


def check_binary(path: Path, architecture: str) -> None:
    """Refuses what Lambda could not start: a stack of such functions would become green all the same."""
    if not path.is_file():
        raise Problem(f"{path} was not built")
    head = path.read_bytes()[:20]
    is_elf = head[:5] == b"\x7fELF\x02"
    if not is_elf or int.from_bytes(head[18:20], "little") != MACHINES[architecture]:
        raise Problem(f"{path} is not a program for Linux on {architecture}")


def pack(root: Path, binaries: list[str], architecture: str) -> dict[str, Path]:
    """A zip with `bootstrap` for each function, named by its digest."""
    packed = root / "target/deploy/package"
    shutil.rmtree(packed, ignore_errors=True)
    zips = {}
    for name in binaries:
        program = root / "target/lambda" / name / "bootstrap"
        check_binary(program, architecture)
        draft = packed / name / "draft.zip"
        draft.parent.mkdir(parents=True)
        entry = zipfile.ZipInfo("bootstrap", TIME)
        entry.external_attr = 0o100755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(draft, "w") as archive:
            archive.writestr(entry, program.read_bytes())
        digest = hashlib.sha256(draft.read_bytes()).hexdigest()[:32]
        zips[name] = draft.rename(draft.with_name(f"{digest}.zip"))
    return zips


def bucket(aws: Aws, settings: Settings) -> str:
    """The bucket for what is deployed, made if it is not there yet."""
    account = settings.place["AWS_ACCOUNT_ID"]
    name = settings.place["ARTIFACT_BUCKET"] or f"cunkebao-artifacts-{account}-{aws.region}"
    owned = {"Bucket": name, "ExpectedBucketOwner": account}
    if aws.maybe("s3api", "head-bucket", ("404", "Not Found"), **owned) is not None:
        return name
    # us-east-1 is the only region that must not be named.
    where = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    aws.call("s3api", "create-bucket", Bucket=name, **where)
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    aws.call("s3api", "put-public-access-block", **owned,
             PublicAccessBlockConfiguration={switch: True for switch in switches})
    say(f"made the bucket {name}")
    return name


def upload(aws: Aws, root: Path, target: str, stack: str, zips: dict[str, Path]) -> dict[str, str]:
    """Uploads what is not there yet, and answers where each function's zip is."""
    packed = root / "target/deploy/package"
    aws.copy("sync", str(packed), f"s3://{target}/{stack}", "--size-only", "--no-progress")
    return {name: f"s3://{target}/{stack}/{path.relative_to(packed).as_posix()}" for name, path in zips.items()}
