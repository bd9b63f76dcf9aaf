#!/bin/sh
# Prints a folder with `prometheus` and `promtool`, as Debian sid has them, unpacked but not installed.
# The programs, the expression engine and the HTTP API work; its web pages do not: their parts are packages of their own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/prometheus-sid
once prometheus
if [ -x "$place/prometheus" ]; then echo "$place"; exit; fi
say "fetching Prometheus"
begin_work
use_suite sid
unpack prometheus promtool
mkdir "$work/prometheus"
mv "$work/root/usr/bin/prometheus" "$work/root/usr/bin/promtool" "$work/prometheus/"
for program in prometheus promtool; do quietly "$work/prometheus/$program" --version; done
mv "$work/prometheus" "$place"
echo "$place"
