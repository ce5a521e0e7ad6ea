#!/usr/bin/env bash
# Puts everything that the cluster needs into $CLUSTER_HOME. Safe to repeat: what is there is skipped.
#   install.sh                        a whole node, and helm
#   install.sh --control-plane-only   etcd, API server and registries; no root needed once Debian's are there
#   install.sh --helm-only            helm, for the chart's tests
#   install.sh --for-existing         helm, and what test images are made of: the cluster is somebody else's
#   install.sh --with-containerd-1.6  Debian's old containerd beside the new one
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

control_plane=yes node=yes old_containerd= images=
for arg; do
  case $arg in
    --control-plane-only) node= ;;
    --helm-only) control_plane= node= ;;
    --for-existing) control_plane= node= images=yes ;;
    --with-containerd-1.6) old_containerd=yes ;;
    *) die "unknown argument $arg" ;;
  esac
done
mkdir -p "$BIN" "$DEB"

# --- Debian: unpacked below $CLUSTER_HOME. Installing them would start services and would
# conflict with a Docker engine's own containerd and runc.
unpack() {
  local package=$1 marker=$DEB/.$1
  [ -f "$marker" ] && return 0
  (cd "$DEB" && apt-get download -qq -o APT::Sandbox::User=root "$package" && dpkg-deb -x "$package"_*.deb . && rm "$package"_*.deb)
  touch "$marker"
  say "unpacked $package"
}

install_debian() {
  local missing=() pair
  for pair in openssl:openssl curl:curl perl:perl ${node:+ip:iproute2 iptables:iptables unshare:util-linux}; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  if ((EUID)); then
    ((${#missing[@]})) && die "install these packages as root first: ${missing[*]}"
  else
    if ((${#missing[@]})) || ! [ -f "$DEB/.docker-registry" ]; then apt-get update -qq; fi
    if ((${#missing[@]})); then apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; fi
  fi
  unpack docker-registry
  unpack busybox-static                # the one program in the test images
  if [ "$node" ]; then
    unpack runc
    unpack containernetworking-plugins
  fi
  if [ "$old_containerd" ]; then unpack containerd; fi
}

# --- Go modules: each folder below modules/ pins one program and names its commands as tools.
# build MODULE OUTPUT [LDFLAGS]
build() {
  local module=$1 output=$2 flags="-s -w ${3:-}" stamp want
  stamp=$BIN/.$module
  want=$(cat "$HERE/modules/$module/go.mod" <(echo "$flags") | sha256sum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && return 0
  say "building $module ..."
  (cd "$HERE/modules/$module" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "$flags" -o "$output" tool)
  echo "$want" >"$stamp"
  say "built $module"
}
# version MODULE PATH: the release that a module pins
version() { (cd "$HERE/modules/$1" && go list -m -f '{{.Version}}' "$2"); }

k8s=$(version kubernetes k8s.io/kubernetes)
minor=${k8s#v1.} minor=${minor%%.*}

if [ "$control_plane" ]; then
  install_debian
  build crane "$BIN/"
  build etcd "$BIN/etcd"               # the package is called server
  # /version, kubectl version and the node's kubeletVersion come from these variables.
  stamps=
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    stamps+=" -X $package.gitVersion=$k8s -X $package.gitMajor=1 -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
  done
  build kubernetes "$BIN/" "$stamps"
fi
if [ "$images" ]; then
  if ((EUID == 0)) && ! [ -f "$DEB/.busybox-static" ]; then apt-get update -qq; fi
  unpack busybox-static
fi
if [ "$node" ]; then
  containerd=$(version containerd github.com/containerd/containerd/v2)
  build containerd "$BIN/" "-X github.com/containerd/containerd/v2/version.Version=${containerd#v}"
fi
helm_stamps="-X helm.sh/helm/v3/internal/version.version=$(version helm helm.sh/helm/v3)"
for package in pkg/chartutil pkg/lint/rules; do         # the Kubernetes that helm template assumes
  helm_stamps+=" -X helm.sh/helm/v3/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/$package.k8sVersionMinor=$minor"
done
build helm "$BIN/" "$helm_stamps"
say "ready in $CLUSTER_HOME"
