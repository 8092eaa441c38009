# shellcheck shell=sh
# what: Debian's qemu-user-binfmt installed after a target of qus and before another; each is given back
# suites: trixie

debian='/usr/bin/qemu-*'

phase_1() {
    put_qus
    offer new
    qus install arm64
    # dpkg's trigger restarts systemd-binfmt, which flushes everybody's entries.
    loops_start arm64
    apt-get install -y qemu-user-binfmt
    loops_stop_counted "during apt install qemu-user-binfmt"
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$debian"

    loops_start riscv64
    qus install riscv64
    loops_stop "during qus install beside Debian's"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

early_2() {
    expect_systemd_alone
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

phase_2() {
    loops_start riscv64
    qus remove arm64
    qus remove riscv64
    loops_stop "during qus remove, which gives them back"
    expect_runs arm64 "$debian"
    expect_runs riscv64 "$debian"
    qus install riscv64
    apt-get purge -y qemu-user-binfmt qemu-user
    expect_runs_not arm64
    expect_runs riscv64 "$(emulator riscv64 new)"
}

early_3() {
    expect_systemd_alone
    expect_runs_not arm64
    expect_runs riscv64 "$(emulator riscv64 new)"
}

phase_3() {
    qus test riscv64
}
