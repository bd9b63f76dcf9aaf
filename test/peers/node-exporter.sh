#!/bin/sh
# Prints the path of Prometheus' node_exporter, as Debian sid has it, unpacked but not installed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/node-exporter
once node-exporter
if [ -x "$place" ]; then echo "$place"; exit; fi
say "fetching node_exporter"
begin_work
use_suite sid
unpack prometheus-node-exporter
quietly "$work/root/usr/bin/prometheus-node-exporter" --version
mv "$work/root/usr/bin/prometheus-node-exporter" "$place"
echo "$place"
