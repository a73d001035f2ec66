#!/bin/sh
# Start this server as the first node of a new cluster, with the data that it has.
set -e
ln -sf /etc/mysql/shop-cluster.cnf /etc/mysql/mariadb.conf.d/90-shop-cluster.cnf
# A server that has been a node before is only asked to begin a cluster if it was the last one that stopped.
if [ -e /var/lib/mysql/grastate.dat ]; then
  sed -i 's/^safe_to_bootstrap: 0/safe_to_bootstrap: 1/' /var/lib/mysql/grastate.dat
fi
if [ -d /run/systemd/system ]; then
  galera_new_cluster
else
  service mariadb bootstrap
fi
