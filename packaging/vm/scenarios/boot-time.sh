# shellcheck shell=sh
# what: how long systemd-binfmt takes at boot, without and with all targets; the units of qus by systemd-analyze
# suites: trixie
# needs: QUS_TEST_REPOSITORY

blame() {
    systemctl is-system-running --wait > /dev/null || true
    systemd-analyze blame --no-pager | awk '$NF == "systemd-binfmt.service" { print; found = 1 } END { if (!found) print "not run: there is nothing to register" }'
}

phase_1() {
    note "systemd-binfmt without targets: $(blame)"
    note "$(systemd-analyze time | head -n 1)"
    put_qus
    offer_all
    qus install all
    count=$(find /etc/binfmt.d -name 'qus-*.conf' | wc -l)
    note "$count targets installed"
    [ "$count" -ge 31 ] || fail "only $count targets"
    cp /media/vm/units/* /etc/systemd/system
    systemctl daemon-reload
    systemd-analyze verify --man=no qus-update.service qus-update.timer > /tmp/verify 2>&1 ||
        fail "systemd-analyze verify does not accept them"
    ! grep qus-update /tmp/verify || fail "systemd-analyze verify complains"
    note "systemd-analyze verify: nothing of qus-update"
    note "$(systemd-analyze security --no-pager qus-update.service | tail -n 1 | sed 's/[^ -~]//g; s/^ *//')"
    systemctl enable --now qus-update.timer
    systemctl start qus-update.service
}

early_2() {
    expect_systemd_alone
    expect_runs arm64 '/usr/local/lib/qus/bin/*/qemu-aarch64-static'
}

phase_2() {
    note "systemd-binfmt with all targets: $(blame)"
    note "$(systemd-analyze time | head -n 1)"
    [ "$(find /proc/sys/fs/binfmt_misc -name 'qemu-*' | wc -l)" -ge 31 ] || fail "not all are registered"
    [ "$(systemctl is-active qus-update.timer)" = active ] || fail "the timer is not active"
    qus test
}
