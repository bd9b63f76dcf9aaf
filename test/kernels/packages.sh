#!/bin/sh
# Installs from Debian what is missing to run the guests.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/test/peers
export TEST_PEER_CACHE="${TEST_PEER_CACHE:-$root/.cache/kernels}"
. "$here/cache.sh"

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
missing=""
have qemu-system-x86_64 || missing="$missing qemu-system-x86"
have busybox && busybox --list | grep -q '^depmod$' || missing="$missing busybox-static"
have cpio || missing="$missing cpio"
# Modules of Debian's kernels are compressed by the one or the other.
have xz || missing="$missing xz-utils"
have zstd || missing="$missing zstd"
have mke2fs || missing="$missing e2fsprogs"
have debootstrap || missing="$missing debootstrap"
have setpriv || missing="$missing util-linux"
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] || { say "missing packages; install them and run this again: sudo apt-get install$missing"; exit 1; }
once packages
begin_work
say "installing$missing"
install="apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600$missing"
# The lists may be too old for what they name, or not be there at all.
$install >"$work/log" 2>&1 9>&- || { quietly apt-get -qq update && quietly $install; }
