# exit is 1 (arch/parisc/kernel/syscalls/syscall.tbl, Linux 6.1): number in %r20, status in
# %r26, by the gateway page's 0x100 (arch/parisc/kernel/syscall.S). The ldi is its delay slot.
        .level  1.1
        ldi     STATUS, %r26
        ble     0x100(%sr2, %r0)
        ldi     1, %r20
