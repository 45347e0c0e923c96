"""What these programs tell, and how they give up."""

import sys


class Problem(Exception):
    """Something that the person who runs the program has to mend. Its text says how, and holds no secret."""


def say(text: str = "") -> None:
    """One line, at once: some of the steps take minutes."""
    print(text, flush=True)


def run(main) -> int:
    """Runs a program; a problem is told without a stack trace."""
    try:
        return main()
    except Problem as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
