#!/bin/sh
# Prints the path of `earlyoom`, as Debian bookworm has it, unpacked but not installed: installed, it would run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/earlyoom
once earlyoom
if [ -x "$place" ]; then echo "$place"; exit; fi
say "fetching earlyoom"
begin_work
use_suite bookworm
unpack earlyoom
quietly "$work/root/usr/bin/earlyoom" -v
mv "$work/root/usr/bin/earlyoom" "$place"
echo "$place"
