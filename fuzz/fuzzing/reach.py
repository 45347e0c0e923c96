"""Which statuses of which operations were reached, and by how many requests."""

import json
from collections import Counter

from .stack import DOCUMENT, HERE, table

# Statuses that a run need not reach, each with its reason.
EXCEPTIONS = HERE / "exceptions.txt"


class Reached:
    """Counts by operation, status and whether it was asked at random."""

    def __init__(self):
        self.counts = Counter()

    def note(self, operation, status, how):
        self.counts[operation, status, how] += 1

    def save(self, path):
        path.write_text(json.dumps([[*key, count] for key, count in sorted(self.counts.items())]))

    def add(self, path):
        for operation, status, how, count in json.loads(path.read_text()):
            self.counts[operation, status, how] += count

    def total(self, how):
        return sum(count for (_, _, its), count in self.counts.items() if its == how)

    def of(self, operation, status):
        """How often it was reached at random, and on purpose."""
        return tuple(self.counts[operation, status, how] for how in ("random", "directed"))


def documented():
    """Each operation with the statuses that have to be reached: all but failures of ours."""
    paths = json.loads(DOCUMENT.read_text())["paths"]
    for methods in paths.values():
        for operation in methods.values():
            yield operation["operationId"], [int(status) for status in operation["responses"] if status < "500"]


def excepted():
    """(operation, status) with the reason."""
    return {(operation, int(status)): reason for operation, status, reason in table(EXCEPTIONS, 3)}


def report(reached):
    """Prints the table, and answers what is missing in it or no exception any more."""
    exceptions, problems = excepted(), []
    print(f"{'operation':26} status: requests at random + on purpose")
    for operation, statuses in documented():
        cells = []
        for status in statuses:
            random, directed = reached.of(operation, status)
            cells.append(f"{status}: {random} + {directed}")
            is_excepted = exceptions.pop((operation, status), None) is not None
            if random + directed == 0 and not is_excepted:
                problems.append(f"{operation} was never answered {status}")
            if random + directed > 0 and is_excepted:
                problems.append(f"{operation} was answered {status}: that is no exception any more")
        print(f"{operation:26} {', '.join(cells)}")
    problems.extend(f"{operation} is not documented as answering {status}" for operation, status in exceptions)
    return problems
