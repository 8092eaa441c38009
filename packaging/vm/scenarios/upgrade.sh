# shellcheck shell=sh
# what: apt upgrade of qus and to a newer QEMU while programs are started all the time, going back, and systemd-binfmt in between
# suites: trixie
# needs: QUS_TEST_SHIPPED

# The newest program runs: one that is held open though it was replaced is told as "(deleted)".
expect_newest() {
    expect_runs arm64 "$(packaged aarch64)"
    "$(packaged aarch64)" --version | grep -F "version ${1%%-*}" || fail "that is not QEMU $1"
}
version_of_qus() { dpkg-query --show --showformat '${Version}' qus; }

phase_1() {
    old=$(version_of old) new=$(version_of new)
    serve old
    apt-get install -y qus qus-emulator-aarch64 qus-emulator-riscv64
    qus=$(version_of_qus)
    expect_newest "$old"
    expect_runs riscv64 "$(packaged riscv64)"
    loops_see arm64

    serve new
    loops_start arm64
    apt-get install -y qus
    loops_stop "during the upgrade of qus"
    dpkg --compare-versions "$(version_of_qus)" gt "$qus" || fail "qus was not upgraded: $qus"
    expect_newest "$old"
    loops_start arm64
    apt-get upgrade -y
    loops_stop "during apt upgrade"
    expect_newest "$new"

    loops_start arm64
    apt-get install -y --reinstall qus qus-emulator-aarch64
    loops_stop "during apt install --reinstall"
    loops_start arm64
    apt-get install -y --allow-downgrades "qus=$qus" "qus-emulator-aarch64=$old~qus1" "qus-emulator-riscv64=$old~qus1"
    loops_stop "during the way back"
    expect_newest "$old"

    # Whatever falls into an upgrade, the newest one runs after it.
    loops_start arm64
    apt-get upgrade -y &
    while kill -0 $! 2> /dev/null; do
        systemctl restart systemd-binfmt.service
        restarts=$((${restarts:-0} + 1))
        # More than five in ten seconds systemd refuses.
        sleep 2
    done
    wait $!
    loops_stop_counted "during the next apt upgrade, with $restarts restarts of systemd-binfmt"
    expect_newest "$new"
    loops_start arm64
    apt-get remove -y qus-emulator-riscv64
    loops_stop "during apt remove of another target"
    expect_runs_not riscv64
}

early_2() {
    expect_systemd_alone
    expect_newest "$(version_of new)"
    expect_runs_not riscv64
}

phase_2() {
    qus test arm64
}
