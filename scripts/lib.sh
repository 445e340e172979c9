# Shared by the scripts beside it; they source it from the repository's root.

# Talk goes to stderr: stdout is for what a command was asked for.
say() { printf '%s\n' "$*" >&2; }

die() { say "$@"; exit 1; }

can_apt() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

# A fresh container has no package lists yet, so a first failure only means: fetch them, try again.
apt_install() {
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@")
    "${install[@]}" </dev/null || { apt-get -o DPkg::Lock::Timeout=300 update && "${install[@]}" </dev/null; }
}
