# exit is 1 (arch/m68k/kernel/syscalls/syscall.tbl, Linux 6.1): number in d0, status in d1
# (system_call in arch/m68k/kernel/entry.S).
        moveq   #1, %d0
        moveq   #STATUS, %d1
        trap    #0
