# exit is 5000 + 58 (arch/mips/kernel/syscalls/syscall_n64.tbl, Linux 6.1; __NR_Linux in
# arch/mips/include/uapi/asm/unistd.h): number in $2 (v0), status in $4 (a0) (scall64-n64.S).
        li      $2, 5058
        li      $4, STATUS
        syscall
