# shellcheck shell=sh
# What scripts/publish-apt and scripts/publish-dnf know of keys. `fail` is theirs.

# The fingerprints of whole keys, of gpg's listing.
primary() { awk -F: '$1 == "pub" || $1 == "sec" { found = 1 } $1 == "fpr" && found { print $10; found = 0 }'; }

# The fingerprint of the one secret key that gpg finds by the name $1. Of a name alone gpg would also export the public
# keys of all others who call themselves so.
secret_key() {
    found=$(gpg --batch --with-colons --list-secret-keys -- "$1" 2>/dev/null | primary)
    case $found in
        '') fail "gpg has no secret key \"$1\"" "gpg --list-secret-keys" ;;
        *[!0-9A-F]*)
            fail "gpg has several secret keys \"$1\"" \
                "name one by its fingerprint, or delete those that are not yours: $(printf '%s' "$found" | tr '\n' ' ')"
            ;;
    esac
    printf '%s\n' "$found"
}

# Writes the public keys of these fingerprints, with their subkeys. gpg also finds those who took one of them for a
# subkey of their own.
public_keys() {
    exported=$(gpg --batch --armor --export "$@")
    if [ "$(printf '%s\n' "$exported" | gpg --batch --with-colons --show-keys | primary | sort -u)" != "$(printf '%s\n' "$@" | sort -u)" ]; then
        fail "gpg also exports other keys than $*" "gpg --list-keys $*, and delete those that are not yours"
    fi
    printf '%s\n' "$exported"
}

# The fingerprints of the keys that are read, and of their subkeys.
fingerprints() { gpg --batch --with-colons --show-keys | sed -n 's/^fpr:*\([0-9A-F]*\):.*/\1/p' | sort; }
