#!/bin/sh
# Fetches what the single executable for another architecture takes from elsewhere: foreign.sh x64|arm64
# Prints the folder, which has node_modules, with that architecture's Node and addon of ffi-rs as npm has them, and root,
# with the static libraries of the same Debian as this machine's. apt works in folders of its own: nothing is installed.
set -eu
cd "$(dirname "$0")/../.."
arch=$1
case $arch in x64) debian=amd64 ;; arm64) debian=arm64 ;; *) echo "foreign.sh: no architecture \"$arch\"" >&2; exit 2 ;; esac
version() { node -p "require('./node_modules/$1/package.json').version"; }
node=$(version node)
addon=$(version ffi-rs)
folder=$PWD/.cache/foreign/$arch-$node-$addon
if [ -d "$folder" ]; then echo "$folder"; exit; fi

echo "floatie set-up: fetching libraries, Node and ffi-rs for $arch" >&2
mkdir -p "$folder.new"
work=$(mktemp -d)
trap 'rm -rf "$work" "$folder.new"' EXIT
trap 'exit 1' HUP INT TERM
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

# Forced, because the packages are for another architecture.
quietly npm install --force --prefix "$folder.new" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund \
  "node-linux-$arch@$node" "@yuuang/ffi-rs-linux-$arch-gnu@$addon"

mkdir -p "$work/lists/partial" "$work/archives/partial"
: >"$work/status"
cat >"$work/apt.conf" <<CONF
APT::Architecture "$debian";
APT::Architectures { "$debian"; };
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
APT::Sandbox::User "root";
CONF
export APT_CONFIG="$work/apt.conf"
quietly apt-get -qq update
# libstdc++6 is for running it by qemu-user. The compiler's own library is of the newest version that there is.
libgcc=$(apt-cache pkgnames libgcc- | grep -E '^libgcc-[0-9]+-dev$' | sort -V | tail -n 1)
quietly apt-get -qq -y install --no-install-recommends --download-only libbpf-dev libc6-dev libstdc++6 "$libgcc"
for deb in "$work"/archives/*.deb; do dpkg -x "$deb" "$folder.new/root"; done
mv "$folder.new" "$folder"
echo "$folder"
