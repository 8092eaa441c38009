# shellcheck shell=sh
# what: binfmt-support and its formats of the same names, before a downloaded target and after a packaged one
# suites: trixie
# needs: QUS_TEST_SHIPPED

# As its users write them: without a detector, flag F and credentials as QEMU's packages once did.
format() {
    update-binfmts --package local --install "qemu-$1" "/usr/bin/qemu-$1" --magic "$2" \
        --mask '\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff' --offset 0 --credentials no --fix-binary yes
}
riscv64='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00'
aarch64='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'

phase_1() {
    get_qus
    # Emulators without a rule, as who uses binfmt-support has them.
    apt-get install -y qemu-user binfmt-support
    format riscv64 "$riscv64"
    expect_runs riscv64 '/usr/bin/qemu-*'
    loops_start riscv64
    qus install riscv64
    apt-get install -y qus-emulator-aarch64
    loops_stop "during qus install and apt install beside binfmt-support's"
    format aarch64 "$aarch64"
    expect_ours
}

early_2() {
    expect_systemd_alone
    expect_ours
}

phase_2() {
    [ "$(systemctl is-active binfmt-support.service)" = active ] || fail "binfmt-support did not succeed"
    # It comes after systemd-binfmt, and leaves names alone that are there.
    expect_ours
    # Its service sees /usr as a mount of its own, and the kernel tells the path from there.
    expect_given_back '*/bin/qemu-*'
}

phase_3() {
    expect_runs riscv64 '*/bin/qemu-*'
    expect_runs arm64 '*/bin/qemu-*'
}
