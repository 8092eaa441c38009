# shellcheck shell=sh
# what: OpenRC without systemd, by the service of qus export
# suites: trixie

phase_1() {
    apt-get install -y --allow-remove-essential openrc sysvinit-core systemd-sysv-
    printf '%s\n' '#!/sbin/openrc-run' 'depend() { after *; }' 'start() { /media/vm/guest late & }' > /etc/init.d/qus-vm
    chmod 755 /etc/init.d/qus-vm
    rc-update add qus-vm default
}

phase_2() {
    [ ! -e /run/systemd/system ] || fail "this is systemd"
    rc-status --all
    put_qus
    offer new
    qus install riscv64
    expect_runs riscv64 "$(emulator riscv64 new)"
    qus export openrc /etc/init.d
    rc-update add qus boot
    # An export needs no qus at boot.
    rm /usr/bin/qus
}

phase_3() {
    expect_runs riscv64 "$(emulator riscv64 new)"
    rc-service qus status
    /media/vm/qus test riscv64
}
