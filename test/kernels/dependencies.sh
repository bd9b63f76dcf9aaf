#!/bin/sh
# dependencies.sh FOLDER: copies there what `npm install floatie` would bring besides Floatie itself.
set -eu
folder=$1
cd "$(dirname "$0")/../.."
node_modules/node/bin/node -p 'Object.entries(require("./package-lock.json").packages)
  .flatMap(([path, { dev }]) => (path && !dev ? path : [])).join("\n")' |
  while read -r package; do
    case $package in */node_modules/*) continue ;; esac # it comes with the one it is in
    [ -e "$package" ] || continue # for another machine
    mkdir -p "$folder/${package%/*}"
    cp -R "$package" "$folder/${package%/*}/"
  done
