#!/bin/sh
# systemd-disk.sh: prints the image of a disk with a small Debian whose first process is systemd, with Node and the
# project's production dependencies. Guests write to a copy of it that goes with them.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/test/peers
export TEST_PEER_CACHE="${TEST_PEER_CACHE:-$root/.cache/kernels}"
. "$here/cache.sh"

node=$root/node_modules/node/bin/node
recipe=$( (cd "$root/test/kernels" && cat systemd-disk.sh floatie-tests.service dependencies.sh ../../package-lock.json &&
  stat -c %y "$node") | sha256sum | cut -c 1-12)
image=$cache/systemd-$recipe.img
once systemd-disk
if [ -e "$image" ]; then echo "$image"; exit; fi
say "making the disk of a guest with systemd"
begin_work
disk=$work/disk
quietly debootstrap --variant=minbase --include=systemd,systemd-oomd,earlyoom,libbpf1,libstdc++6,iproute2 bookworm "$disk" "$(debian_mirror)"
rm -rf "$disk"/var/cache/apt/archives/*.deb "$disk"/var/lib/apt/lists/* "$disk"/usr/share/doc "$disk"/usr/share/locale

cp "$node" "$disk/usr/local/bin/node"
mkdir "$disk/floatie"
sh "$root/test/kernels/dependencies.sh" "$disk/floatie"
# As `npm install --global` does.
ln -s /floatie/dist/main.js "$disk/usr/local/bin/floatie"

cd "$disk/etc"
echo floatie >hostname
: >fstab
# What takes time here and is of no use, and what would kill the tests.
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-logind.service systemd-update-utmp.service \
  systemd-remount-fs.service e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  e2scrub_all.timer earlyoom.service fstrim.timer systemd-tmpfiles-clean.timer proc-sys-fs-binfmt_misc.automount; do
  ln -sf /dev/null "systemd/system/$unit"
done
cp "$root/test/kernels/floatie-tests.service" systemd/system/
mkdir -p systemd/system/multi-user.target.wants
ln -s ../floatie-tests.service systemd/system/multi-user.target.wants/
ln -sf /lib/systemd/system/multi-user.target systemd/system/default.target

truncate -s 2G "$work/image"
quietly mke2fs -q -t ext4 -O ^has_journal -d "$disk" "$work/image"
rm -f "$cache"/systemd-*.img
mv "$work/image" "$image"
echo "$image"
