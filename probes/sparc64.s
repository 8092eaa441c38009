# exit is 1 (arch/sparc/kernel/syscalls/syscall.tbl, Linux 6.1): number in %g1, status in %o0
# (arch/sparc/include/asm/syscall.h), trap 0x6d (tl0_linux64 in arch/sparc/kernel/ttable_64.S).
        mov     1, %g1
        mov     STATUS, %o0
        ta      0x6d
