#!/bin/sh
# disk.sh LIBRARY-OR-PROGRAM…: prints the image of the disk that every guest runs from: Node, libbpf, the tools that the
# tests call, the project's production dependencies, and the shared libraries of all these and of the programs named.
# Guests write to a copy of it that goes with them.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/test/peers
export TEST_PEER_CACHE="${TEST_PEER_CACHE:-$root/.cache/kernels}"
. "$here/cache.sh"

node=$root/node_modules/node/bin/node
libbpf=$(ls /usr/lib/x86_64-linux-gnu/libbpf.so.1 /usr/lib64/libbpf.so.1 /usr/lib/libbpf.so.1 2>/dev/null | head -n 1)
recipe=$( (cd "$root/test/kernels" && cat disk.sh dependencies.sh ../../package-lock.json &&
  sha256sum "$libbpf" && stat -c %y "$node") | sha256sum | cut -c 1-12)
image=$cache/disk-$recipe.img
once disk
if [ -e "$image" ]; then echo "$image"; exit; fi
say "making the guests' disk"
begin_work
disk=$work/disk

# What busybox lacks or does differently: dd's reads and writes are counted one by one.
tools=""
for name in dd truncate cat mount umount unshare nsenter setpriv mke2fs losetup swapon; do tools="$tools $(command -v "$name")"; done
addon=$(ls "$root"/node_modules/@yuuang/ffi-rs-linux-x64-*/*.node)

mkdir -p "$disk"
cd "$disk"
mkdir -p bin dev etc proc run sys usr/bin usr/lib lib lib64 floatie tmp var/tmp
cp "$(command -v busybox)" bin/
for applet in $(busybox --list); do [ -e "bin/$applet" ] || ln -s busybox "bin/$applet"; done
for tool in $tools; do
  rm -f "bin/${tool##*/}"
  cp -L "$tool" "bin/${tool##*/}"
done
cp "$node" usr/bin/node
# slowfs is compiled in advance, so its flags do not matter.
printf '#!/bin/sh\n' >bin/pkg-config
chmod +x bin/pkg-config
echo 'root:x:0:0:root:/:/bin/sh' >etc/passwd
echo '127.0.0.1 localhost' >etc/hosts

# It complains of static programs.
ldd "$node" "$addon" "$libbpf" $tools "$@" 2>/dev/null | sed -n 's|^[^/]*\(/[^ ]*\) (0x.*|\1|p' | sort -u >"$work/libraries"
echo "$libbpf" >>"$work/libraries"
while read -r library; do
  case $library in
    /lib64/*) cp -L "$library" lib64/ ;;
    *) cp -L "$library" usr/lib/ ;;
  esac
done <"$work/libraries"
ldconfig -r "$disk" /usr/lib

sh "$root/test/kernels/dependencies.sh" "$disk/floatie"

truncate -s 3G "$work/image"
quietly mke2fs -q -t ext4 -O ^has_journal -d "$disk" "$work/image"
rm -f "$cache"/disk-*.img
mv "$work/image" "$image"
echo "$image"
