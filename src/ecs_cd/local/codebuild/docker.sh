#!/bin/sh
# Runs instead of `docker` in a build: its containers are in the VPC and end with the build, as those of a build's own
# engine do.
case $1 in
    run | create)
        verb=$1
        shift
        set -- "$verb" --label "$LOCAL_LABEL" --label "$LOCAL_BUILD" ${LOCAL_NETWORK:+--network "$LOCAL_NETWORK"} "$@"
        ;;
esac
IFS=:
for folder in $PATH; do
    if [ "$folder" != /codebuild/bin ] && [ -x "$folder/docker" ]; then exec "$folder/docker" "$@"; fi
done
echo 'docker: not found in this image' >&2
exit 127
