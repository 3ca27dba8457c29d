# setup-lib.sh: what every part of scripts/setup shares. Sourced, never run.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${NIMA_CACHE:-${XDG_CACHE_HOME:-${HOME:-$(cd ~ && pwd)}/.cache}/nima}
LOCK_FILE=$ROOT/deps.lock

STEP=0
STEPS=1

say() { printf '%s\n' "$*" >&2; }

# die WHAT WHAT-TO-DO: the one way out with an error.
die() {
    printf 'setup: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then
        printf '       %s\n' "${@:2}" >&2
    fi
    exit 1
}

# step NAME CHECK DO...: skips what is done, says how long the rest took. Two setups side by side do not do the
# same step twice: the second waits for the first, then finds the work done.
step() {
    local name=$1 check=$2 begun
    shift 2
    STEP=$((STEP + 1))
    if "$check"; then
        printf '[%d/%d] %s … already there\n' "$STEP" "$STEPS" "$name" >&2
        return 0
    fi
    printf '[%d/%d] %s …\n' "$STEP" "$STEPS" "$name" >&2
    begun=$SECONDS
    mkdir -p "$CACHE/lock" || die "cannot write to the cache folder $CACHE" \
        "make it writable, or set NIMA_CACHE to a folder that is"
    exec 9>"$CACHE/lock/$check"
    if [ "$check" != never ] && ! flock -n 9; then
        say "      another setup is at it; waiting for that one"
        flock 9
    fi
    if ! "$check"; then
        "$@"
    fi
    exec 9>&-
    printf '[%d/%d] %s … %d s\n' "$STEP" "$STEPS" "$name" $((SECONDS - begun)) >&2
}

# The check of what is always looked at again.
never() { return 1; }

# quietly NAME COMMAND...: output goes to a log; its end is shown when the command fails.
quietly() {
    local name=$1 log
    shift
    mkdir -p "$CACHE/log"
    log=$CACHE/log/$name.log
    if "$@" >"$log" 2>&1 </dev/null; then
        return 0
    fi
    say "--- the end of $log"
    tail -n 15 "$log" >&2
    say "---"
    return 1
}

# lock_field NAME COLUMN: a value out of deps.lock (name version from package file sha256).
lock_field() {
    awk -v name="$1" -v column="$2" '$1 == name { print $column; found = 1 }
        END { exit !found }' "$LOCK_FILE" || die "deps.lock has no row for $1" \
        "restore the file: git checkout deps.lock"
}

has_sum() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]; }

check_sum() {
    local got
    if has_sum "$1" "$2"; then
        return 0
    fi
    got=$(sha256sum "$1" | cut -d' ' -f1)
    rm -f "$1"
    die "$(basename "$1") is not the file that deps.lock names (SHA-256 $got, wanted $2)" \
        "it was deleted; run this again, and if it happens twice tell the people who keep Nima"
}

# A Python with pip, in a virtual environment: Debian's own pip refuses to work outside one.
python_venv() {
    local dir=$1
    if [ -x "$dir/bin/python" ] && [ -e "$dir/.complete" ] && "$dir/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    command -v python3 >/dev/null || die "python3 is missing" \
        "apt-get install python3 python3-venv (or run: make run, as root or with sudo)"
    rm -rf "$dir"
    mkdir -p "$(dirname "$dir")"
    quietly "venv-$(basename "$dir")" python3 -m venv "$dir" || die "python3 cannot make a virtual environment" \
        "apt-get install python3-venv, then run this again"
    touch "$dir/.complete"
}

TOOLS_VENV=
tools_venv() {
    local version
    version=$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || echo none)
    TOOLS_VENV=$CACHE/venv/tools-$version
    python_venv "$TOOLS_VENV"
}

# fetch_pypi NAME DIR: the sdist that deps.lock names, verified, left in DIR.
fetch_pypi() {
    local name=$1 dir=$2 spec file sum
    spec=$(lock_field "$name" 4)
    file=$(lock_field "$name" 5)
    sum=$(lock_field "$name" 6)
    # A file cut short by an interruption is fetched again.
    if ! has_sum "$dir/$file" "$sum"; then
        rm -f "$dir/$file"
        tools_venv
        mkdir -p "$dir"
        # pip is told the sum as well: it asks an archive's own code for its metadata, and must not ask a wrong one.
        printf '%s --hash=sha256:%s\n' "$spec" "$sum" >"$dir/$name.txt"
        retry 3 quietly "download-$name" "$TOOLS_VENV/bin/python" -m pip download --no-deps --require-hashes \
            --no-binary "${spec%%==*}" --dest "$dir" -r "$dir/$name.txt" ||
            die "$spec could not be downloaded" "the lines above say why: mostly the network; run this again, nothing is lost"
    fi
    check_sum "$dir/$file" "$sum"
}

# fetch_npm NAME DIR: likewise, from the npm registry that npm is configured for.
fetch_npm() {
    local name=$1 dir=$2 spec file sum
    spec=$(lock_field "$name" 4)
    file=$(lock_field "$name" 5)
    sum=$(lock_field "$name" 6)
    # A file cut short by an interruption is fetched again.
    if ! has_sum "$dir/$file" "$sum"; then
        rm -f "$dir/$file"
        command -v npm >/dev/null || die "npm is missing" \
            "apt-get install npm (or run: make run, as root or with sudo)"
        mkdir -p "$dir"
        retry 3 quietly "download-$name" npm pack --silent --pack-destination "$dir" "$spec" ||
            die "$spec could not be downloaded" "the lines above say why: mostly the network; run this again, nothing is lost"
    fi
    check_sum "$dir/$file" "$sum"
}

retry() {
    local times=$1 i
    shift
    for ((i = 1; i <= times; i++)); do
        if "$@"; then
            return 0
        fi
        if [ "$i" -lt "$times" ]; then
            say "      that did not work; trying again ($((i + 1)) of $times)"
            sleep $((i * 2))
        fi
    done
    return 1
}

# need_space MIB FOLDER WHAT
need_space() {
    local free
    mkdir -p "$2"
    free=$(df -Pm "$2" | awk 'NR == 2 { print $4 }')
    if [ "$free" -lt "$1" ]; then
        die "$3 needs $1 MiB and $2 has $free MiB free" \
            "make room there, or set NIMA_CACHE to a folder on a larger disk"
    fi
}
