"""Runs a program again and again on one processor, until a file is there: loop.py PROCESSOR STOP REPORT PROGRAM...

What it leaves in REPORT is one line: how many executions there were, how many of them failed, and the first failure.
"""

import os
import sys
import time

processor, stop, report, *program = sys.argv[1:]
os.sched_setaffinity(0, {int(processor)})
begin = time.monotonic()
count = failed = 0
first = "none"
while not os.path.exists(stop):
    count += 1
    try:
        # Unlike a shell it does not take for a script what the kernel does not know.
        status = os.waitpid(os.posix_spawn(program[0], program, os.environ), 0)[1]
        why = f"status {status}" if status else None
    except OSError as error:
        why = error.strerror
    if why:
        failed += 1
        if failed == 1:
            first = f"{why} after {time.monotonic() - begin:.1f} s"
with open(report, "w", encoding="ascii") as file:
    file.write(f"{count} {failed} {first}\n")
