#!/bin/sh
# Installs the packages on a clean root file system, starts what they bring, and removes them again.
# Usage: check.sh PACKAGE.deb... ; as root, with mmdebstrap and this machine's own package sources.
set -eu

if [ "$(id -u)" != 0 ]; then
    exec sudo "$0" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
. /etc/os-release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/packages"
cp "$@" "$work/packages/"

# The machine's sources, so that it is tried on the system that it was built for.
sources=$(ls /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
# shellcheck disable=SC2086 # the files are several arguments
mmdebstrap --quiet --mode=root --variant=minbase --format=null \
    --customize-hook="copy-in '$work/packages' '$here/check-inside.sh' /tmp" \
    --customize-hook='chroot "$1" sh /tmp/check-inside.sh' \
    "$VERSION_CODENAME" /dev/null $sources
