#!/bin/sh
# Prints the path of VictoriaMetrics, as Debian sid has it, unpacked but not installed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/victoria-metrics
once victoria-metrics
if [ -x "$place" ]; then echo "$place"; exit; fi
say "fetching VictoriaMetrics"
begin_work
use_suite sid
unpack victoria-metrics
quietly "$work/root/usr/bin/victoria-metrics" -version
mv "$work/root/usr/bin/victoria-metrics" "$place"
echo "$place"
