# exit is 1 (arch/alpha/kernel/syscalls/syscall.tbl, Linux 6.1): number in $0 (v0),
# status in $16 (a0) (entSys in arch/alpha/kernel/entry.S).
        lda     $0, 1($31)
        lda     $16, STATUS($31)
        callsys
