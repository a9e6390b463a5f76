"""What the terminal answers when it is asked about itself, and when all of it has come."""

from __future__ import annotations

import os
import re
import select
import sys
import time

_WHERE_IS_THE_CURSOR = "\x1b[6n"
_THERE = re.compile(rb"\x1b\[\d+;\d+R")
_WAIT_S = 2.0


def await_answers() -> None:
    """Wait until the terminal has answered whatever it was asked so far, and drop the answers.

    An answer that comes later than its asker waits would be taken for keys, and the digits in it
    label items. Answers come in the order of the questions, so that the one to a last question
    tells when all are there. A terminal that does not answer is waited for two seconds.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows, where questions are calls
        return
    stdin, stdout = sys.__stdin__, sys.__stdout__
    if stdin is None or stdout is None or not (stdin.isatty() and stdout.isatty()):
        return
    descriptor = stdin.fileno()
    before = termios.tcgetattr(descriptor)
    deadline = time.monotonic() + _WAIT_S
    received = b""
    try:
        tty.setcbreak(descriptor)
        stdout.write(_WHERE_IS_THE_CURSOR)
        stdout.flush()
        while not _THERE.search(received) and (left := deadline - time.monotonic()) > 0:
            if select.select([descriptor], [], [], left)[0]:
                received += os.read(descriptor, 1024)
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
