# exit is 6000 + 58 (arch/mips/kernel/syscalls/syscall_n32.tbl, Linux 6.1; __NR_Linux in
# arch/mips/include/uapi/asm/unistd.h): number in $2 (v0), status in $4 (a0) (scall64-n32.S).
        li      $2, 6058
        li      $4, STATUS
        syscall
