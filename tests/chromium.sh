#!/bin/sh
# Makes sure that the browser tests find a Chromium: one that is there, else Debian's package, else Playwright's own.
# PYTHON names the interpreter that has playwright.
set -eu

installed() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    # Playwright's own, from an earlier call. It knows the path of it whether or not it is there.
    "$PYTHON" - <<'PY'
import os
import sys
from playwright.sync_api import sync_playwright

with sync_playwright() as p:
    sys.exit(not os.path.exists(p.chromium.executable_path))
PY
}

if installed; then exit 0; fi

# Root needs no sudo; anyone else may use it where it asks for no password.
as_root=none
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
fi

if [ "$as_root" != none ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's package chromium for the browser tests"
    $as_root apt-get update -qq || true # a stale mirror list must not stop what may still install
    if $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && installed; then
        exit 0
    fi
fi

echo "Getting Playwright's own Chromium for the browser tests"
if [ "$as_root" != none ]; then
    $as_root "$PYTHON" -m playwright install-deps chromium || true # the system libraries that it loads
fi
"$PYTHON" -m playwright install chromium || {
    echo "No Chromium for the browser tests. Install the package chromium or Google Chrome, then run make test again." >&2
    exit 1
}
