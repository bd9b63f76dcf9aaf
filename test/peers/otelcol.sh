#!/bin/sh
# Prints the path of an OpenTelemetry Collector: $OTELCOL, where that is set, or one made of the collector's own Go code
# as Debian sid packages it (otelcol/main.go says which components). That needs apt, Debian's mirror, 6 GB of disk for a
# while, and some minutes the first time. apt works in folders of its own here: the system's sources, lists and
# packages stay as they are.
set -eu
if [ -n "${OTELCOL:-}" ]; then
  [ -x "$OTELCOL" ] || { echo "peers: OTELCOL names $OTELCOL, which cannot be executed" >&2; exit 1; }
  echo "$OTELCOL"
  exit
fi
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

recipe=$(cat "$here/otelcol.sh" "$here"/otelcol/*.go | sha256sum | cut -c 1-12)
collector=$cache/otelcol-$recipe
once otelcol
if [ -x "$collector" ]; then echo "$collector"; exit; fi
say "building an OpenTelemetry Collector, for some minutes"
begin_work

mkdir -p "$work/debs" "$work/root" "$work/go"
use_suite sid

# All that the collector's code needs and a compiler, with nothing installed (by the empty status file). What is not Go
# is for running the packages' own tools.
packages=$(apt-get install -y --no-install-recommends --print-uris golang-opentelemetry-collector-dev golang-go 2>"$work/log" |
  sed -n "s/^'[^']*' \(golang-[^_]*\)_.*/\1/p")
[ -n "$packages" ] || { cat "$work/log" >&2; say "Debian sid has no installable golang-opentelemetry-collector-dev"; exit 1; }
cd "$work/debs"
quietly apt-get -qq download $packages
for deb in *.deb; do dpkg -x "$deb" "$work/root"; done
rm -f -- *.deb
version=$(apt-cache show --no-all-versions golang-opentelemetry-collector-dev | sed -n 's/^Version: \(.*\)-.*/\1/p')

mv "$work/root/usr/share/gocode/src" "$work/go/src"
mkdir "$work/go/src/floatie-otelcol"
cp "$here"/otelcol/*.go "$work/go/src/floatie-otelcol/"
# Debian's Go packages are one GOPATH, from before modules.
export GOROOT="$(echo "$work"/root/usr/lib/go-[0-9]*)" GOPATH="$work/go" GOCACHE="$work/gocache" GOTMPDIR="$work"
export GO111MODULE=off GOTOOLCHAIN=local GOFLAGS= GOENV=off CGO_ENABLED=0
quietly "$GOROOT/bin/go" build -trimpath -ldflags="-s -w -X main.version=$version" -o "$work/otelcol" floatie-otelcol
quietly "$work/otelcol" --version
mv "$work/otelcol" "$collector"
echo "$collector"
