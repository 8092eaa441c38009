# exit is 1 (arch/sh/kernel/syscalls/syscall.tbl, Linux 6.1): number in r3, status in r4,
# trap 0x1f, the one for SH-2 to SH-4 (system_call in arch/sh/kernel/entry-common.S).
        mov     #1, r3
        mov     #STATUS, r4
        trapa   #0x1f
