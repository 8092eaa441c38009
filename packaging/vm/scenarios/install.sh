# shellcheck shell=sh
# what: qus install from a signed release; it runs after a reboot by systemd-binfmt alone; remove leaves nothing
# suites: trixie sid

phase_1() {
    tree_save before
    put_qus
    offer new
    expect_runs_not riscv64
    qus install riscv64
    qus test riscv64
    expect_runs riscv64 "$(emulator riscv64 new)"
}

early_2() {
    expect_systemd_alone
    expect_runs riscv64 "$(emulator riscv64 new)"
}

phase_2() {
    expect_runs riscv64 "$(emulator riscv64 new)"
    qus test riscv64
    qus remove all
    expect_runs_not riscv64
    # What was put there by hand goes by hand.
    rm -r /usr/bin/qus /etc/qus
}

phase_3() {
    expect_runs_not riscv64
    tree_same before
}
