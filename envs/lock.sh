#!/bin/sh
# Write envs/requirements.txt: the exact versions that pip chooses for requirements.in.
# Usage: lock.sh PYTHON
set -eu
cd "$(dirname "$0")"
python=$1
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
sh make_venv.sh "$python" "$fresh/env"
"$fresh/env/bin/python" -m pip install --quiet --requirement requirements.in setuptools
{
  echo "# Made by envs/lock.sh from requirements.in; do not edit."
  "$fresh/env/bin/python" -m pip freeze --all --exclude pip | sed 's/+cpu$//'
} > requirements.txt
