"""Runs a command that must not outlive whoever started it: leash.py <seconds of grace> <command> ...

The starter holds the other end of our standard input and never writes to it. However the starter ends, by SIGKILL
included, that end closes; the command is then asked to stop, and killed when it has not done so within the grace.
"""

import signal
import subprocess
import sys
import threading

grace = float(sys.argv[1])
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)


def stop():
    child.terminate()
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()


def follow_starter():
    sys.stdin.buffer.read()
    stop()


signal.signal(signal.SIGTERM, lambda *_: child.terminate())
threading.Thread(target=follow_starter, daemon=True).start()
code = child.wait()
sys.exit(code if code >= 0 else 128 - code)
