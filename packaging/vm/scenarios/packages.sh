# shellcheck shell=sh
# what: apt install from a signed repository; it runs after a reboot by systemd-binfmt alone; purge leaves nothing, nor of qus install
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
    trust
    offer new
    qus install riscv64
    expect_runs riscv64 "$(emulator riscv64 new)"
    apt-get remove -y qus-emulator-aarch64
    expect_runs_not arm64
    # What was downloaded goes with the configuration, in this very boot, by the package's script alone.
    apt-get remove -y --autoremove qus
    expect_runs riscv64 "$(emulator riscv64 new)"
    apt-get purge -y qus qus-emulator-aarch64
    expect_runs_not riscv64
    rm /srv/qus /etc/apt/sources.list.d/qus.sources
}

phase_3() {
    expect_runs_not arm64
    tree_same before
}
