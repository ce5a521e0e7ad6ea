#!/usr/bin/env bash
# Brings up a kind cluster with a plain-http registry that its nodes and this machine know under one address, and
# writes e2e/kind/env for `npm run e2e`. Needs Docker and kind: up.sh [IMAGE OF THE NODES, or else kind's own]
# Down: kind delete cluster --name kube-autorollout && docker rm --force kube-autorollout-registry
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
name=kube-autorollout

kind create cluster --name "$name" ${1:+--image "$1"} --config - <<'Y'
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
containerdConfigPatches:
  - |-
    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = "/etc/containerd/certs.d"
Y
docker run --detach --restart always --network kind --name "$name-registry" docker.io/library/registry:3
# Docker's bridge can be reached from this machine as well: one name for those who push and those who pull.
address=$(docker inspect --format '{{.NetworkSettings.Networks.kind.IPAddress}}' "$name-registry")
registry=$address:5000
for node in $(kind get nodes --name "$name"); do
  docker exec "$node" mkdir -p "/etc/containerd/certs.d/$registry"
  printf 'server = "http://%s"\n[host."http://%s"]\n' "$registry" "$registry" |
    docker exec --interactive "$node" cp /dev/stdin "/etc/containerd/certs.d/$registry/hosts.toml"
done
kind get kubeconfig --name "$name" >kubeconfig
printf 'export KUBECONFIG=%q REGISTRY=%q\n' "$PWD/kubeconfig" "$registry" >env
