#!/bin/sh
# Prints a folder with `prometheus` and `promtool`: the newest this machine's Debian offers, unpacked but not installed,
# because the package would start a service on the port that Floatie uses by default.
# The programs, the expression engine and the HTTP API work; its web pages do not: their parts are packages of their own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/prometheus
once prometheus
if [ -x "$place/prometheus" ]; then echo "$place"; exit; fi
say "fetching Prometheus"
begin_work

# The lists may be missing or too old; they are renewed in a folder of their own.
renew_lists() {
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  printf '%s\n' "Dir::State::Lists \"$work/lists\";" "Dir::Cache \"$work\";" 'APT::Sandbox::User "root";' >"$work/apt.conf"
  export APT_CONFIG="$work/apt.conf"
  quietly apt-get -qq update
}
# unpack PACKAGE…
unpack() {
  rm -rf "$work/debs" && mkdir "$work/debs" && cd "$work/debs"
  apt-get -qq -o APT::Sandbox::User=root download "$@" >"$work/log" 2>&1 || {
    renew_lists
    quietly apt-get -qq download "$@"
  }
  for deb in *.deb; do dpkg -x "$deb" "$work/root"; done
}
unpack prometheus
mkdir "$work/prometheus"
mv "$work/root/usr/bin/prometheus" "$work/root/usr/bin/promtool" "$work/prometheus/"
for program in prometheus promtool; do quietly "$work/prometheus/$program" --version; done
mv "$work/prometheus" "$place"
echo "$place"
