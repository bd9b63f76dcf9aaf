#!/bin/sh
# Prints the path of a program that reads a page of metrics by Python's prometheus_client, as Debian bookworm has both,
# unpacked but not installed: PROGRAM text|openmetrics <PAGE. It prints each sample as a line of JSON, or fails.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

place=$cache/prometheus-client
once prometheus-client
if [ -x "$place/parse" ]; then echo "$place/parse"; exit; fi
say "fetching Python's prometheus_client"
begin_work
use_suite bookworm
unpack python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libexpat1 zlib1g \
  python3-prometheus-client python3-decorator
mkdir "$work/client"
mv "$work/root" "$work/client/root"
cat >"$work/client/parse.py" <<'PY'
import importlib, json, sys
module = {'text': 'prometheus_client.parser', 'openmetrics': 'prometheus_client.openmetrics.parser'}[sys.argv[1]]
for family in importlib.import_module(module).text_string_to_metric_families(sys.stdin.buffer.read().decode()):
    for name, labels, value, *_ in family.samples:
        print(json.dumps({'family': family.name, 'type': family.type, 'name': name, 'labels': labels, 'value': str(value)}))
PY
cat >"$work/client/parse" <<SH
#!/bin/sh
LD_LIBRARY_PATH=\$(dirname "$place"/root/lib/*/libexpat.so.1) PYTHONHOME="$place/root/usr" PYTHONPATH="$place/root/usr/lib/python3/dist-packages" \\
  exec "$place/root/usr/bin/python3.11" "$place/parse.py" "\$@"
SH
chmod 755 "$work/client/parse"
rm -rf "$place"
mv "$work/client" "$place"
printf 'a_total 1\n' >"$work/page"
quietly "$place/parse" text <"$work/page"
echo "$place/parse"
