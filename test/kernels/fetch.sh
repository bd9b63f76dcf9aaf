#!/bin/sh
# fetch.sh SUITE: prints a folder with the newest cloud kernel of a Debian suite, unpacked but not installed:
#   vmlinuz   release   modules/lib/modules/RELEASE/
# with only the modules that the guests of the tests load. Delete the folder to have a newer one fetched.
set -eu
suite=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/test/peers
export TEST_PEER_CACHE="${TEST_PEER_CACHE:-$root/.cache/kernels}"
. "$here/cache.sh"

modules="virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk overlay fuse loop"
place=$cache/kernel-$suite-$(echo "$modules" | sha256sum | cut -c 1-8)
once "kernel-$suite"
if [ -e "$place/vmlinuz" ]; then echo "$place"; exit; fi
say "fetching the kernel of Debian $suite"
begin_work

use_suite "$suite" 'APT::Architecture "amd64";'

# depends PACKAGE PATTERN: those of its dependencies whose name begins like this.
depends() { apt-cache depends "$1" | sed -n "s/^ *Depends: \($2.*\)/\1/p"; }
image=$(depends linux-image-cloud-amd64 'linux-image-[0-9]')
[ -n "$image" ] || { say "Debian $suite has no cloud kernel"; exit 1; }
# Later suites have nothing but dependencies in the image's package.
packages="$image $(depends "$image" 'linux-\(binary\|modules\)-')"
unpack $packages

release=${image#linux-image-}
folder=$work/kernel/modules/lib/modules/$release
mkdir -p "$folder"
for name in $modules; do
  # One that is not there is a part of the kernel itself.
  find "$work/root" -name "$name.ko*" -exec cp {} "$folder" \;
done
for module in "$folder"/*.xz; do [ ! -e "$module" ] || quietly xz -d "$module"; done
for module in "$folder"/*.zst; do [ ! -e "$module" ] || quietly zstd -q -d --rm "$module"; done
busybox depmod -b "$work/kernel/modules" "$release"
echo "$release" >"$work/kernel/release"
cp "$(find "$work/root" -name 'vmlinuz*' -type f | head -n 1)" "$work/kernel/vmlinuz"
rm -rf "$place"
mv "$work/kernel" "$place"
echo "$place"
