"""Runs a command on a terminal of its own: on-terminal.py COLUMNS ROWS COMMAND...

Reads commands from stdin, one JSON object a line: {"send": TEXT}, {"resize": [COLUMNS, ROWS]}, {"signal": NUMBER}.
Writes one JSON object a line: {"data": TEXT} of the terminal's output, and {"code": EXIT, "restored": BOOL} at the end, whether
the terminal's mode is what it was before.
"""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def say(**fields):
    print(json.dumps(fields), flush=True)


master, slave = pty.openpty()
resize(master, int(sys.argv[1]), int(sys.argv[2]))
before = termios.tcgetattr(slave)


def own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


child = subprocess.Popen(sys.argv[3:], stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal)
pending = b""
control = sys.stdin.fileno()
while True:
    readable, _, _ = select.select([master, control], [], [], 0.05)
    if master in readable:
        say(data=os.read(master, 65536).decode("utf-8", "replace"))
        continue
    if child.poll() is not None:
        break
    if control not in readable:
        continue
    chunk = os.read(control, 65536)
    if chunk == b"":
        child.kill()
    pending += chunk
    *lines, pending = pending.split(b"\n")
    for line in lines:
        command = json.loads(line)
        if "send" in command:
            os.write(master, command["send"].encode())
        if "resize" in command:
            resize(master, *command["resize"])
        if "signal" in command:
            child.send_signal(command["signal"])
say(code=child.returncode, restored=termios.tcgetattr(slave) == before)
