#!/usr/bin/env bash
# Starts the cluster and prints where it is.
#   up.sh                                       a whole node: pods run (needs root)
#   up.sh --control-plane-only [--controllers]  etcd, API server and registries (no root needed)
# CONTAINERD=debian takes Debian's containerd 1.6 instead of the one built from modules.
# AUDIT=1 has the API server write who asked for what, without bodies, to log/audit.log.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

node=yes controllers=yes
for arg; do
  case $arg in
    --control-plane-only) node=; controllers= ;;
    --controllers) controllers=yes ;;
    *) die "unknown argument $arg" ;;
  esac
done
[ -e "$RUN" ] && die "$RUN exists: the cluster is up, or was not taken down. Run down.sh first."
[ -x "$BIN/kube-apiserver" ] || die "nothing in $BIN: run install.sh first"
[ -z "$node" ] || ((EUID == 0)) || die "a node needs root; try --control-plane-only"

host=127.0.0.1
if [ "$node" ]; then host=$LINK_NET.1; fi
REGISTRY=$host:$REGISTRY_PORT AUTH_REGISTRY=$host:$AUTH_REGISTRY_PORT
api=https://$host:$API_PORT
mkdir -p "$PIDS" "$LOG" "$RUN/node"
trap 'echo "start failed; logs in $LOG, clean up with down.sh" >&2' ERR

# render FILE TARGET: the template config/FILE.in with its @NAMES@ filled in
render() {
  sed -e "s|@RUN@|$RUN|g; s|@PKI@|$PKI|g; s|@REGISTRY@|$REGISTRY|g; s|@AUTH_REGISTRY@|$AUTH_REGISTRY|g" \
    -e "s|@NODE_IP@|$NODE_IP|g; s|@POD_CIDR@|$POD_CIDR|g; s|@CNI_BIN@|$DEB/usr/lib/cni|g" "$HERE/config/$1.in" >"$2"
}

if [ "$node" ]; then
  ip netns add $NETNS
  ip link add $NETNS type veth peer name eth0 netns $NETNS
  ip addr add "$LINK_NET.1/30" dev $NETNS
  ip link set $NETNS up
  ip -n $NETNS addr add "$NODE_IP/30" dev eth0
  ip -n $NETNS link set eth0 up
  # Pods and services can be reached from the host. The node has no default route: nothing leaves.
  ip route add "$POD_CIDR" via "$NODE_IP"
  ip route add "$SERVICE_CIDR" via "$NODE_IP"
  ip -n $NETNS route add "$SERVICE_CIDR" via "$LINK_NET.1"
fi
"$HERE/pki.sh" "$PKI" "$host"
say "certificates"

start etcd etcd --data-dir "$RUN/etcd" --unsafe-no-fsync --log-level warn \
  --listen-client-urls "http://127.0.0.1:$ETCD_PORT" --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
  --listen-peer-urls http://127.0.0.1:0 --initial-advertise-peer-urls http://127.0.0.1:0 --initial-cluster default=http://127.0.0.1:0
audit=()
if [ "${AUDIT:-}" ]; then audit=(--audit-policy-file "$HERE/config/audit.yaml" --audit-log-path "$LOG/audit.log"); fi
# Without a node nobody uses the service "kubernetes", and loopback is no valid endpoint of it.
start kube-apiserver kube-apiserver --etcd-servers "http://127.0.0.1:$ETCD_PORT" \
  --bind-address "$host" --secure-port "$API_PORT" --advertise-address "$host" \
  --endpoint-reconciler-type "$([ "$node" ] && echo lease || echo none)" \
  --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" --cert-dir "$RUN" \
  --client-ca-file "$PKI/ca.crt" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
  --allow-privileged --service-cluster-ip-range "$SERVICE_CIDR" \
  --service-account-issuer https://kubernetes.default.svc --service-account-jwks-uri https://kubernetes.default.svc/openid/v1/jwks \
  --service-account-signing-key-file "$PKI/service-account.key" --service-account-key-file "$PKI/service-account.pub" \
  --kubelet-client-certificate "$PKI/apiserver-to-kubelet.crt" --kubelet-client-key "$PKI/apiserver-to-kubelet.key" \
  --kubelet-certificate-authority "$PKI/ca.crt" --kubelet-preferred-address-types InternalIP "${audit[@]}"

render registry.yaml "$RUN/registry.yaml"
render registry-auth.yaml "$RUN/registry-auth.yaml"
start registry docker-registry serve "$RUN/registry.yaml"
start registry-auth docker-registry serve "$RUN/registry-auth.yaml"

if [ "$node" ]; then
  for file in containerd.toml kubelet.yaml kube-proxy.yaml; do render $file "$RUN/node/$file"; done
  mkdir -p "$RUN/node/cni" "$RUN/node/certs.d/$REGISTRY" "$RUN/node/certs.d/$AUTH_REGISTRY"
  render cni.conflist "$RUN/node/cni/10-kube-e2e.conflist"
  : >"$RUN/node/resolv.conf"
  printf 'server = "http://%s"\n[host."http://%s"]\n  capabilities = ["pull", "resolve"]\n' "$REGISTRY" "$REGISTRY" >"$RUN/node/certs.d/$REGISTRY/hosts.toml"
  printf 'server = "https://%s"\n[host."https://%s"]\n  ca = "%s"\n' "$AUTH_REGISTRY" "$AUTH_REGISTRY" "$PKI/registry-ca.crt" \
    >"$RUN/node/certs.d/$AUTH_REGISTRY/hosts.toml"
  mkdir -p /var/lib/cni /var/lib/kubelet   # mount points, see node.sh
  start node nsenter --net=/run/netns/$NETNS unshare --mount --pid --fork --kill-child "$HERE/node.sh" "$api"
fi
cat >"$RUN/env" <<K
export KUBECONFIG=$PKI/admin.kubeconfig
export REGISTRY=$REGISTRY
export AUTH_REGISTRY=$AUTH_REGISTRY
export AUTH_REGISTRY_USER=$REGISTRY_USER
export AUTH_REGISTRY_PASSWORD=$REGISTRY_PASSWORD
export AUTH_REGISTRY_CA=$PKI/registry-ca.crt
K

wait_for registry curl -sf "http://$REGISTRY/v2/"
REGISTRY=$REGISTRY "$HERE/push-image.sh" pause:1 pause --sleep >/dev/null
say "registries"
wait_for kube-apiserver curl -sf --cacert "$PKI/ca.crt" "$api/readyz"
say "API server ready"
export KUBECONFIG=$PKI/admin.kubeconfig
if [ "$controllers" ]; then
  start kube-controller-manager kube-controller-manager --kubeconfig "$PKI/kube-controller-manager.kubeconfig" \
    --service-account-private-key-file "$PKI/service-account.key" --root-ca-file "$PKI/ca.crt" \
    --use-service-account-credentials --kube-api-qps 500 --kube-api-burst 1000 --secure-port 0 --leader-elect=false
  if [ "$node" ]; then start kube-scheduler kube-scheduler --kubeconfig "$PKI/kube-scheduler.kubeconfig" --secure-port 0 --leader-elect=false; fi
  wait_for kube-controller-manager kubectl get serviceaccount default
  say "controllers at work"
fi
if [ "$node" ]; then
  wait_for node kubectl wait --for=condition=Ready node/node1 --timeout=1s
  say "node Ready"
fi
echo "kubeconfig: $KUBECONFIG"
echo "registries: http://$REGISTRY and https://$AUTH_REGISTRY ($REGISTRY_USER:$REGISTRY_PASSWORD, CA $PKI/registry-ca.crt)"
echo "all of it:  . $RUN/env"
