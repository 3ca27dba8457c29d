# setup-test.sh: what the tests need, and the run of them. Sourced by scripts/setup.
# shellcheck shell=bash

TEST_LOCK=$ROOT/tests/requirements.txt
NODE_LOCK=$ROOT/tests/e2e/package-lock.json
NODE_DIR=$CACHE/node/$(sha256sum "$NODE_LOCK" 2>/dev/null | cut -c1-12)
TEST_VENV=

test_venv_name() {
    local version
    version=$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || echo none)
    TEST_VENV=$CACHE/venv/tests-$version-$(sha256sum "$TEST_LOCK" | cut -c1-12)
}

test_venv_there() { [ -e "$TEST_VENV/.installed" ] && "$TEST_VENV/bin/python" -c '' 2>/dev/null; }

test_venv_get() {
    test_venv_name
    python_venv "$TEST_VENV"
    retry 3 quietly pip-tests "$TEST_VENV/bin/python" -m pip install --disable-pip-version-check --only-binary :all: \
        --require-hashes -r "$TEST_LOCK" ||
        die "the Python packages of the tests could not be installed" "check the network and run this again"
    touch "$TEST_VENV/.installed"
}

node_there() { [ -e "$NODE_DIR/node_modules" ]; }

node_get() {
    local work=$CACHE/work/node
    rm -rf "$work"
    mkdir -p "$work" "$CACHE/node"
    cp "$ROOT/tests/e2e/package.json" "$NODE_LOCK" "$work/"
    retry 3 quietly npm-tests npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund ||
        die "the npm packages of the tests could not be installed" "check the network and run this again"
    # GitHub's description in every version there ever was is 390 MB; the tests read one of 12.
    find "$work/node_modules/@octokit/openapi" -type f ! -name api.github.com.json ! -name package.json -delete
    rm -rf "$NODE_DIR"
    mv -T "$work" "$NODE_DIR"
    # For a test that is run by hand, without scripts/setup to tell it the folder.
    ln -sfn "$(basename "$NODE_DIR")/node_modules" "$CACHE/node/node_modules"
}

RECORDED_DIR=$CACHE/github/recorded-$({ grep -E '^(fixtures|pygithub) ' "$LOCK_FILE" || true; } 2>/dev/null | sha256sum | cut -c1-12)

recorded_there() { [ -e "$RECORDED_DIR/pygithub" ]; }

# What api.github.com answered when others recorded it, for their own tests.
recorded_get() {
    local work=$CACHE/work/recorded
    fetch_npm fixtures "$CACHE/download"
    fetch_pypi pygithub "$CACHE/download"
    rm -rf "$work"
    mkdir -p "$work/octokit" "$work/pygithub"
    tar -xzf "$CACHE/download/$(lock_field fixtures 5)" -C "$work/octokit" --strip-components=3 \
        --wildcards 'package/scenarios/api.github.com/*/raw-fixture.json'
    tar -xzf "$CACHE/download/$(lock_field pygithub 5)" -C "$work/pygithub" --strip-components=3 \
        --wildcards '*/tests/ReplayData/*.txt'
    rm -rf "$RECORDED_DIR"
    mkdir -p "$CACHE/github"
    mv -T "$work" "$RECORDED_DIR"
    ln -sfn "$(basename "$RECORDED_DIR")" "$CACHE/github/recorded" # for a test that is run by hand
}

KUBE_SOURCE=$ROOT/tests/support/kube
KUBE_DIR=$CACHE/kube/$(cd "$KUBE_SOURCE" 2>/dev/null && cat go.mod go.sum main.go | sha256sum | cut -c1-12)

kube_there() { [ -x "$KUBE_DIR/kube" ]; }

# Minutes, once. Without Go its tests are skipped, which is said here and there.
kube_get() {
    if ! command -v go >/dev/null; then
        say "      Go is missing: the tests of Kubernetes are SKIPPED (https://go.dev/dl, then run this again)"
        return 0
    fi
    say "      etcd and kube-apiserver are compiled from Go modules: minutes, and once"
    mkdir -p "$KUBE_DIR"
    if ! (cd "$KUBE_SOURCE" && quietly go-kube nice env GOFLAGS=-mod=readonly GOMAXPROCS=2 \
        go build -p 2 -trimpath -ldflags "-s -w" -o "$KUBE_DIR/kube.new" .); then
        say "      it could not be built: the tests of Kubernetes are SKIPPED"
        return 0
    fi
    rm -rf "$KUBE_DIR/kube"
    mv -T "$KUBE_DIR/kube.new" "$KUBE_DIR/kube"
}

verb_test_tools() {
    STEPS=14
    step "Debian packages, PostgreSQL and Chromium included" test_packages_there \
        packages_get "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
    test_venv_name
    step "yyjson $(lock_field yyjson 2)" yyjson_there yyjson_get
    step "llama.cpp ($(lock_field llama 2))" llama_there llama_get
    step "marked and DOMPurify" web_there web_get
    step "Python packages of the tests" test_venv_there test_venv_get
    step "npm packages of the tests" node_there node_get
    step "recorded answers of GitHub" recorded_there recorded_get
    step "kubectl" kubectl_there kubectl_get
    step "Kubernetes API server of the tests" kube_there kube_get
    step "embedding model $EMBEDDING_MODEL" embedding_model_there model_pull "$EMBEDDING_MODEL"
    step "tiny chat model $TINY_MODEL" tiny_model_there model_pull "$TINY_MODEL"
    step "default chat model $DEFAULT_MODEL" default_model_there model_pull "$DEFAULT_MODEL"
}

# Everything, or what PYTEST_ARGS or the arguments name. pytest's closing line is the last one.
verb_test() {
    verb_test_tools
    step "Nima, release" never verb_build
    step "Nima, with ASan and UBSan" never build_tree build/asan all -DNIMA_SANITIZE=address -DNIMA_DEVELOPER=ON
    run_pytest build/asan "$@"
}

# run_pytest BUILD-FOLDER ARGUMENTS...: with what the tests ask their environment for.
run_pytest() {
    local folder=$1
    shift
    test_venv_name
    cd "$ROOT"
    export NIMA_CACHE=$CACHE NIMA_TEST_BUILD=$ROOT/$folder NIMA_RELEASE_BUILD=$ROOT/build
    export NIMA_NODE_MODULES=$NODE_DIR/node_modules NIMA_GITHUB_RECORDED=$RECORDED_DIR
    export NIMA_MODELS_DIR=$CACHE/models PYTHONDONTWRITEBYTECODE=1
    : "${NIMA_REQUIRE_MODELS:=1}" # missing weights are a failure here, not a reason to skip
    export NIMA_REQUIRE_MODELS
    if [ $# -eq 0 ]; then
        set -- tests
    fi
    # shellcheck disable=SC2086 # PYTEST_ARGS is a list of words
    exec "$TEST_VENV/bin/python" -m pytest -p no:cacheprovider ${PYTEST_ARGS:-} "$@" </dev/null
}

verb_pytest() {
    run_pytest "${NIMA_PYTEST_BUILD:-build}" "$@"
}
