"""A terminal that draws so many bytes a second and no more: how long `yes` goes on scrolling after Ctrl-C.

usage: paced_terminal.py <bytes a second> <seconds before Ctrl-C> <program> [argument]...
Prints JSON: seconds from Ctrl-C to the next prompt, and the bytes that came in them.
"""
import json
import os
import pty
import select
import sys
import time

rate, before, program = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)


def read(seconds):
    ready, _, _ = select.select([terminal], [], [], seconds)
    return os.read(terminal, 65536) if ready else b""


def paced(over, limit):
    """Draws until `over` says so of what it has drawn last."""
    begun, drawn, last = time.monotonic(), 0, b""
    while not over(last, time.monotonic() - begun):
        if time.monotonic() - begun > limit:
            sys.exit("the prompt never came")
        data = read(0.1)
        drawn, last = drawn + len(data), (last + data)[-200:]
        time.sleep(max(0, drawn / rate - (time.monotonic() - begun)))
    return time.monotonic() - begun, drawn


# The words themselves are echoed, so that they must not hold the prompt.
os.write(terminal, b"PS1='PROM''PT> '\n")
paced(lambda last, _: b"PROMPT> " in last, 30)
os.write(terminal, b"yes 0123456789012345678901234567890123456789\n")
paced(lambda _, passed: passed >= before, before + 30)
os.write(terminal, b"\x03")
seconds, drawn = paced(lambda last, _: b"^C" in last and b"PROMPT> " in last, 120)
print(json.dumps({"seconds": seconds, "bytes": drawn}))
os.write(terminal, b"exit\n")
try:
    while read(5):
        pass
except OSError:
    pass
os.waitpid(pid, 0)
