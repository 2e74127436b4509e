#!/bin/sh
# venv.sh PYTHON DIRECTORY: make the virtual environment hold exactly what requirements/dev.txt locks.
set -eu
python=$1
venv=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }

make_venv() { "$python" -m venv --clear "$venv" >/dev/null 2>&1; }

# Debian and Ubuntu split venv off; ensurepip is the part that is missing.
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! make_venv; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            export DEBIAN_FRONTEND=noninteractive
            apt-get install -q -y --no-install-recommends python3-venv >/dev/null 2>&1 ||
                { apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends python3-venv >/dev/null; }
        fi
        make_venv || { echo "python3 -m venv does not work: install python3-venv (or another Python) and run this again." >&2; exit 1; }
    fi
fi

# pip brings uv, by hash, and uv the rest in a fraction of pip's time. --no-deps: a lock is complete, and
# what requirements/excludes.txt keeps out stays out.
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
sync() { # LOCK PYTHON
    "$venv/bin/uv" pip sync --quiet --python "$2" --require-hashes "$1" && return
    echo "uv did not do it; trying pip" >&2
    pip --python "$2" install --require-hashes --no-deps -r "$1"
}
pip install --require-hashes --no-deps -r requirements/uv.txt || echo "pip did not install uv" >&2
sync requirements/dev.txt "$venv/bin/python"

# ministack pins botocore, so it has an environment of its own; its command is found beside the others.
own=$venv/ministack
[ -x "$own/bin/python" ] || "$venv/bin/python" -m venv --without-pip "$own"
sync requirements/ministack.txt "$own/bin/python"
ln -sf ../ministack/bin/ministack "$venv/bin/ministack"
