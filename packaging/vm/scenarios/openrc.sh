# shellcheck shell=sh
# what: OpenRC without systemd: nobody reads a package's rule at boot, until qus export makes a service of it
# suites: trixie
# needs: QUS_TEST_SHIPPED

phase_1() {
    get_qus qus-emulator-aarch64
    expect_runs arm64 "$(packaged aarch64)"
    apt-get install -y --allow-remove-essential openrc sysvinit-core systemd-sysv-
    printf '%s\n' '#!/sbin/openrc-run' 'depend() { after *; }' 'start() { /media/vm/guest late & }' > /etc/init.d/qus-vm
    chmod 755 /etc/init.d/qus-vm
    rc-update add qus-vm default
}

phase_2() {
    [ ! -e /run/systemd/system ] || fail "this is systemd"
    rc-status --all
    expect_runs_not arm64
    qus install riscv64
    expect_runs riscv64 "$(emulator riscv64 new)"
    qus export openrc /etc/init.d
    rc-update add qus boot
    rc-service qus start
    expect_runs arm64 "$(packaged aarch64)"
    # An export needs no qus at boot.
    mv /usr/bin/qus /root
}

phase_3() {
    expect_ours
    rc-service qus status
    /root/qus test arm64 riscv64
}
