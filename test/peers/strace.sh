#!/bin/sh
# Prints the path of `strace`, as Debian bookworm has it, unpacked but not installed: its libraries are beside it, and what
# it traces sees nothing of them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/strace
once strace
if [ -x "$place/strace" ]; then echo "$place/strace"; exit; fi
say "fetching strace"
begin_work
use_suite bookworm
# libdw and what it needs, in place of all that apt would bring.
unpack strace libunwind8 libdw1 libelf1 liblzma5 libbz2-1.0 zlib1g
mkdir "$work/strace" "$work/strace/lib"
find "$work/root" -name 'lib*.so*' -exec cp -P {} "$work/strace/lib/" \;
cp "$work/root/usr/bin/strace" "$work/strace/program"
loader=$(ls /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 2>/dev/null | head -n 1)
cat >"$work/strace/strace" <<SH
#!/bin/sh
exec $loader --library-path "$place/lib" "$place/program" "\$@"
SH
chmod 755 "$work/strace/strace"
rm -rf "$place"
mv "$work/strace" "$place"
quietly "$place/strace" --version
echo "$place/strace"
