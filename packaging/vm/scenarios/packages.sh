# shellcheck shell=sh
# what: apt install from a signed repository; it runs after a reboot by systemd-binfmt alone; purge leaves nothing
# suites: trixie sid
# needs: QUS_TEST_SHIPPED

phase_1() {
    tree_save before
    serve new
    apt-get install -y qus qus-emulator-aarch64
    expect_runs arm64 "$(packaged aarch64)"
    qus test arm64
}

early_2() {
    expect_systemd_alone
    expect_runs arm64 "$(packaged aarch64)"
}

phase_2() {
    qus test arm64
    apt-get remove -y qus-emulator-aarch64
    expect_runs_not arm64
    apt-get purge -y --autoremove qus qus-emulator-aarch64
    rm /etc/apt/sources.list.d/qus.sources
}

phase_3() {
    expect_runs_not arm64
    tree_same before
}
