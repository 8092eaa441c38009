# exit is 1 (arch/powerpc/kernel/syscalls/syscall.tbl, Linux 6.1): number in r0, status in r3
# (arch/powerpc/include/asm/syscall.h). ppc64 and ppc64le too.
        li      0, 1
        li      3, STATUS
        sc
