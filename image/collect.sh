#!/bin/sh
# Collects in a folder what the image holds beside Floatie itself: Node, the packages of npm that run, the "floatie"
# command, and the libraries that they load with what their licences ask for. Needs node_modules and a Debian.
#
#   collect.sh FOLDER
set -eu
image=$1
here=$(cd "$(dirname "$0")" && pwd)
node=$(node_modules/.bin/node -p process.execPath)
libbpf=$(ldconfig -p | awk '/libbpf\.so\.1 / { print $NF; exit }')

# As in Debian, so that it can also be laid over one.
mkdir -p "$image/usr/lib" "$image/usr/lib64" "$image/usr/local/bin" "$image/opt/floatie/bin" "$image/var/lib/dpkg/status.d"
ln -s usr/lib "$image/lib"
ln -s usr/lib64 "$image/lib64"

# Debuggers miss the symbols; 18 MB less.
strip -o "$image/opt/floatie/bin/node" "$node"
find node_modules/node/ -path '*/node-linux-*/LICENSE' -exec cp '{}' "$image/opt/floatie/bin/" ';'
clang -O2 -Wall -Werror -s -o "$image/usr/local/bin/floatie" "$here/floatie.c"
# Who is neither root nor of Floatie's group gets no capabilities by it.
chown 0:65532 "$image/usr/local/bin/floatie"
chmod 0750 "$image/usr/local/bin/floatie"
# All that Floatie can use: docs/running.md says what for.
setcap cap_bpf,cap_perfmon,cap_sys_admin,cap_sys_resource,cap_syslog,cap_sys_ptrace,cap_dac_read_search,cap_dac_override=p \
  "$image/usr/local/bin/floatie"

cp package.json package-lock.json .npmrc "$image/opt/floatie/"
npm ci --prefix "$image/opt/floatie" --omit=dev --prefer-offline --loglevel=error
rm "$image/opt/floatie/package-lock.json" "$image/opt/floatie/.npmrc"
# What only compilers, debuggers and editors read.
find "$image/opt/floatie/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete
rm -rf "$image"/opt/floatie/node_modules/@types "$image"/opt/floatie/node_modules/undici-types "$image"/opt/floatie/node_modules/@yuuang/*-musl

ldd "$node" "$libbpf" "$image/usr/local/bin/floatie" "$image"/opt/floatie/node_modules/@yuuang/*/*.node |
  awk -v libbpf="$libbpf" '$3 ~ /^\// { print $3 } $1 ~ /^\// && !/:$/ { print $1 } END { print libbpf }' | sort -u |
  while read -r library; do
    mkdir -p "$image$(dirname "$library")"
    cp -L "$library" "$image$library"
    # dpkg knows a library by the path that its package has, which can be without /usr.
    package=$(dpkg -S "$library" "${library#/usr}" "$(realpath "$library")" 2>/dev/null | head -n 1 | cut -d : -f 1)
    mkdir -p "$image/usr/share/doc/$package"
    cp -L "/usr/share/doc/$package/copyright" "$image/usr/share/doc/$package/"
    # Scanners for known vulnerabilities look here where there is no package manager.
    dpkg --status "$package" >"$image/var/lib/dpkg/status.d/$package"
  done
