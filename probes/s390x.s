# exit is 1 (arch/s390/kernel/syscalls/syscall.tbl, Linux 6.1): number in the svc itself
# (arch/s390/kernel/syscall.c), status in %r2 (arch/s390/include/asm/syscall.h).
        lhi     %r2, STATUS
        svc     1
