# shellcheck shell=sh
# what: Debian's qemu-user-binfmt installed after a packaged target, and before a downloaded and another packaged one
# suites: trixie
# needs: QUS_TEST_SHIPPED

debian='/usr/bin/qemu-*'

phase_1() {
    get_qus qus-emulator-aarch64
    # dpkg's trigger restarts systemd-binfmt, which flushes everybody's entries.
    loops_start arm64
    apt-get install -y qemu-user-binfmt
    loops_stop_counted "during apt install qemu-user-binfmt"
    expect_runs arm64 "$(packaged aarch64)"
    expect_runs riscv64 "$debian"

    loops_start riscv64
    qus install riscv64
    loops_stop "during qus install beside Debian's"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

early_2() {
    expect_systemd_alone
    expect_ours
}

phase_2() {
    expect_given_back "$debian"
    serve new
    loops_start riscv64
    apt-get install -y qus-emulator-riscv64
    loops_stop "during apt install of a target beside Debian's"
    expect_runs riscv64 "$(packaged riscv64)"
    apt-get purge -y qemu-user-binfmt qemu-user
    expect_runs_not arm64
    expect_runs riscv64 "$(packaged riscv64)"
}

early_3() {
    expect_systemd_alone
    expect_runs_not arm64
    expect_runs riscv64 "$(packaged riscv64)"
}

phase_3() {
    qus test riscv64
}
