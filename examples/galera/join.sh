#!/bin/bash
# Make this server a node of the cluster: join.sh STATE SECONDS
# STATE is Joined (it has copied all data) or Synced (it may be read and written). A server that is so far is left alone. One that has
# ended or fallen out of the cluster does not come back by itself: it is started again, up to three times.
goal=$1
end=$((SECONDS + $2))
log=/var/lib/mysql/shop.err
starts=3 starting= seen=$((SECONDS - 60))

status() { timeout 5 mariadb -N -s -e "SHOW STATUS LIKE '$1'" 2> /dev/null | cut -f 2; }
runs() { pgrep -x mariadbd || pgrep -x mariadbd-safe || pgrep -x mysqld_safe; }
fail() {
  [ -z "$starting" ] || kill "$starting" 2> /dev/null
  echo "$1; its log ends with:" >&2
  tail -n 25 $log >&2
  exit 1
}
start() {
  [ $starts -gt 0 ] || fail "the node does not stay in the cluster"
  if [ -n "$starting" ]; then
    echo "the node is not in the cluster, and is started again:" >&2
    grep '\[ERROR\]' $log | tail -n 5 >&2
    kill "$starting" 2> /dev/null
  fi
  starts=$((starts - 1))
  service mariadb stop
  # The first node serves one joining node after another: this one may have to wait for those before.
  echo "MYSQLD_STARTUP_TIMEOUT=$((end - SECONDS))" > /etc/default/mariadb
  service mariadb start &
  starting=$! seen=$SECONDS
}

ln -sf /etc/mysql/shop-cluster.cnf /etc/mysql/mariadb.conf.d/90-shop-cluster.cnf
while true; do
  cluster=$(status wsrep_cluster_status) state=$(status wsrep_local_state_comment)
  case "$goal $cluster $state" in
    *" Primary Synced" | *" Primary Donor"* | "Joined Primary Joined") break ;;
  esac
  [ $SECONDS -lt $end ] || fail "the node is not $goal after $2 s: ${state:-it does not answer}, cluster ${cluster:-unknown}"
  runs > /dev/null && seen=$SECONDS
  # A node that only has lost sight of the others (non-Primary) finds them again.
  if [ "$cluster" = Disconnected ] || [ $((SECONDS - seen)) -ge 5 ]; then start; fi
  sleep 0.2
done
[ -z "$starting" ] || wait "$starting"
exit 0
