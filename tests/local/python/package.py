"""The functions as zips with `bootstrap`, made by the code that makes those of a deployment: package.py <built> <root> <name>…

`built` has a program for each name; what is packed is put below `root`. Prints the path of each zip as JSON.
"""

import json
import os
import platform
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

from deployment import package  # noqa: E402

MACHINES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64"}


def main():
    built, root, *names = sys.argv[1:]
    for name in names:
        # Where cargo lambda leaves what it has built.
        place = Path(root) / "target/lambda" / name / "bootstrap"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        os.link(Path(built) / name, place)
    zips = package.pack(Path(root), names, MACHINES[platform.machine()])
    json.dump({name: str(path) for name, path in zips.items()}, sys.stdout)


main()
