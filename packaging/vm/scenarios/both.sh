# shellcheck shell=sh
# what: one target downloaded and packaged, whichever came first: the downloaded one runs, and after it is removed the other
# suites: trixie
# needs: QUS_TEST_SHIPPED

phase_1() {
    # A file, as somebody downloads it; the rest comes from the repository, which has a newer one too.
    cd "$(dirname "$(find /media/vm/apt/old -name 'qus_*.deb')")" || fail "there is no package of qus"
    apt-get install -y ./qus_*.deb
    get_qus qus-emulator-aarch64
    expect_runs arm64 "$(packaged aarch64)"
    loops_start arm64
    qus install arm64
    loops_stop "during qus install of what is packaged"

    qus install riscv64
    loops_start riscv64
    apt-get install -y qus-emulator-riscv64
    loops_stop "during apt install of what is downloaded"
}

early_2() {
    expect_systemd_alone
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

phase_2() {
    qus status > /tmp/status 2>&1
    cat /tmp/status
    for target in aarch64 riscv64; do
        grep -F "the downloaded $(version_of new) goes before package qus-emulator-$target" /tmp/status ||
            fail "status does not say which $target goes before the other"
    done
    loops_start arm64
    qus remove arm64
    loops_stop "during qus remove of what is packaged"
    expect_runs arm64 "$(packaged aarch64)"
    loops_start riscv64
    apt-get remove -y qus-emulator-riscv64
    loops_stop "during apt remove of what is downloaded"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

early_3() {
    expect_systemd_alone
    expect_ours
}

phase_3() {
    qus test arm64 riscv64
}
