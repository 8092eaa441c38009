# exit is 93 (include/uapi/asm-generic/unistd.h, Linux 6.1): number in r6, status in r0
# (arch/hexagon/include/asm/syscall.h), trap 1 (TRAP_SYSCALL in arch/hexagon/kernel/traps.c).
        r6 = #93
        r0 = #STATUS
        trap0(#1)
