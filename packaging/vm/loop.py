"""Executes a program again and again on one processor, until a file is there: loop.py run|start PROCESSOR FOLDER PROGRAM...

"run" waits for its end. "start" kills it as soon as the kernel has taken it, which is many times as often: a gap is short.
FOLDER/stop is that file; FOLDER/PROCESSOR.beats gets a byte for every execution; FOLDER/PROCESSOR at the end one line: how many
executions there were, how many of them failed, and the first failure.
"""

import os
import signal
import sys
import time

mode, processor, folder, *program = sys.argv[1:]
os.sched_setaffinity(0, {int(processor)})
begin = time.monotonic()
count = failed = 0
first = "none"
with open(f"{folder}/{processor}.beats", "wb", buffering=0) as beats:
    while not os.path.exists(f"{folder}/stop"):
        why = None
        try:
            # Unlike a shell it does not take for a script what the kernel does not know.
            child = os.posix_spawn(program[0], program, os.environ)
            if mode == "start":
                os.kill(child, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if status not in ([0, -signal.SIGKILL] if mode == "start" else [0]):
                why = f"status {status}"
        except OSError as error:
            why = error.strerror
        count += 1
        if why:
            failed += 1
            if failed == 1:
                first = f"{why} after {time.monotonic() - begin:.1f} s"
        beats.write(b".")
with open(f"{folder}/{processor}.new", "w", encoding="ascii") as file:
    file.write(f"{count} {failed} {first}\n")
os.rename(f"{folder}/{processor}.new", f"{folder}/{processor}")
