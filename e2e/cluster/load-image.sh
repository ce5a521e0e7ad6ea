#!/usr/bin/env bash
# Loads an image of the registry into the node's containerd as a file, as `kind load` does: load-image.sh REFERENCE
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
file=$(mktemp); trap 'rm -f "$file"' EXIT
crane pull --insecure "$1" "$file"
ctr -a "$RUN/node/containerd.sock" -n k8s.io images import --local "$file"
