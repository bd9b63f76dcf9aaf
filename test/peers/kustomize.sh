#!/bin/sh
# Prints the path of `kustomize`, as Debian sid has it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

kustomize=$cache/kustomize
once kustomize
if [ -x "$kustomize" ]; then echo "$kustomize"; exit; fi
say "fetching kustomize"
begin_work
use_suite sid
unpack kustomize
quietly "$work/root/usr/bin/kustomize" version
mv "$work/root/usr/bin/kustomize" "$kustomize"
echo "$kustomize"
