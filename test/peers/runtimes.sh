#!/bin/sh
# Prints a folder with the runtimes of containers that run without being installed, as this Debian has them: dockerd,
# containerd, ctr, runc, crun, LXC's tools and systemd-nspawn, with the libraries they need, in `bin`, `sbin` and
# `lib`; and in `rootfs` a root of a few files, of busybox. Nothing of it runs yet, and no service is made.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/runtimes
once runtimes
if [ -d "$place" ]; then echo "$place"; exit; fi
say "fetching runtimes of containers"
begin_work
use_suite bookworm
unpack docker.io containerd runc crun lxc liblxc1 systemd systemd-container libsystemd-shared fuse-overlayfs busybox-static \
  libyajl2 libdevmapper1.02.1 libseccomp2 libcap2 libapparmor1 libfuse3-3 libip4tc2 libkmod2 libcrypt1 libmount1 libblkid1
root=$work/root
mkdir -p "$work/made/lib" "$work/made/rootfs"
cp -a "$root/usr/bin" "$root/usr/sbin" "$work/made/"
cp -a "$root/bin/." "$work/made/bin/"
for lib in "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu "$root"/usr/lib/*-linux-gnu/systemd "$root"/lib/systemd; do
  [ ! -d "$lib" ] || find "$lib" -maxdepth 1 -name 'lib*.so*' -exec cp -a -t "$work/made/lib/" {} +
done
cd "$work/made/rootfs"
mkdir bin dev etc proc run sys tmp usr
cp "$root/bin/busybox" bin/
for name in sh cat dd echo head mkdir sleep tail; do ln -s busybox "bin/$name"; done
ln -s ../bin usr/bin
echo 'ID=floatie-test' >etc/os-release
cd "$work"
for program in dockerd containerd ctr runc crun lxc-start systemd-nspawn systemd-escape fuse-overlayfs; do
  quietly env "LD_LIBRARY_PATH=$work/made/lib" "PATH=$work/made/bin:$work/made/sbin:$PATH" "$program" --version
done
mv "$work/made" "$place"
echo "$place"
