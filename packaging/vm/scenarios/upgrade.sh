# shellcheck shell=sh
# what: apt upgrade to a newer QEMU while programs are started all the time, reinstalling, going back, and removing another
# suites: trixie
# needs: QUS_TEST_SHIPPED

# The newest program runs: one that is held open though it was replaced is told as "(deleted)".
expect_newest() {
    expect_runs arm64 "$(packaged aarch64)"
    "$(packaged aarch64)" --version | grep -F "version $1" || fail "that is not QEMU $1"
}

phase_1() {
    old=$(version_of old) new=$(version_of new)
    serve old
    apt-get install -y qus qus-emulator-aarch64 qus-emulator-riscv64
    expect_newest "${old%%-*}"
    expect_runs riscv64 "$(packaged riscv64)"

    serve new
    loops_start arm64
    apt-get upgrade -y
    loops_stop "during apt upgrade"
    expect_newest "${new%%-*}"

    loops_start arm64
    apt-get install -y --reinstall qus-emulator-aarch64
    loops_stop "during apt install --reinstall"
    loops_start arm64
    apt-get install -y --allow-downgrades "qus-emulator-aarch64=$old~qus1"
    loops_stop "during the way back"
    expect_newest "${old%%-*}"
    loops_start arm64
    apt-get upgrade -y
    loops_stop "during the next apt upgrade"
    expect_newest "${new%%-*}"

    loops_start arm64
    systemctl restart systemd-binfmt.service
    loops_stop_counted "during systemctl restart systemd-binfmt"
    expect_newest "${new%%-*}"
    loops_start arm64
    apt-get remove -y qus-emulator-riscv64
    loops_stop "during apt remove of another target"
    expect_runs_not riscv64
}

early_2() {
    expect_systemd_alone
    expect_newest "$(version_of new | cut -d - -f 1)"
    expect_runs_not riscv64
}

phase_2() {
    qus test arm64
}
