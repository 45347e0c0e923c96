"""Plays what has to be reached on purpose, has schemathesis ask the rest at random, and compares the two ways to a function."""

import argparse
import json
import os
import subprocess
import sys
import time

from . import access, busy, douyin, fronts, moments, reach, webhooks
from .api import OWNER, STRANGER, Api
from .stack import DOCUMENT, HERE, WORK, Stack
from .world import World

# Rounds of --long, each with a seed of its own.
ROUNDS = 3
EXAMPLES = 100


STARTED = time.monotonic()


def say(text):
    print(f"[+{time.monotonic() - STARTED:5.0f} s] {text}", flush=True)


def at_random(api, world, reached, seed=None, examples=None):
    """One run of schemathesis; whether it found nothing."""
    dictionaries = [f"[dictionaries.{name}]\nvalues = {json.dumps(ids)}\n" for name, ids in world.dictionaries().items()]
    config = WORK / "schemathesis.toml"
    config.write_text((HERE / "schemathesis.toml").read_text() + "\n" + "".join(dictionaries))
    users = {"owner": OWNER, "stranger": STRANGER}
    headers = {name: [{"name": "Authorization", "value": f"Bearer {api.tokens[user]}"}] for name, user in users.items()}
    entries = [{"name": name, "fixedHeaders": its} for name, its in headers.items()]
    (WORK / "users.json").write_text(json.dumps({"auth": entries}))
    told = [sys.executable, "-B", "-m", "schemathesis.cli", "--config-file", config, "run", DOCUMENT, "--url", api.stack.api]
    told += ["--seed", seed] if seed else []
    told += ["--max-examples", examples] if examples else []
    ours = {"PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "fuzzing.hooks", "DOUYIN_SECRET": api.stack.douyin_secret}
    ours["RECEIVER"] = world.receiver.url
    (WORK / "reached.json").unlink(missing_ok=True)
    told, environment = [str(it) for it in told], {**os.environ, **ours}
    with (WORK / "schemathesis.log").open("a") as log:
        ended = subprocess.run(told, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=WORK)
    reached.add(WORK / "reached.json")
    return ended.returncode == 0


def main():
    arguments = argparse.ArgumentParser(prog="fuzz/run")
    arguments.add_argument("--long", action="store_true", help="ask more than 10,000 times")
    long = arguments.parse_args().long
    (WORK / "schemathesis.log").unlink(missing_ok=True)
    reached = reach.Reached()
    api = Api(Stack(), reached)
    world = World(api)
    say("accounts, leads and tasks are there")
    access.play(api)
    douyin.play(api)
    moments.play(api, world.phones[0], world.company)
    webhooks.play(api, world.receiver)
    busy.play(api, world)
    say(f"{reached.total('directed')} requests on purpose")
    problems = []
    rounds = [(None, None)] if not long else [(20261127 + n, EXAMPLES) for n in range(ROUNDS)]
    for seed, examples in rounds:
        if not at_random(api, world, reached, seed, examples):
            problems.append("schemathesis has found something: target/fuzz/schemathesis.log")
        say(f"{reached.total('random')} requests at random")
    problems += reach.report(reached)
    problems += fronts.compare(api)
    say("the two ways to a function are compared")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
