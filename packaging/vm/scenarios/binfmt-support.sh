# shellcheck shell=sh
# what: binfmt-support and its formats of the same names, before qus and after it
# suites: trixie

# As its users write them: without a detector, flag F and credentials as QEMU's packages once did.
format() {
    update-binfmts --package local --install "qemu-$1" "/usr/bin/qemu-$1" --magic "$2" \
        --mask '\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff' --offset 0 --credentials no --fix-binary yes
}
riscv64='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00'
aarch64='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'

phase_1() {
    put_qus
    offer new
    # Emulators without a rule, as who uses binfmt-support has them.
    apt-get install -y qemu-user binfmt-support
    format riscv64 "$riscv64"
    expect_runs riscv64 '/usr/bin/qemu-*'
    loops_start riscv64
    qus install riscv64
    loops_stop "during qus install beside binfmt-support's"
    qus install arm64
    format aarch64 "$aarch64"
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

early_2() {
    expect_systemd_alone
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$(emulator riscv64 new)"
}

phase_2() {
    [ "$(systemctl is-active binfmt-support.service)" = active ] || fail "binfmt-support did not succeed"
    # It comes after systemd-binfmt, and leaves names alone that are there.
    expect_runs arm64 "$(emulator aarch64 new)"
    expect_runs riscv64 "$(emulator riscv64 new)"
    qus remove all
    expect_runs riscv64 '/usr/bin/qemu-*'
}

phase_3() {
    # Its service sees /usr as a mount of its own, and the kernel tells the path from there.
    expect_runs riscv64 '*/bin/qemu-*'
    expect_runs arm64 '*/bin/qemu-*'
}
