# exit is 4000 + 1 (arch/mips/kernel/syscalls/syscall_o32.tbl, Linux 6.1; __NR_Linux in
# arch/mips/include/uapi/asm/unistd.h): number in $2 (v0), status in $4 (a0) (scall32-o32.S).
        li      $2, 4001
        li      $4, STATUS
        syscall
