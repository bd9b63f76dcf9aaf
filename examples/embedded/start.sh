#!/bin/sh
# The first process of a container in which Floatie runs beside an application:
#
#   start.sh COMMAND [ARGUMENT…]
#
# TERM, INT and HUP go to the application. When it ends, however that comes, Floatie exports once more and ends as well,
# and the container's exit code is the application's (128 + n, where signal n killed it). When Floatie ends, the
# application goes on. Whatever loses its parent becomes a child of this shell, whose "wait" collects it when it ends.
set -u

# Who runs the application: nobody that the image knows, and without any of the container's capabilities.
user=10001
# What this script does besides, and Floatie does not: become another user, and send that one signals.
own=-setuid,-setgid,-setpcap,-kill
# How long Floatie's end may take, in seconds. Docker gives all of this 10.
patience=5

# Sessions of their own: what a terminal sends to all (Ctrl-C) comes to this shell alone, and a group can be told to stop.
setsid sh -c '
  trap "exit 0" TERM
  setpriv --inh-caps="$1" --bounding-set="$1" --no-new-privs -- floatie
  echo "start.sh: Floatie ended with exit code $?; the application goes on without it" >&2
' sh "$own" &
floatie=$!

# A shell without job control starts what is in the background with INT and QUIT ignored.
setsid env --default-signal=INT,QUIT \
  setpriv --reuid="$user" --regid="$user" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs -- "$@" &
app=$!

signalled=""
for signal in TERM INT HUP; do
  trap "signalled=yes; kill -s $signal $app 2>/dev/null" "$signal"
done

wait "$app"
code=$?
# A signal ends "wait" as well, before the application has ended; 127 says that its end had been seen already.
while [ -n "$signalled" ]; do
  signalled=""
  wait "$app"
  again=$?
  [ "$again" -eq 127 ] || code=$again
done

# Its group or, in the moment before it has one, the process.
kill -s TERM -- "-$floatie" 2>/dev/null || kill -s TERM "$floatie" 2>/dev/null
(sleep "$patience" && kill -s KILL -- "-$floatie" 2>/dev/null) &
wait "$floatie"
exit "$code"
