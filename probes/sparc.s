# exit is 1 (arch/sparc/kernel/syscalls/syscall.tbl, Linux 6.1): number in %g1, status in %o0
# (arch/sparc/include/asm/syscall.h), trap 0x10 (t_linux in ttable_32.S, tl0_linux32 in _64).
        mov     1, %g1
        mov     STATUS, %o0
        ta      0x10
