# exit is 1 (arch/x86/entry/syscalls/syscall_32.tbl, Linux 6.1): number in eax, status in ebx
# (entry_INT80_32 in arch/x86/entry/entry_32.S). i486 too: it differs in e_machine only.
        movl    $1, %eax
        movl    $STATUS, %ebx
        int     $0x80
