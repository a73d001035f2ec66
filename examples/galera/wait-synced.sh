#!/bin/sh
# Wait until this server is a node of the cluster that may be read and written: wait-synced.sh SECONDS
end=$(($(date +%s) + $1))
while [ "$(date +%s)" -le "$end" ]; do
  state=$(mariadb -N -s -e "SHOW STATUS LIKE 'wsrep_local_state_comment'" 2> /dev/null | cut -f 2)
  [ "$state" = Synced ] && exit 0
  sleep 0.1
done
echo "the node is not synced: ${state:-it does not answer}; its log ends with:" >&2
tail -n 20 /var/lib/mysql/shop.err >&2
exit 1
