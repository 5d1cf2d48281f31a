#!/bin/sh
# Make a virtual environment, also on a Debian whose Python lacks ensurepip (python3-venv).
# Usage: make_venv.sh PYTHON FOLDER
set -eu
python=$1 folder=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "make: $python is older than Python 3.11; name another one: make PYTHON=python3.11" >&2
  exit 1
}
if "$python" -c 'import ensurepip' 2>/dev/null; then
  "$python" -m venv --clear "$folder"
elif "$python" -m pip --version >/dev/null 2>&1; then
  "$python" -m pip install --quiet --target "$folder.bootstrap" virtualenv
  PYTHONPATH="$folder.bootstrap" "$python" -m virtualenv --quiet --clear "$folder"
  rm -rf "$folder.bootstrap"
else
  echo "make: $python has neither venv nor pip; install one of them: apt-get install python3-venv" >&2
  exit 1
fi
