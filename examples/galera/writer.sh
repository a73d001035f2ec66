#!/bin/bash
# Writes rows into the database, one after another: writer.sh NAME DIRECTORY
# DIRECTORY/client.cnf says where. Each row that the server has acknowledged is a line of DIRECTORY/acknowledged, with its number and the
# time. While DIRECTORY/pause is there nothing is written; DIRECTORY/paused says that this has been seen.
cd "$2" || exit 1
number=$(tail -n 1 acknowledged 2>/dev/null | cut -d ' ' -f 1)
number=$((${number:-0} + 1))
while true; do
  if [ -e pause ]; then
    touch paused
    sleep 0.05
    continue
  fi
  rm -f paused
  # A row whose acknowledgement got lost is there already.
  if timeout 5 mariadb --defaults-file=client.cnf shop -e "INSERT IGNORE INTO sales (app, number) VALUES ('$1', $number)" 2>> errors; then
    echo "$number $(date +%s.%N)" >> acknowledged
    number=$((number + 1))
  fi
  sleep 0.05
done
