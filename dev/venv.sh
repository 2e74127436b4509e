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
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps"
if $pip -r requirements/uv.txt && "$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" --require-hashes requirements/dev.txt; then
    exit 0
fi
echo "uv did not do it; trying pip" >&2
$pip -r requirements/dev.txt
