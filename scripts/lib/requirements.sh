# shellcheck shell=bash
# Sourced by the scripts beside it: messages, and finding or installing what a bare Debian or Ubuntu machine lacks.

# The oldest liburing that the package builds against (Debian 12 has it).
readonly LIBURING_MINIMUM=2.3

say() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

require_linux() {
  [[ "$(uname -s)" == Linux ]] || die "io_uring is an interface of Linux; this is $(uname -s). IOBuffers alone builds here: swift build --target IOBuffers"
}

require_swift() {
  command -v swift >/dev/null || die "no 'swift' in PATH. Install Swift 6.2 or later (https://www.swift.org/install/linux/) and try again."
  local version
  version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
  [[ -n "$version" ]] || die "'swift --version' printed no version: is the toolchain whole?"
  local major=${version%%.*} minor=${version#*.}
  if ((major < 6 || (major == 6 && minor < 2))); then
    die "Swift $version is too old: the package needs 6.2 or later."
  fi
}

# Do the arguments begin with --driver and the name of one?
require_driver() {
  (($# > 1)) || die "--driver needs a driver: readiness, ioUring or automatic"
  [[ "$2" =~ ^(readiness|ioUring|automatic)$ ]] || die "no such driver: '$2'. There are readiness, ioUring and automatic."
}

# Do the arguments begin with an option and a number above zero?
require_number() {
  (($# > 1)) || die "$1 needs a number"
  [[ "$2" =~ ^[0-9]+$ ]] && (($2 > 0)) || die "$1 needs a number above zero, and got '$2'"
}

# Is the Debian package $1, or what we want of it, here already?
have_package() {
  case "$1" in
    liburing-dev) pkg-config --exists liburing 2>/dev/null ;;
    netcat-openbsd) command -v nc >/dev/null ;;
    redis-tools) command -v redis-cli >/dev/null && command -v redis-benchmark >/dev/null ;;
    bind9-dnsutils) command -v dig >/dev/null ;;
    build-essential) command -v cc >/dev/null && command -v make >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Installs those of the named Debian packages that are missing.
require_packages() {
  local missing=() package
  for package in "$@"; do
    have_package "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  command -v apt-get >/dev/null \
    || die "missing: ${missing[*]} (names of Debian packages), and there is no apt-get to install them with. Install their counterparts by hand and try again."
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "missing: ${missing[*]}. Run as root, or install them: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || note "apt-get update failed; trying with the lists that are here"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || die "apt-get could not install ${missing[*]}"
  for package in "${missing[@]}"; do
    have_package "$package" || die "installed $package, but cannot find what it brings"
  done
}

# What building the package takes, beyond Swift and git.
require_build() {
  require_linux
  require_swift
  require_packages pkg-config liburing-dev
  pkg-config --atleast-version="$LIBURING_MINIMUM" liburing \
    || die "liburing $(pkg-config --modversion liburing) is too old: $LIBURING_MINIMUM or later is needed (Debian 12, Ubuntu 24.04)."
}

# Whether strace may attach to a process that it did not start: often root alone may (ptrace_scope), or nobody in a container.
may_trace() {
  local process status=0
  sleep 10 &
  process=$!
  timeout 1 strace -o /dev/null -p "$process" 2>/dev/null || status=$?
  kill "$process"
  wait "$process" || true
  # It stayed attached until its time was up.
  ((status == 124))
}

# Runs a command with a time limit, and says so where it was the limit that ended it: within MINUTES COMMAND...
within() {
  local minutes=$1 status=0
  shift
  timeout --kill-after=30 "$((minutes * 60))" "$@" || status=$?
  if ((status == 124 || status == 137)); then
    printf 'error: ended after %s minutes: %s\n' "$minutes" "$*" >&2
  fi
  return "$status"
}

# Tests that run at once. Without a bound all of them begin together, and on two cores a peer waits for a minute until it is its
# turn: every deadline that a test sets is over by then. Toolchains that do not know it pay it no heed.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-8}

# Suites in which hundreds of peers push and wait: beside all others, on two cores, their peers give up waiting.
peers='URingBackendTests\.(NeverReadingPeers|HeldBytes|Hold|Fairness|Pressure|PressureAttack|Allocation|MemoryShortage|AcceptShortage|SlowReader|ResetBurst)Tests'
# Those, and the comparison of drivers: what a kernel answers under load is true as well, but not what it answers as a rule.
alone="$peers|URingBackendTests\\.Conformance"
