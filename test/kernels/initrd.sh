#!/bin/sh
# initrd.sh KERNEL OUTPUT: makes a guest's initial memory: the modules of a kernel of fetch.sh, and the project as it is now.
set -eu
kernel=$1
output=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/bin" "$work/floatie/.cache"
cp "$(command -v busybox)" "$work/bin/busybox"
cp -R "$kernel/modules/lib" "$work/lib"
cp "$root/test/kernels/init" "$work/init"
chmod +x "$work/init"
# Times of change stay: they say that the fixtures are newer than their sources.
cp -a "$root/package.json" "$root/bpf" "$root/config" "$root/dist" "$root/examples" "$root/scripts" "$root/src" "$root/test" "$work/floatie/"
cp -a "$root/.cache/fixtures" "$work/floatie/.cache/"
mkdir "$work/floatie/.cache/kernels"
cp -a "$root/.cache/kernels/compiled" "$work/floatie/.cache/kernels/"
(cd "$work" && find . | cpio --quiet -o -H newc -R 0:0 >"$output")
