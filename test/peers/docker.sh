#!/bin/sh
# Makes this machine able to run Docker itself, of Debian, and prints the path of its command. No daemon is started.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"
once docker
missing=""
for command in /usr/sbin/dockerd:docker.io /usr/bin/docker-compose:docker-compose; do
  [ -x "${command%:*}" ] || missing="$missing ${command#*:}"
done
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || { say "installing$missing needs root"; exit 1; }
  say "installing$missing"
  begin_work
  # Packages must not start daemons: a test starts its own.
  install="env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600$missing"
  $install >"$work/log" 2>&1 9>&- || { quietly apt-get -qq update && quietly $install; }
fi
echo /usr/bin/docker
