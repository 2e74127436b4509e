#!/bin/sh
# web serves its greeting, worker works until it is told to stop; the one that CRASHES names dies at once.
if [ "$CRASHES" = "$1" ]; then
    echo "KeyError: $1 has no QUEUE_URL" >&2
    exit 1
fi
echo "$1: $GREETING"
if [ "$1" = web ]; then
    mkdir /www
    printf '%s' "$GREETING" >/www/index.html
    python3 -m http.server --directory /www 8000 &
else
    sleep 3600 &
fi
# The first process of a container gets SIGTERM only if it asks for it.
trap 'exit 0' TERM
wait
