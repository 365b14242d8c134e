#!/usr/bin/env bash
# Debian's PostgreSQL, Redis and Chromium, for the system tests and infra/local/up.sh; nothing is done where
# they are there. As root or with sudo. Debian starts the two as services of the machine, on their usual ports; that is
# neither needed nor in the way: up.sh starts its own, on other ports.
set -euo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
  missing+=(chromium)
fi
if [ "${#missing[@]}" -eq 0 ]; then
  echo "PostgreSQL, Redis and Chromium are here."
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo -n)
fi
fail() {
  echo "Could not install ${missing[*]}: $1. By hand: apt-get update && apt-get install -y ${missing[*]}" >&2
  exit 1
}
command -v apt-get >/dev/null || fail "there is no apt-get here"
[ "${#as_root[@]}" -eq 0 ] || "${as_root[@]}" true 2>/dev/null || fail "not root, and sudo asks for a password or is not there"
echo "Installing ${missing[*]} with apt-get ..."
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
run() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    fail "apt-get $1 failed"
  }
}
run update
run install -y --no-install-recommends "${missing[@]}"
echo "Installed: ${missing[*]}."
