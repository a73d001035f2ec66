#!/bin/sh
# Start the application, unless it runs, and wait for its first row: connect.sh NAME
set -e
cd /srv/writer
rm -f pause
start-stop-daemon --start --oknodo --background --make-pidfile --pidfile /run/writer.pid \
  --startas /srv/writer/writer.sh -- "$1" /srv/writer
until [ -s acknowledged ]; do sleep 0.05; done
