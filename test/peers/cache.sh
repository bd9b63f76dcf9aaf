# Sourced by the scripts beside it: where the peers of the tests are kept, and how one gets there.
# A peer is made in a folder of its own and moved into place when it is complete, so what is there can be used.

cache=${TEST_PEER_CACHE:-$(cd "$here/../.." && pwd)/.cache/peers}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
export DEBIAN_FRONTEND=noninteractive

say() { echo "peers: $*" >&2; }

# once NAME: one maker at a time; a second one waits, and then finds what the first has made. The lock ends with the script.
once() {
  exec 9>"$cache/$1.lock"
  flock 9
}

# Makes the empty folder $work, which goes when the script ends.
begin_work() {
  work=$(mktemp -d "$cache/making.XXXXXX")
  # mktemp keeps it to its owner; _apt writes here, and containers read what comes of it.
  chmod 755 "$work"
  trap 'rm -rf --one-file-system "$work"' EXIT
  trap 'exit 1' HUP INT TERM
}

# quietly COMMAND…: its output is shown only when it fails, and then nothing goes on.
quietly() {
  "$@" >"$work/log" 2>&1 9>&- && return
  cat "$work/log" >&2
  say "this failed: $*"
  exit 1
}

# The mirror this machine takes Debian from; its lists may have never been fetched, or not be Debian's.
debian_mirror() {
  found=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -n 1)
  echo "${found:-http://deb.debian.org/debian}"
}

# use_suite SUITE [SETTING…]: from now on apt takes what that suite of Debian has, and works below $work: the system's
# sources, lists and packages stay as they are. By the empty status file, nothing is installed.
use_suite() {
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  : >"$work/status"
  echo "deb $(debian_mirror) $1 main" >"$work/sources.list"
  shift
  cat >"$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::TrustedParts "/usr/share/keyrings";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
APT::Sandbox::User "root";
$*
CONF
  export APT_CONFIG="$work/apt.conf"
  quietly apt-get -qq update
}

# unpack PACKAGE…: their files, in $work/root.
unpack() {
  mkdir "$work/debs"
  (cd "$work/debs" && quietly apt-get -qq download "$@")
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/root"; done
  rm -r "$work/debs"
}
