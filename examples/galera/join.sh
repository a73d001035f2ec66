#!/bin/sh
# Start this server as a further node of the cluster: it copies all data from another one.
set -e
# With many nodes it waits until one of them has time to give them.
echo 'MYSQLD_STARTUP_TIMEOUT=170' > /etc/default/mariadb
ln -sf /etc/mysql/shop-cluster.cnf /etc/mysql/mariadb.conf.d/90-shop-cluster.cnf
service mariadb restart
