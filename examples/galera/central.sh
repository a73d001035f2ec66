#!/bin/sh
# Start this server as a central database, without a cluster.
set -e
rm -f /etc/mysql/mariadb.conf.d/90-shop-cluster.cnf
service mariadb restart
mariadb -e "SELECT 1" > /dev/null
