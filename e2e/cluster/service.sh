#!/usr/bin/env bash
# Stops one process of a running cluster, or starts it again as it was: service.sh stop|start NAME
# NAME: kube-apiserver, registry or another one in $CLUSTER_HOME/run/pids
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
action=${1:-} name=${2:-} command=$RUN/${2:-}.command
case $action in
  stop)
    pid=$(running "$name") || die "$name does not run"
    cp "/proc/$pid/cmdline" "$command"
    stop "$name" 5
    mv "$LOG/$name.log" "$LOG/$name.stopped.log"
    ;;
  start)
    [ -e "$command" ] || die "$name was not stopped by $0"
    mapfile -d '' -t words <"$command"
    start "$name" "${words[@]}"
    rm "$command"
    ;;
  *) die "usage: $0 stop|start NAME" ;;
esac
