#!/bin/sh
# Prepares a fresh checkout: setup.sh check|run|build|single|packages|test|browser|bench
# Does only what is missing. Prints to stderr only, so that the next command's output can be piped.
set -eu
exec 1>&2
goal=${1:-run}
cd "$(dirname "$0")/.."

say() { echo "floatie set-up: $*"; }
have() { command -v "$1" >/dev/null 2>&1; }
header() { echo "#include <$1>" | clang $include -fsyntax-only -x c - 2>/dev/null; }

arch=$(uname -m)
include="-idirafter /usr/include/$arch-linux-gnu"

# --- npm: dependencies, and the Node that runs everything ---------------------------------------------------------
npm_ready() {
  [ node_modules/.package-lock.json -nt package-lock.json ] || return 1
  [ -e node_modules/.bin/tsc ] && [ -e node_modules/.bin/biome ] && [ -e node_modules/ffi-rs/index.js ] &&
    ls node_modules/@yuuang/ffi-rs-linux-* >/dev/null 2>&1
}
if ! npm_ready; then
  say "installing npm dependencies"
  # Overrides the user's npm settings (production, no scripts): all of these are needed.
  NODE_ENV=development npm ci --include=dev --include=optional --ignore-scripts=false --loglevel=error
  touch node_modules/.package-lock.json
fi
if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  say "installing the Node of this project"
  npm rebuild node --ignore-scripts=false --foreground-scripts --loglevel=error >/dev/null ||
    { say "cannot install Node from npm; see above"; exit 1; }
fi
PATH=$PWD/node_modules/.bin:$PATH

# What the unit tests take, and what tests of given files begin with.
[ "$goal" != check ] || exit 0

# --- system packages: only what is missing ------------------------------------------------------------------------
packages=""
need() { packages="$packages $1"; }
objects_ready() {
  for target in x64 arm64; do
    for source in bpf/*.bpf.c; do
      object=dist/bpf/$target/$(basename "$source" .c).o
      [ -e "$object" ] && [ -z "$(find bpf -newer "$object" -name '*.[ch]')" ] || return 1
    done
  done
}
libbpf_ready() { ldconfig -p 2>/dev/null | grep -q 'libbpf\.so\.1 ' || ls /usr/lib*/libbpf.so.1 /usr/lib/*/libbpf.so.1 >/dev/null 2>&1; }
libbpf_ready || need libbpf1
if [ "$goal" = test ] || [ "$goal" = bench ] || ! objects_ready; then
  have clang || need clang
  have llvm-strip || have llvm-strip-14 || need llvm
  [ -e /usr/include/bpf/bpf_helpers.h ] || need libbpf-dev
fi
if [ "$goal" = test ] || [ "$goal" = bench ]; then
  [ -e /usr/include/stdio.h ] || need libc6-dev
  [ -e /usr/include/fuse3/fuse.h ] || need libfuse3-dev
  # The numbers of system calls on 32-bit ARM.
  [ -e /usr/arm-linux-gnueabihf/include/asm/unistd.h ] || need linux-libc-dev-armhf-cross
  have bpftool || [ -x /usr/sbin/bpftool ] || need bpftool
  have bpftrace || need bpftrace
  have pkg-config || need pkg-config
  # The screens of floatie top.
  have tmux || need tmux
  have openssl || need openssl
  have mke2fs || [ -x /usr/sbin/mke2fs ] || need e2fsprogs
  have git || need git
  # Completions and the manual page.
  have zsh || need zsh
  have fish || need fish
  have man || need man-db
  have setcap || [ -x /usr/sbin/setcap ] || need libcap2-bin
fi
if [ "$goal" = packages ]; then
  # The time of the commit is that of the files.
  have git || need git
  have rpmbuild || need rpm
  # For the other architecture's executable.
  case $arch in
    x86_64) have aarch64-linux-gnu-ld || need binutils-aarch64-linux-gnu ;;
    *) have x86_64-linux-gnu-ld || need binutils-x86-64-linux-gnu ;;
  esac
fi
if [ "$goal" = single ] || [ "$goal" = packages ]; then
  have clang || need clang
  have strip || need binutils
  have pkg-config || need pkg-config
  # Depends on the static libraries of libelf and zlib.
  ls /usr/lib/*/libbpf.a >/dev/null 2>&1 || need libbpf-dev
  # Installing the npm package "node" also brings its license.
  ls node_modules/node/node_modules/node-*/LICENSE >/dev/null 2>&1 || npm rebuild node --ignore-scripts=false --loglevel=error >/dev/null
fi
if [ "$goal" = test ]; then have clang-format || need clang-format; fi
if [ "$goal" = browser ]; then
  have chromium || need chromium
  # Letters on pictures.
  [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || need fonts-dejavu-core
fi

if [ -n "$packages" ]; then
  if [ "$(id -u)" != 0 ] || ! have apt-get; then
    say "missing system packages:$packages"
    say "install them and run this again: sudo apt-get install$packages"
    say "(elsewhere: clang, llvm and the headers of libbpf at build time, libbpf.so.1 at run time)"
    exit 1
  fi
  say "installing system packages:$packages"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # Waits for another installation, such as the system's own.
  install="apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600"
  # Package lists may be missing or too old.
  { $install $packages || { apt-get update -qq && $install $packages; }; } >"$log" 2>&1 ||
    { cat "$log"; say "apt-get could not install:$packages"; exit 1; }
  rm -f "$log"
fi

# --- what is compiled: the kernel's side, then ours ---------------------------------------------------------------
if ! objects_ready; then
  say "compiling the BPF programs"
  strip=$(command -v llvm-strip || command -v llvm-strip-14 || ls /usr/bin/llvm-strip-* | tail -n 1)
  for target in x64:x86 arm64:arm64; do
    mkdir -p "dist/bpf/${target%:*}"
    for source in bpf/*.bpf.c; do
      object=dist/bpf/${target%:*}/$(basename "$source" .c).o
      clang -O2 -g -ffile-compilation-dir=. -Wall -Werror -target bpf -mcpu=v2 "-D__TARGET_ARCH_${target#*:}" $include -c "$source" -o "$object.new"
      # Removes debug sections and keeps BTF.
      "$strip" -g "$object.new"
      mv "$object.new" "$object"
    done
  done
fi
if [ ! -e dist/main.js ] || [ -n "$(find src tsconfig.json package.json -newer dist/main.js -type f)" ]; then
  say "compiling TypeScript"
  tsc
  # What browsers load.
  esbuild src/page/browser.ts src/page/page.css --bundle --minify --format=iife --target=es2022 --log-level=warning --outdir=dist/page
  # The command in one file, as CommonJS: hundreds of modules would take three times as long to load, and 8 MB more. It
  # lies where packaged.ts would. Passwords are compared by a worker, which has a file of its own.
  esbuild src/main.ts --bundle --packages=external --platform=node --format=cjs --target=node22.15 --log-level=warning \
    --outfile=dist/program/main.cjs --define:import.meta.dirname=__dirname --define:import.meta.filename=bcryptFile \
    '--banner:js="use strict"; const bcryptFile = `${__dirname}/../exporters/prometheus/bcrypt.js`;'
  cat >dist/main.js <<'END'
#!/usr/bin/env -S node --disable-sigusr1
import { createRequire } from 'node:module';
createRequire(import.meta.url)('./program/main.cjs');
END
  chmod +x dist/main.js
fi
