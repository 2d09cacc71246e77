#!/usr/bin/env bash
# Makes .venv from the locked requirements. Does nothing if they are those it was made from. Called by make.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=.venv/requirements.installed
began=$SECONDS

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

find_python() {
  local seen= candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    "$candidate" -c "$fits" 2>/dev/null || continue
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then echo "$candidate"; return; fi
    seen="$seen $candidate"
  done
  if [ -n "$seen" ]; then
    echo "Perisai needs Python's venv module, which$seen came without; install it (on Debian: apt-get install python3-venv) and run make again." >&2
  else
    echo "Perisai needs Python 3.11, 3.12 or 3.13 with venv, and none of python3, python3.13, python3.12, python3.11 is that; install one and run make again." >&2
  fi
  return 1
}

if ! .venv/bin/python -c "$fits" 2>/dev/null; then
  python=$(find_python)
  echo "making .venv with $("$python" --version)"
  rm -rf .venv
  "$python" -m venv .venv
fi

if ! cmp -s requirements.txt "$stamp"; then
  echo "installing $(grep -c '^[a-z].*==' requirements.txt) locked packages (once; a minute or two, most of it downloading)"
  # One line per package is progress enough; on failure pip's own words stay readable.
  if ! .venv/bin/python -m pip install --disable-pip-version-check --require-hashes --no-input -r requirements.txt 2>.venv/pip.err \
    | awk '/^ *(Downloading|Using cached) .*\.whl/ {sub(/.*\//, "", $2); printf "  %3d %s\n", ++n, $2; fflush()} /^Installing/ {print "  installing"; fflush()}'; then
    cat .venv/pip.err >&2
    echo "The locked packages could not be installed; the first set-up needs the network (see pip's words above), later starts do not." >&2
    exit 1
  fi
fi
.venv/bin/python -m pip install -q --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
cp requirements.txt "$stamp"
echo $((SECONDS - began)) >.venv/setup-seconds
