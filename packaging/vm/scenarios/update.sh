# shellcheck shell=sh
# what: qus update to a newer QEMU while programs are started all the time; a restart of systemd-binfmt in between
# suites: trixie

phase_1() {
    put_qus
    offer old
    qus install arm64 riscv64
    expect_runs arm64 "$(emulator aarch64 old)"
    expect_runs riscv64 "$(emulator riscv64 old)"

    offer new
    loops_start arm64
    qus update
    loops_stop "during qus update"
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$(emulator riscv64 new)"

    # Everybody's entries are flushed by systemd itself: what fails meanwhile is told, and is not ours.
    loops_start arm64
    systemctl restart systemd-binfmt.service
    loops_stop_counted "during systemctl restart systemd-binfmt"
    expect_runs arm64 "$(emulator aarch64 new)"
    loops_see arm64
    expect_runs arm64 "$(emulator aarch64 new)"

    loops_start riscv64
    qus rollback
    loops_stop "during qus rollback"
    qus unpin arm64 riscv64
    loops_start riscv64
    qus update
    loops_stop "during the next qus update"
}

early_2() {
    expect_systemd_alone
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

phase_2() {
    qus test arm64 riscv64
}
