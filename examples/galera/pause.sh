#!/bin/sh
# Ask the application to stop writing, and wait until it has.
set -e
cd /srv/writer
rm -f paused
touch pause
until [ -e paused ]; do sleep 0.05; done
