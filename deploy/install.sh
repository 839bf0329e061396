# shellcheck shell=bash
# Sourced by deploy/up and deploy/test: installs what is missing, says what it does, is quick when nothing is.
# Where it may not install, it names what to install and stops.

STAMP=.venv/.questlog-stamp

# Where Python may not keep what it compiles, every process compiles all that it imports: an edge takes 2.2 s of CPU
# to start in place of 1.0, a worker 1.2 in place of 0.5, and tests start hundreds. uv installs without compiling.
unset PYTHONDONTWRITEBYTECODE

say() { printf 'questlog: %s\n' "$*" >&2; }

fail() { say "$*"; exit 1; }

# The system's own before others in PATH: distributions build theirs with profile-guided optimization, version
# managers don't by default: 5 to 20 % of the CPU of our processes. QUESTLOG_PYTHON names another.
find_python() {
  local candidate candidates=(/usr/bin/python3.11 /usr/bin/python3.12 python3.11 python3.12 python3)
  [ -z "${QUESTLOG_PYTHON:-}" ] || candidates=("$QUESTLOG_PYTHON")
  for candidate in "${candidates[@]}"; do
    if command -v "$candidate" >/dev/null && "$candidate" -c '
import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

has_java() {
  local java version
  java=${JAVA_HOME:+$JAVA_HOME/bin/java}
  version=$("${java:-java}" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${version:-0}" -ge 17 ]
}

cache_folder() { printf '%s' "${QUESTLOG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/questlog}"; }

has_kafka() { compgen -G "$(cache_folder)/kafka-*/kafka_*.jar" >/dev/null; }

has_archive() { compgen -G "$(cache_folder)/kafka-*/classes.jsa" >/dev/null; }

has_charts() { compgen -G "$(cache_folder)/uplot-*/uPlot.esm.js" >/dev/null; }

# Names of the browser, as tests/browser/chromium.py looks for them.
has_chromium() {
  local name
  for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && return 0
  done
  return 1
}

# Chromium's headless shell takes a fifth less CPU for the same tests; not every distribution has it.
chromium_package() {
  if apt-cache show chromium-headless-shell >/dev/null 2>&1; then echo chromium-headless-shell; else echo chromium; fi
}

# Debian packages for the programs that are missing; `tests` adds what only tests need.
missing_packages() {
  [ -n "$(find_python)" ] || echo python3 python3-venv
  has_java || echo openjdk-17-jre-headless
  command -v redis-server >/dev/null || echo redis-server
  has_kafka || command -v mvn >/dev/null || echo maven
  [ -x /usr/bin/skopeo ] || echo skopeo
  [ -x /usr/bin/umoci ] || echo umoci
  # Game servers in containers need root; without it they run as plain processes, and these are of no use.
  if [ "$(id -u)" = 0 ]; then
    command -v crun >/dev/null || command -v runc >/dev/null || echo crun
    command -v nft >/dev/null || echo nftables
    command -v ip >/dev/null || echo iproute2
    command -v tini-static >/dev/null || echo tini
  fi
  if [ "${1:-}" = tests ]; then
    has_chromium || chromium_package
    command -v promtool >/dev/null || echo prometheus
    [ -x /usr/bin/docker-registry ] || echo docker-registry
    [ -x /usr/games/teeworlds-server ] || echo teeworlds-server
    [ -x /usr/games/wesnothd-1.16 ] || echo wesnoth-1.16-server
  fi
}

install_packages() {
  local packages as_root=""
  packages=$(missing_packages "${1:-}" | xargs)
  [ -n "$packages" ] || return 0
  if ! command -v apt-get >/dev/null; then
    fail "missing: $packages (Debian's names). Install them with this system's package manager and start again."
  fi
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then as_root=sudo; else
      fail "missing: $packages. Run: sudo apt-get install --no-install-recommends $packages"
    fi
  fi
  $as_root apt-get update -qq || say "apt-get update failed; trying with the lists that are here"
  packages=$(missing_packages "${1:-}" | xargs) # by the lists of now
  say "installing by apt: $packages"
  # A package may start its own service; ours are started by us alone, on ports of our own.
  local log
  log=$(mktemp)
  # shellcheck disable=SC2086 # several words
  if ! RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends \
    $packages >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt could not install: $packages"
  fi
  rm -f "$log"
}

# What Maven and npm bring needs no virtual environment: it is fetched while Python's packages are.
fetch_jars() {
  has_kafka && has_archive && return 0
  has_kafka || say "fetching Kafka's jars by Maven into $(cache_folder) (54 MB, once)"
  "$1" -m deploy.stack.kafka
}

fetch_charts() {
  has_charts && return 0
  say "fetching the chart library by npm into $(cache_folder) (once)"
  local node=""
  if ! command -v npm >/dev/null; then
    # Debian's npm is 339 packages; PyPI has node and npm in one, and only this one step needs them.
    node=$(mktemp -d)
    "$1" -m venv "$node" && "$node/bin/pip" install -q --require-hashes -r deploy/installers/node.lock || true
  fi
  PATH=${node:+$node/bin:}$PATH "$1" -m deploy.assets "$(cache_folder)" >/dev/null ||
    say "going on without it: charts show as tables"
  [ -z "$node" ] || rm -rf "$node"
}

install_python() {
  local python=$1 wanted
  wanted=$(cat requirements.lock pyproject.toml deploy/installers/uv.lock | sha256sum | cut -d' ' -f1)
  [ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ] && return 0
  say "installing Python packages into .venv as requirements.lock says"
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  if .venv/bin/python -m pip install -q --require-hashes -r deploy/installers/uv.lock &&
    .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements.lock; then
    # chdb and chdb-core both have chdb/__init__.py, and uv writes them at the same time: chdb's is the one to keep
    .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes --reinstall-package chdb \
      -r requirements.lock
  else
    say "uv could not; trying with pip"
    .venv/bin/python -m pip install -q --require-hashes -r requirements.lock
  fi
  .venv/bin/uv pip install -q --python .venv/bin/python --no-deps -e . 2>/dev/null ||
    .venv/bin/python -m pip install -q --no-deps -e .
  printf '%s\n' "$wanted" >"$STAMP"
}

# Debian's packages, then what needs them, beside Python's packages: the first start is mostly waiting.
install_all() {
  local python programs charts
  if missing_packages | grep -q python3; then install_packages "${1:-}"; fi
  python=$(find_python)
  [ -n "$python" ] || fail "${QUESTLOG_PYTHON:-Python} is not Python 3.11 or 3.12 with venv"
  { install_packages "${1:-}" && fetch_jars "$python"; } & programs=$!
  fetch_charts "$python" & charts=$!
  install_python "$python" || fail "Python packages could not be installed"
  wait "$programs" || fail "the programs of the stack could not be installed"
  wait "$charts" || true
}
