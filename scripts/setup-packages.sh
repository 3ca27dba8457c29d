# setup-packages.sh: what Debian has, from Debian. Sourced by scripts/setup.
# shellcheck shell=bash

# "package" or "package command": with the command on the path already, the package is not asked for.
BUILD_PACKAGES=(
    "ca-certificates" "git git" "gcc cc" "g++ c++" "cmake cmake" "ninja-build ninja" "pkg-config pkg-config"
    "python3 python3" "python3-venv" "npm npm" "tzdata"
    "libmicrohttpd-dev" "libyaml-dev" "libsqlite3-dev" "libpq-dev" "libcurl4-openssl-dev" "libssl-dev"
    "libsodium-dev" "libstemmer-dev" "libutf8proc-dev" "zlib1g-dev" "libcmocka-dev"
)
TEST_PACKAGES=("postgresql-15" "chromium chromium" "openssl openssl" "procps ps")

missing_packages() {
    local entry package command wanted=()
    for entry in "$@"; do
        read -r package command <<<"$entry"
        if [ -z "$command" ] || ! command -v "$command" >/dev/null; then
            wanted+=("$package")
        fi
    done
    if [ ${#wanted[@]} -eq 0 ]; then
        return 0
    fi
    { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true; } |
        awk -v wanted="${wanted[*]}" '$1 == "installed" { have[$2] = 1 }
            END { n = split(wanted, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) printf "%s ", w[i] }'
}

build_packages_there() { [ -z "$(missing_packages "${BUILD_PACKAGES[@]}")" ]; }

test_packages_there() { [ -z "$(missing_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}")" ]; }

APT=()

# How apt-get is run here: as root, through sudo, or not at all.
find_apt() {
    local environment=(env DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none)
    local options=(-y -o Dpkg::Options::=--force-confold -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600)
    if ! command -v apt-get >/dev/null; then
        return 1
    fi
    if [ "$(id -u)" -eq 0 ]; then
        APT=("${environment[@]}" apt-get "${options[@]}")
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        APT=(sudo -n "${environment[@]}" apt-get "${options[@]}")
    elif command -v sudo >/dev/null && [ -t 0 ] && [ -z "${CI:-}" ]; then
        say "      sudo will ask for your password, to install: $*"
        sudo -v || return 1
        APT=(sudo "${environment[@]}" apt-get "${options[@]}")
    else
        return 1
    fi
}

packages_get() {
    local missing
    read -r -a missing <<<"$(missing_packages "$@")"
    if ! find_apt "${missing[@]}"; then
        die "these Debian packages are missing, and neither root nor sudo is at hand to install them. As root, run:" \
            "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" \
            "then run this again. Nothing else here needs root."
    fi
    say "      installing ${missing[*]}"
    if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || ! apt_install "${missing[@]}"; then
        retry 3 apt_update_install "${missing[@]}" ||
            die "apt-get could not install: ${missing[*]}" "see the lines above; when apt works again, run this again"
    fi
    locate_deps
}

apt_install() { quietly apt-install "${APT[@]}" install --no-install-recommends "$@"; }

apt_update_install() {
    quietly apt-update "${APT[@]}" update || return 1
    apt_install "$@"
}

kubectl_there() { command -v kubectl >/dev/null; }

# Not every system has the package. Without it its tests are skipped, which is said here and there.
kubectl_get() {
    if ! find_apt kubernetes-client || { ! apt_install kubernetes-client && ! apt_update_install kubernetes-client; }; then
        say "      kubectl could not be installed: the tests of Kubernetes are SKIPPED"
        say "      (https://kubernetes.io/docs/tasks/tools, then run this again)"
    fi
}
