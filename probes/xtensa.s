# exit is 118 (arch/xtensa/kernel/syscalls/syscall.tbl, Linux 6.1): number in a2, status in a6
# (arch/xtensa/include/asm/syscall.h). "_": as written, no 16-bit form of the Density Option.
        _movi   a2, 118
        _movi   a6, STATUS
        syscall
