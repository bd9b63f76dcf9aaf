#!/bin/sh
# arm64-guest.sh SUITE: prints a folder with an arm64 machine for QEMU: vmlinuz, the cloud kernel of that suite of Debian,
# and root, with its overlay module, busybox and the C library. Installs QEMU for arm64, and linkers, where they are missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

suite=$1
place=$cache/arm64-guest-$suite
once "arm64-guest-$suite"
begin_work
missing=""
for command in qemu-system-aarch64:qemu-system-arm cpio:cpio xz:xz-utils \
  aarch64-linux-gnu-ld:binutils-aarch64-linux-gnu arm-linux-gnueabihf-ld:binutils-arm-linux-gnueabihf; do
  command -v "${command%:*}" >/dev/null 2>&1 || missing="$missing ${command#*:}"
done
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || { say "installing$missing needs root"; exit 1; }
  install="apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600$missing"
  $install >"$work/log" 2>&1 9>&- || { quietly apt-get -qq update && quietly $install; }
fi
if [ -e "$place/vmlinuz" ]; then echo "$place"; exit; fi
say "fetching an arm64 kernel of $suite"
use_suite "$suite" 'APT::Architecture "arm64"; APT::Architectures { "arm64"; };'
# depends PACKAGE PATTERN: those of its dependencies whose name begins like this.
depends() { apt-cache depends "$1" | sed -n "s/^ *Depends: \($2.*\)/\1/p"; }
image=$(depends linux-image-cloud-arm64 'linux-image-[0-9]')
# Later suites have nothing but dependencies in the image's package.
unpack "$image" $(depends "$image" 'linux-\(binary\|modules\)-') busybox-static libc6 libstdc++6 libgcc-s1

libraries=lib/aarch64-linux-gnu
mkdir -p "$work/guest/root/$libraries" "$work/guest/root/bin"
for name in dev proc sys tmp run; do mkdir "$work/guest/root/$name"; done
cp "$(find "$work/root" -name 'vmlinuz*' -type f | head -n 1)" "$work/guest/vmlinuz"
cp "$(find "$work/root" -path '*/bin/busybox')" "$work/guest/root/bin/"
for name in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libgcc_s.so.1 libstdc++.so.6; do
  cp -L "$(find "$work/root" -name "$name" | head -n 1)" "$work/guest/root/$libraries/"
done
cp -L "$(find "$work/root" -name ld-linux-aarch64.so.1 | head -n 1)" "$work/guest/root/lib/"
cp "$(find "$work/root" -name 'overlay.ko*')" "$work/guest/root/lib/"
[ ! -e "$work/guest/root/lib/overlay.ko.xz" ] || xz -d "$work/guest/root/lib/overlay.ko.xz"
rm -rf "$place"
mv "$work/guest" "$place"
echo "$place"
