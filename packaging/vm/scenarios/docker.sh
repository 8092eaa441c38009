# shellcheck shell=sh
# what: Docker runs and builds for linux/arm64 after apt install and a reboot, without any privileged container
# suites: trixie
# needs: QUS_TEST_SHIPPED

# An image of a few files, as anybody imports one.
root() {
    rm -rf /srv/arm64
    mkdir -p /srv/arm64/bin
    cp "$(program arm64)" /srv/arm64/bin/busybox
    for name in sh uname echo cat; do ln -s busybox "/srv/arm64/bin/$name"; done
    tar -C /srv/arm64 -c . | docker import --platform linux/arm64 - arm64root
}

expect_docker() {
    said=$(docker run --rm --platform linux/arm64 arm64root uname -m)
    [ "$said" = aarch64 ] || fail "docker run said \"$said\""
    mark "ran docker run"
    mkdir -p /srv/build
    printf '%s\n' 'FROM --platform=linux/arm64 arm64root' 'RUN uname -m > /machine' > /srv/build/Dockerfile
    for builder in 0 1; do
        # 0 is the classic builder, 1 BuildKit.
        DOCKER_BUILDKIT=$builder docker build --no-cache --platform linux/arm64 -t "built$builder" /srv/build
        said=$(docker run --rm --platform linux/arm64 "built$builder" cat /machine)
        [ "$said" = aarch64 ] || fail "docker build with DOCKER_BUILDKIT=$builder said \"$said\""
    done
    mark "ran docker build (classic, BuildKit)"
}

phase_1() {
    serve new
    apt-get install -y qus qus-emulator-aarch64
    apt-get install -y docker.io docker-cli docker-buildx iptables
    systemctl is-active docker.service
    root
    expect_docker
}

early_2() {
    expect_systemd_alone
    expect_runs arm64 "$(packaged aarch64)"
}

phase_2() {
    expect_docker
    # No container was ever privileged, and qus did not run in this boot.
    ! lastcomm -f /run/qus-vm.account | grep '^qus' || fail "qus ran in this boot"
}
