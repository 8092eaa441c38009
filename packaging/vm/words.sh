# shellcheck shell=sh
# The words of which scenarios are made. Any command that fails ends its phase, and the scenario has failed.

loops=/run/qus-vm.loops

# On a line of its own, whatever left another one open.
mark() { printf '\n@%s\n' "$*"; }
fail() {
    mark "why $*"
    exit 1
}
# For who reads the report: what cannot fail.
note() { mark "note $*"; }

program() { echo "/media/vm/programs/$1/busybox"; }

# What "uname -m" says in a program of a Debian architecture.
machine() {
    case $1 in
        arm64) echo aarch64 ;;
        *) echo "$1" ;;
    esac
}

# expect_runs ARCHITECTURE PATTERN: a program of it runs, by an emulator whose path fits the pattern.
expect_runs() {
    said=$("$(program "$1")" uname -m) || fail "no program of $1 runs"
    [ "$said" = "$(machine "$1")" ] || fail "a program of $1 says \"$said\""
    "$(program "$1")" sleep 600 &
    by=
    # Until the shell's child has become the program.
    while by=$(readlink "/proc/$!/exe") && [ "$by" = "$(readlink -f /bin/sh)" ]; do sleep 0.1; done
    kill $!
    # shellcheck disable=SC2254 # a pattern
    case $by in
        $2) ;;
        *) fail "a program of $1 is run by \"$by\", not by \"$2\"" ;;
    esac
    echo "a program of $1 is run by $by"
    case $by in
        /usr/local/lib/qus/bin/*) by="downloaded $(basename "$(dirname "$by")")" ;;
        /usr/libexec/qus/*) by="package $(dpkg-query --show --showformat '${Version}' "qus-emulator-$(machine "$1")")" ;;
    esac
    # Without what the distribution made of QEMU's version.
    by=${by%%-[0-9]*}
    mark "ran $1 ($by)"
}

expect_runs_not() {
    # A shell would take it for a script.
    if said=$(python3 -c 'import os, sys; os.execv(sys.argv[1], sys.argv[1:])' "$(program "$1")" uname -m 2>&1); then
        fail "a program of $1 still runs: \"$said\""
    fi
    case $said in
        *"Exec format error"*) mark "ran no $1" ;;
        *) fail "a program of $1 does not run, but for another reason: \"$said\"" ;;
    esac
}

# In this boot no qus ran and nobody could log in: systemd-binfmt did it alone. For early_N.
expect_systemd_alone() {
    [ -e /run/nologin ] || fail "somebody could log in already"
    [ "$(systemctl is-active systemd-binfmt.service)" = active ] || fail "systemd-binfmt did not succeed"
    ran=$(lastcomm -f /run/qus-vm.account | awk '{ print $1 }' | sort -u)
    echo "$ran" | grep -qx systemd-binfmt || fail "what ran was not written down: no systemd-binfmt"
    ! echo "$ran" | grep -q '^qus' || fail "qus ran in this boot"
    ! pgrep -x 'qus.*' || fail "qus runs in this boot"
    note "systemd-binfmt alone, before any login"
}

# Trusts the repository of releases.
trust() { install -D -m 644 /media/vm/releases/anchor.json /etc/qus/trust.d/vm.json; }

# qus as somebody puts it there by hand.
put_qus() {
    install -D -m 755 /media/vm/qus /usr/bin/qus
    trust
    echo 'repository = "file:///srv/qus"' > /etc/qus/config.toml
}

# get_qus PACKAGE...: qus and others by apt, and trust in what can be downloaded.
get_qus() {
    serve new
    apt-get install -y qus "$@"
    trust
    offer new
}

# What the repository offers from now on: old or new.
offer() { ln -sfn "/media/vm/releases/$1" /srv/qus; }
# All targets, of the repository that scripts/test makes: it has to lie where its signed URL says. After put_qus.
offer_all() {
    install -m 644 /media/vm/releases/all/anchor.json /etc/qus/trust.d/all.json
    url=$(sed -n 's/.*"repository": *"file:\/\/\([^"]*\)".*/\1/p' /etc/qus/trust.d/all.json)
    mkdir -p "$(dirname "$url")"
    ln -s /media/vm/releases/all "$url"
    echo "repository = \"file://$url\"" > /etc/qus/config.toml
}
version_of() { cat "/media/vm/releases/$1.version"; }
# Where qus puts an emulator: emulator TARGET old|new.
emulator() { echo "/usr/local/lib/qus/bin/$(version_of "$2")/qemu-$1-static"; }

# serve old|new: the signed repository of packages on loopback, in that state, and apt is told of it as the book tells people.
serve() {
    ln -sfn "/media/vm/apt/$1" /srv/apt
    curl -fs -o /dev/null http://127.0.0.1:8000 || python3 -m http.server --bind 127.0.0.1 --directory /srv/apt 8000 > /dev/null 2>&1 &
    curl -fsSL --retry 60 --retry-delay 1 --retry-connrefused -o /etc/apt/sources.list.d/qus.sources http://127.0.0.1:8000/qus.sources
    apt-get update
}
# What packages install.
packaged() { echo "/usr/libexec/qus/qemu-$1-static"; }

# Two loops, one on each processor, that execute a program of an architecture all the time, until loops_stop or its like.
loops_start() {
    rm -rf "$loops"
    mkdir "$loops"
    python3 /media/vm/loop.py run 0 "$loops" "$(program "$1")" true &
    looping=$!
    python3 /media/vm/loop.py start 1 "$loops" "$(program "$1")" true &
    looping="$looping $!"
    loops_beat
}

# Waits until both have executed their program three more times.
loops_beat() {
    for processor in 0 1; do
        until [ -e "$loops/$processor.beats" ]; do loops_live; done
        goal=$(($(stat -c %s "$loops/$processor.beats") + 3))
        until [ "$(stat -c %s "$loops/$processor.beats")" -ge $goal ]; do loops_live; done
    done
}
loops_live() {
    for process in $looping; do
        grep -qs '^State:[[:space:]]*[^Z]' "/proc/$process/status" || fail "a loop has ended by itself"
    done
    sleep 0.2
}

# Ends them, and sets executions, failed and first.
loops_count() {
    loops_beat
    : > "$loops/stop"
    until [ -e "$loops/0" ] && [ -e "$loops/1" ]; do sleep 0.2; done
    executions=$(awk '{ n += $1 } END { print n }' "$loops/0" "$loops/1")
    failed=$(awk '{ n += $2 } END { print n }' "$loops/0" "$loops/1")
    first=$(cut -d ' ' -f 3- "$loops/0" "$loops/1" | paste -sd ';')
}

# loops_stop WHAT: ends them; no execution may have failed while that was done.
loops_stop() {
    loops_count
    mark "loops $failed of $executions, $1"
    [ "$failed" = 0 ] || fail "$failed of $executions executions failed: $first"
}

# loops_stop_counted WHAT: ends them; what failed was flushed by systemd, is counted apart, and is not ours.
loops_stop_counted() {
    loops_count
    mark "flushed $failed of $executions, $1 ($first)"
}

# loops_see ARCHITECTURE: a gap of two seconds, which loops must have seen; or else "0 failed" would prove nothing.
loops_see() {
    loops_start "$1"
    systemctl stop systemd-binfmt.service
    sleep 2
    systemctl start systemd-binfmt.service
    loops_stop_counted "with systemd-binfmt stopped for 2 s"
    [ "$failed" -gt 0 ] || fail "the loops saw no gap"
}

# A target of each kind: arm64 by its package, and riscv64 downloaded.
expect_ours() {
    expect_runs arm64 "$(packaged aarch64)"
    expect_runs riscv64 "$(emulator riscv64 new)"
}
# expect_given_back PATTERN: qus gives both back, to whose emulators have such paths.
expect_given_back() {
    loops_start riscv64
    qus remove riscv64
    apt-get remove -y qus-emulator-aarch64
    loops_stop "while both are given back"
    expect_runs riscv64 "$1"
    expect_runs arm64 "$1"
}

# tree_save NAME, tree_same NAME: what lies in /etc, /usr and /var, but for what the system itself writes at every boot, and for what
# apt and dpkg note; and what is installed, and what the kernel's table holds.
tree() {
    find /etc /usr /var -xdev \( -path /var/log -o -path /var/tmp -o -path /var/lib/systemd -o -path /var/cache/ldconfig -o -name .updated \
        -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache/apt -o -path /var/cache/debconf \) -prune \
        -o -type d -printf '%p %y %m %u:%g\n' \
        -o -printf '%p %y %m %u:%g %s %T@ %l\n' | sort
    dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Version}\n'
    find /proc/sys/fs/binfmt_misc -type f ! -name register -exec grep -H . {} + | sort
}
tree_save() { tree > "/root/$1.tree"; }
tree_same() {
    tree > "/root/$1.now"
    [ "$(wc -l < "/root/$1.tree")" -gt 5000 ] || fail "hardly anything was compared"
    diff "/root/$1.tree" "/root/$1.now" || fail "/etc, /usr, /var and the table are not as they were before"
    note "all as before: $(wc -l < "/root/$1.now") lines of paths and entries"
}
