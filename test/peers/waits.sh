#!/bin/sh
# Makes the image localhost/floatie-waits of programs whose users wait for files, with all that they need without a
# network, and prints its name: PostgreSQL, ten packages for apt-get, npm with the packages of this project, a large
# tree for git, and a C compiler with sources.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"

env=$(sh "$here/containers.sh")
. "$env"
once waits
if podman image exists localhost/floatie-waits; then echo localhost/floatie-waits; exit; fi
say "making an image of programs that wait for files"
begin_work
mkdir "$work/project" "$work/node"
cp "$here/../../package.json" "$here/../../package-lock.json" "$work/project/"
(cd "$work/project" && quietly npm ci --ignore-scripts --no-audit --no-fund --cache "$work/npm")
rm -rf "$work/project/node_modules"
mkdir "$work/sources"
cp "$here"/../fixtures/*.c "$work/sources/"
rm "$work"/sources/*.bpf.c
cp -L "$("$here/../../node_modules/.bin/node" -p process.execPath)" "$work/node/"
cp -r "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$work/node/npm"
packages="bzip2 curl file jq less make nano patch rsync tmux"
cat >"$work/Containerfile" <<END
FROM localhost/floatie-base
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get -qq update \
 && apt-get -qq install -y --no-install-recommends gcc git libc6-dev postgresql postgresql-contrib \
 && rm -f /var/cache/apt/archives/*.deb \
 && apt-get -qq install -y --no-install-recommends --download-only $packages
COPY node /opt/node
COPY npm /opt/npm-cache
COPY project /opt/project
COPY sources /opt/sources
RUN for copy in 1 2 3 4; do mkdir -p /opt/tree/\$copy && cp -a /usr/share /usr/lib/python3* /usr/lib/git-core /usr/lib/postgresql /opt/tree/\$copy/ 2>/dev/null; done; \
    cd /opt/tree && git init -q . && git add -A && git -c user.name=a -c user.email=a@localhost commit -q -m tree
END
quietly podman build --isolation chroot --network host --quiet -t localhost/floatie-waits "$work"
echo localhost/floatie-waits
