"""The programs that a deployment needs, and for each that is missing the command that brings it."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

from .console import Problem

# Looked into first, so that what is installed by these remedies is what is used.
VENV = "target/deploy-venv"
# By `Architecture`.
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
AWS_CLI = "1.46.3"


def use_venv(root: Path) -> None:
    """Makes the programs of the environment found before all others."""
    os.environ["PATH"] = os.pathsep.join([str(root / VENV / "bin"), os.environ.get("PATH", "")])


def pinned(root: Path, name: str) -> str:
    """The version that the checks use."""
    lines = (root / "tests/local/python/requirements.txt").read_text(encoding="utf-8")
    return re.search(rf"^{name}==(\S+)$", lines, re.M)[1]


def _says(root: Path, *command: str) -> str:
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def missing(root: Path, architecture: str) -> list[tuple[str, str]]:
    """What is not there, each with its remedy."""
    channel = tomllib.loads((root / "rust-toolchain.toml").read_text(encoding="utf-8"))["toolchain"]["channel"]
    target = TARGETS[architecture]
    lacking = []
    compiler = _says(root, "rustc", "--version")
    if f" {channel} " not in f"{compiler} ":
        lacking.append((f"Rust {channel}", f"install rustup (https://rustup.rs), then: rustup toolchain install {channel}"))
    elif not Path(_says(root, "rustc", "--print", "target-libdir", "--target", target) or "/none").is_dir():
        lacking.append((f"Rust's target {target}", f"rustup target add --toolchain {channel} {target}"))
    pip = f"python3 -m venv {VENV} && {VENV}/bin/pip install"
    cargo_lambda, zig = pinned(root, "cargo-lambda"), pinned(root, "ziglang")
    if f"cargo-lambda {cargo_lambda}" not in _says(root, "cargo", "lambda", "--version"):
        lacking.append((f"cargo-lambda {cargo_lambda}", f"{pip} cargo-lambda=={cargo_lambda} ziglang=={zig}"))
    # It links by zig, so that the functions run on the older C library of Lambda.
    elif not (_says(root, "zig", "version") or _says(root, "python3", "-m", "ziglang", "version")):
        lacking.append((f"zig {zig}", f"{pip} ziglang=={zig}"))
    if not _says(root, "aws", "--version").startswith("aws-cli/"):
        remedy = f"{pip} awscli=={AWS_CLI}, or version 2 (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html)"
        lacking.append(("the AWS CLI", remedy))
    return lacking


def check(root: Path, architecture: str) -> None:
    """Tells everything that is missing at once."""
    lacking = missing(root, architecture)
    if lacking:
        raise Problem("\n".join(f"missing: {name}\n  {remedy}" for name, remedy in lacking))
