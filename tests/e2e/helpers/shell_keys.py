# shell_keys.py -- an interactive shell on a terminal of its own, and what keys make of its command line.
#
#     shell_keys.py line KEYS COMMAND...   the line that KEYS end up as
#     shell_keys.py shown KEYS COMMAND...  what the terminal shows meanwhile
#
# COMMAND is a shell with emacs' keys. In KEYS "<TAB>" is that key, as often as it stands there.
import os
import pty
import re
import select
import struct
import sys
import termios
import time
import fcntl

DEADLINE_S = 30
NO_WORDS = rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\0\r\a]"


def read_until(terminal, pattern, deadline):
    seen = b""
    while not re.search(pattern, seen):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            sys.exit(f"in vain waited for {pattern!r}; there is {seen!r}")
        try:
            seen = re.sub(NO_WORDS, b"", seen + os.read(terminal, 65536))
        except OSError:
            sys.exit(f"the shell has ended: {seen!r}")
    return seen


def main():
    how, keys, command = sys.argv[1], sys.argv[2].replace("<TAB>", "\t").encode(), sys.argv[3:]
    deadline = time.monotonic() + DEADLINE_S
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    os.write(terminal, b"echo READ$((1))Y\r")
    read_until(terminal, rb"\nREAD1Y\n[^\n]*> ", deadline)
    os.write(terminal, keys)
    if how == "line":
        os.write(terminal, b"\x01echo 'LINE:\x05:END'\r")
        seen = read_until(terminal, rb"\nLINE:([^\n]*):END\n", deadline)
        print(re.search(rb"\nLINE:([^\n]*):END\n", seen).group(1).decode())
    else:
        os.write(terminal, b"\x15echo READ$((2))Y\r")
        print(read_until(terminal, rb"\nREAD2Y\n", deadline).decode(errors="replace"))
    os.close(terminal)
    os.waitpid(child, 0)


main()
