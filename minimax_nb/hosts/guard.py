"""A script that runs a program for as long as its own standard input stays open.

Whoever starts it holds the other end of that pipe. However that process ends, the system closes the pipe, and the
program goes too: it cannot be left behind to lead strangers to whatever uses the port next.
"""

import os
import subprocess
import sys
import threading

_GRACE_SECONDS = 2.0


def main(command: list[str]) -> int:
    """Run the command until it ends or the pipe is closed; returns its exit code."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_the_pipe, args=(program,), daemon=True).start()
    return program.wait()


def _end_with_the_pipe(program: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    program.terminate()
    try:
        program.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
