#!/bin/sh
# Makes this machine able to run real containers, without a daemon and without any registry, and prints the path of a
# file of environment variables to source before podman or buildah:
#
#   . "$(sh test/peers/containers.sh)"
#   buildah bud --format docker --isolation chroot --network host -t localhost/floatie \
#     --build-arg BUILD_IMAGE=localhost/floatie-base --build-arg RUNTIME_IMAGE=localhost/floatie-base .
#   podman --runtime runc run --ulimit host --network host …
#
# It installs from Debian what is missing of podman, buildah, runc and debootstrap. Images, containers and settings are
# the tests' own, in the cache, and so is the image localhost/floatie-base: a plain Debian made by debootstrap.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/containers
once containers
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
missing=""
for package in podman buildah runc debootstrap; do have "$package" || missing="$missing $package"; done
if [ -e "$place/env" ] && [ -z "$missing" ]; then echo "$place/env"; exit; fi

[ "$(id -u)" = 0 ] || { say "containers whose kernel side can be measured need root"; exit 1; }
begin_work
if [ -n "$missing" ]; then
  say "installing$missing"
  install="apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600$missing"
  # The lists may be too old for what they name, or not be there at all.
  $install >"$work/log" 2>&1 9>&- || { quietly apt-get -qq update && quietly $install; }
fi
if [ -e "$place/env" ]; then echo "$place/env"; exit; fi

# What a container is while it runs belongs where a reboot clears it; two checkouts have one each.
run=/run/floatie-peers-$(echo "$cache" | sha256sum | cut -c 1-8)
mkdir -p "$place"
# crun, podman's default, refuses machines that have cgroup v1 and v2 at once; runc takes both. cgroupfs and the two
# log settings do without systemd. Raising limits may be forbidden, even to root: containers keep the machine's.
cat >"$place/containers.conf" <<CONF
[containers]
default_ulimits = []
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$run/libpod"
CONF
cat >"$place/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$place/storage"
runroot = "$run/storage"
CONF
cat >"$work/env" <<ENV
export CONTAINERS_CONF='$place/containers.conf'
export CONTAINERS_STORAGE_CONF='$place/storage.conf'
ENV
. "$work/env"

say "making a Debian image"
mirror=$(debian_mirror)
quietly debootstrap --variant=minbase bookworm "$work/root" "$mirror"
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
tar -C "$work/root" --one-file-system -cf "$work/root.tar" .
quietly podman import -q "$work/root.tar" localhost/floatie-base:latest
mv "$work/env" "$place/env"
echo "$place/env"
