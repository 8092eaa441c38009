#!/bin/sh
# Installs qus where there is none yet, verified: curl -fsSL URL/install.sh | sudo sh
#   QUS_DESTINATION=DIR   where to, instead of /usr/local/bin
#   QUS_DRY_RUN=1         tell what would be done, and do nothing
#   QUS_ALLOW_DOWNGRADE=1 replace a newer qus too
# "qus-release publish" fills in the words between @. The last line calls the rest: of a script that was cut off nothing runs.
main() {
    set -eu && umask 022 && unset CDPATH # With it, "cd" would look elsewhere first.
    url='@URL@' version='@VERSION@'
    # A line a host: its name, and its archive's size, SHA-256 and minisign key.
    archives='@ARCHIVES@'
    fail() { printf 'error: %s\nhelp: %s\n' "$1" "$2" >&2; exit 1; }; has() { command -v "$1" >/dev/null 2>&1; }
    case $version in @*) fail "this is a template, which installs nothing" "use a repository's: curl -fsSL URL/install.sh | sudo sh" ;; esac
    host=$(uname -m)
    case $host in x86_64) host=amd64 ;; aarch64) host=arm64v8 ;; i?86) host=i386 ;; loongarch64) host=loong64 ;;
        armv6*) host=arm32v6 ;; armv7* | armv8l) host=arm32v7 ;; esac
    # shellcheck disable=SC2046 # four words, or none
    set -- $(printf '%s\n' "$archives" | grep "^$host ")
    if [ $# != 4 ]; then fail "there is no qus $version for $(uname -m)" "build it: cargo install qus"; fi
    size=$2 hash=$3 key=$4 file=qus_$host.tgz by=nothing typed=${QUS_DESTINATION:-/usr/local/bin} state=/var/lib/qus next='qus install aarch64'
    case $url in https://*) scheme='https' ;; file:///*) scheme='file' ;; http://127.0.0.1:* | http://localhost:*) scheme='http' ;;
        *) fail "\"$url\" would be fetched without encryption" "tell the publisher: it must begin with https://" ;; esac
    for need in tar gzip mktemp grep sed cut sort tail; do has "$need" || fail "there is no $need" "apt-get install $need"; done
    has curl || has wget || [ "$scheme" = file ] || fail "there is neither curl nor wget" "apt-get install curl"
    has sha256sum || has shasum || has openssl || fail "nothing here makes SHA-256 hashes" "apt-get install coreutils"
    case $(openssl version 2>/dev/null) in 'OpenSSL '[3-9]*) by=openssl ;; esac; if has minisign; then by=minisign; fi
    destination=$(cd -P -- "$typed" 2>/dev/null && pwd -P) || fail "there is no directory \"$typed\"" "mkdir -p $typed"
    case $destination in *[\"\\]*) fail "\"$destination\" cannot be written down" "choose another by QUS_DESTINATION" ;; esac
    [ "$(id -u)" = 0 ] || { state=$HOME/.local/state/qus next='qus install --user aarch64'; }
    target=$destination/qus receipt=$state/self.json
    if [ -e "$target" ] || [ -L "$target" ]; then
        grep -qsF "\"path\": \"$target\"" "$receipt" ||
            fail "\"$target\" is there already, and not by this script" "remove it, or choose another directory by QUS_DESTINATION"
        present=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$receipt") # As it was written down: nothing is started to learn it.
        printf '%s\n' "$present" "$version" | sed 's/-/.-1./' | # Number by number: 1.0.0-rc.1, which is 1.0.0.-1.rc.1, before 1.0.0.
            LC_ALL=C sort -c -t . -k 1,1n -k 2,2n -k 3,3n -k 4,4n -k 5,5 -k 6,6n 2>/dev/null || [ "${QUS_ALLOW_DOWNGRADE:-0}" != 0 ] ||
            fail "\"$target\" is qus $present, newer than $version" "to have the older one all the same: QUS_ALLOW_DOWNGRADE=1"; fi
    if [ "${QUS_DRY_RUN:-0}" != 0 ]; then
        printf 'would %s\n' "fetch $url/tool-$version/$file ($size bytes)" "check its SHA-256 $hash, and its signature by $by" \
            "install qus $version as $target" "write $receipt"; return; fi
    [ -w "$destination" ] || fail "\"$destination\" cannot be written to" "use sudo sh, or QUS_DESTINATION=\$HOME/.local/bin"
    staging=$(mktemp -d "$destination/.qus-install.XXXXXX") || fail "\"$destination\" cannot be written to" "df -h $destination"
    trap 'rm -rf "$staging" "$receipt.new"' EXIT && trap 'exit 1' HUP INT TERM
    fetch() ( # No file becomes much longer than $3 bytes: the limit counts by 512, or by 1024 in some shells.
        trap '' XFSZ && ulimit -f $(($3 / 512 + 1)) && in_time='' # A minute below 1024 bytes a second is too slow.
        for try in timeout 'timeout --foreground'; do ! $try 9 id >/dev/null 2>&1 || in_time="$try $(($3 / 1024 + 60))"; done
        if [ "$scheme" = file ]; then cp "${url#file://}/$1" "$2"
        elif has curl; then curl -fsSL -Y 1024 -y 60 --proto "=$scheme" --proto-redir "=$scheme" --max-filesize "$3" -o "$2" "$url/$1"
        else $in_time wget -q -O "$2" "$url/$1"; fi ||
            fail "cannot fetch $url/$1, of at most $3 bytes" "check network and proxy, and df -h $destination; then try again"
    )
    sha256() { { sha256sum "$1" || shasum -a 256 "$1" || openssl dgst -sha256 -r "$1"; } 2>/dev/null | cut -d ' ' -f 1; }
    signed() { # The bytes in the file $1 bear the signature $2.
        printf %s "$2" | openssl base64 -d -A | tail -c 64 > "$staging/signature"
        openssl pkeyutl -verify -pubin -keyform DER -inkey "$staging/key" -rawin -in "$1" -sigfile "$staging/signature" >/dev/null 2>&1
    }
    refuse() { fail "$1: it is not installed" "do not install from $url until its publisher has explained this"; }
    archive=$staging/$file minisig=$staging/$file.minisig
    fetch "tool-$version/$file" "$archive" "$size"
    [ "$(sha256 "$archive")" = "$hash" ] || refuse "$file has another SHA-256 than this script says"
    if [ $by = nothing ]; then echo "note: without minisign or OpenSSL 3 the hash is checked, and no signature" >&2; else
        fetch "tool-$version/$file.minisig" "$minisig" 2048
        claim=$(printf 'type:qus-tool\tfile:%s\tversion:%s\thost:%s\tsize:%s\tsha256:%s' "$file" "$version" "$host" "$size" "$hash")
        [ "$(sed -n 3p "$minisig")" = "trusted comment: $claim" ] || refuse "$file is signed as something else"
    fi
    if [ $by = minisign ]; then minisign -V -H -q -P "$key" -m "$archive" -x "$minisig" || refuse "the signature of $file is not good"; fi
    if [ $by = openssl ]; then # Ed25519 in DER (RFC 8410); before it, minisign's keys and signatures bear ten bytes of their own.
        { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf %s "$key" | openssl base64 -d -A | tail -c 32; } > "$staging/key"
        openssl dgst -blake2b512 -binary "$archive" > "$staging/digest"
        { signed "$staging/digest" "$(sed -n 2p "$minisig")" && { cat "$staging/signature"; printf %s "$claim"; } > "$staging/claim" &&
            signed "$staging/claim" "$(sed -n 4p "$minisig")"; } || refuse "the signature of $file is not good"
    fi
    { tar -xzf "$archive" -C "$staging" qus && chmod 755 "$staging/qus"; } || fail "\"$file\" cannot be unpacked" "df -h $destination"
    [ "$("$staging/qus" --version </dev/null)" = "qus $version" ] || fail "qus $version does not start here" "tell the publisher"
    { mkdir -p "$state" && printf '{\n  "schema": 1,\n  "path": "%s",\n  "version": "%s",\n  "sha256": "%s",\n  "repository": "%s"\n}\n' \
        "$target" "$version" "$(sha256 "$staging/qus")" "$url" > "$receipt.new" && mv -f "$receipt.new" "$receipt" &&
        mv -f "$staging/qus" "$target"; } || fail "cannot write \"$receipt\" or \"$target\"" "df -h $state $destination" # A rerun mends it.
    printf 'qus %s is installed: %s\nnext: %s\n' "$version" "$target" "$next"
}
main
