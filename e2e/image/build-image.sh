#!/usr/bin/env bash
# Builds the Dockerfile without a Docker engine and without pulling anything: buildah, on base images made here from
# this machine's own node, npm and libraries. Prints the image's digest when it was pushed.
#   build-image.sh [NAME]     NAME: where to push, like 10.245.0.1:5000/kube-autorollout:e2e; without: only tried
# Needs root, for buildah's chroot isolation, and Debian for apt-get when buildah is missing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
project=$(cd "$HERE/../.." && pwd)
target=${1:-}

if ! command -v buildah >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends buildah >/dev/null
fi
# Storage of its own, which goes away at the end: nothing is left in the machine's.
mkdir -p "$CLUSTER_HOME"
work=$(mktemp -d "$CLUSTER_HOME/buildah.XXXX")
trap 'rm -rf "$work"' EXIT
b() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

# --- a root file system with node: the binary of the npm package, the libraries that it is linked with, a shell
root=$work/root
mkdir -p "$root"/{bin,etc/ssl/certs,tmp,usr/local/bin,usr/bin,usr/local/lib/node_modules}
chmod 1777 "$root/tmp"
node=$(readlink -f "$project/node_modules/node/bin/node")
cp "$node" "$root/usr/local/bin/node"
for library in $(ldd "$node" | grep -o '/[^ ]*'); do install -D "$(readlink -f "$library")" "$root$library"; done
cp "$(busybox)" "$root/bin/busybox"
for name in sh ln mkdir chown rm; do ln -s busybox "$root/bin/$name"; done
ln -s /bin/busybox "$root/usr/bin/env"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'root:x:0:0:root:/tmp:/bin/sh' >"$root/etc/passwd"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# base NAME [--env NAME=VALUE]...: commits the root file system as it is now
base() {
  local name=$1 container; shift
  container=$(b from scratch)
  b copy -q "$container" "$root" / >/dev/null
  b config --env PATH=/usr/local/bin:/usr/bin:/bin "$@" "$container"
  b commit -q "$container" "localhost/$name" >/dev/null
}
base node-runtime
cp -r "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
# The machine's own way to the package registry, where it has one that needs an authority of its own.
base node-build --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt --env HOME=/tmp
say "base images" >&2

# --- the Dockerfile itself
b bud -q --isolation chroot --layers=false -f "$project/Dockerfile" -t localhost/kube-autorollout \
  --build-arg BUILD_IMAGE=localhost/node-build --build-arg RUNTIME_IMAGE=localhost/node-runtime \
  --build-arg VERSION="$(node -p "require('$project/package.json').version")" \
  --build-arg REVISION="$(git -C "$project" rev-parse HEAD 2>/dev/null || echo unknown)" "$project" >/dev/null
say "image" >&2

if [ "$target" ]; then
  b push -q --tls-verify=false --digestfile "$work/digest" localhost/kube-autorollout "docker://$target"
  say "pushed" >&2
  cat "$work/digest"
fi
