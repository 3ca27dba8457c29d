# setup-run.sh: models, build, and the start of the server. Sourced by scripts/setup.
# shellcheck shell=bash

DEFAULT_MODEL=qwen2.5-coder-1.5b-instruct
TINY_MODEL=smollm2-135m-instruct
EMBEDDING_MODEL=all-MiniLM-L6-v2
CATALOGUE=$ROOT/configs/models.yaml

# Whether a model is in place. scripts/models.py left a note when it checked the SHA-256: its size and time then.
model_there() {
    local file=$CACHE/models/$1.gguf sum time
    [ -f "$file" ] && [ -f "$CACHE/models/.$1.checked" ] || return 1
    sum=$(awk -v name="\"$1\"" '$2 == "name:" { mine = $3 == name }
        mine && $1 == "sha256:" { gsub("\"", "", $2); print $2; exit }' "$CATALOGUE")
    time=$(stat -c '%s %.9Y' "$file")
    [ "$(<"$CACHE/models/.$1.checked")" = "$sum ${time/./}" ]
}

model_pull() { python3 "$ROOT/scripts/models.py" --catalogue "$CATALOGUE" --cache "$CACHE" pull "$1" </dev/null >&2; }

# A step for each model, because step() takes the name of a check.
default_model_there() { model_there "$DEFAULT_MODEL"; }
tiny_model_there() { model_there "$TINY_MODEL"; }
embedding_model_there() { model_there "$EMBEDDING_MODEL"; }
chosen_model_there() { model_there "$CHOSEN_MODEL"; }

embedding_pull() {
    if ! model_pull "$EMBEDDING_MODEL"; then
        warn "the embedding model could not be had: memory is searched by words alone until it is" \
            "once the network is back: build/nima models pull $EMBEDDING_MODEL"
    fi
}

default_pull() {
    if model_pull "$DEFAULT_MODEL"; then
        return 0
    fi
    warn "the default model could not be had; taking the tiny one, which follows instructions badly" \
        "once there is network and disk for it: build/nima models pull $DEFAULT_MODEL, then make run"
    if ! tiny_model_there && ! model_pull "$TINY_MODEL"; then
        die "no chat model could be had" \
            "check the network and run this again, or name a model that is here:" \
            "  NIMA_LLM=local:/path/to/model.gguf make run" \
            "  NIMA_LLM=openai:http://host:port/v1#model make run"
    fi
    export NIMA_LLM=local:$TINY_MODEL NIMA_LLM_FALLBACK_FROM=$DEFAULT_MODEL
}

chosen_pull() {
    model_pull "$CHOSEN_MODEL" || die "NIMA_LLM asks for $CHOSEN_MODEL, which could not be had" \
        "the line above says why; or take the tiny one: NIMA_LLM=local:$TINY_MODEL make run"
}

warn() {
    say ""
    printf '  !! %s\n' "$@" >&2
    say ""
}

# What the server itself says it will use, of flags, environment, configs/nima.yaml and defaults. A configuration
# that it refuses stops here, before a gigabyte is fetched for it.
CONFIG=
read_config() {
    CONFIG=$("$ROOT/build/nima" config show --origin "$@") || exit $?
}

setting() { sed -n "s/^$1: \(.*\)  # .*/\1/p" <<<"$CONFIG"; }

setting_origin() { sed -n "s/^$1: .*  # //p" <<<"$CONFIG"; }

# Only the models of the catalogue are obtained; a path or another server is the person's own affair.
CHOSEN_MODEL=
chat_model_step() {
    local name
    name=$(setting llm.chat)
    CHOSEN_MODEL=${name#local:}
    CHOSEN_MODEL=${CHOSEN_MODEL%.gguf}
    if [ "$(setting_origin llm.chat)" = default ] && [ "$CHOSEN_MODEL" = "$DEFAULT_MODEL" ]; then
        step "chat model $DEFAULT_MODEL" default_model_there default_pull
    elif [ "$name" != "${name#local:}" ] && in_catalogue "$CHOSEN_MODEL"; then
        step "chat model $CHOSEN_MODEL" chosen_model_there chosen_pull
    else
        step_nothing "chat model: $name, nothing to obtain"
    fi
}

embedding_model_step() {
    local name
    name=$(setting llm.embeddings)
    name=${name%.gguf}
    if [ "$name" = "local:$EMBEDDING_MODEL" ]; then
        step "embedding model $EMBEDDING_MODEL" embedding_model_there embedding_pull
    else
        step_nothing "embedding model: $name, nothing to obtain"
    fi
}

in_catalogue() { grep -qxF "  - name: \"$1\"" "$CATALOGUE"; }

step_nothing() {
    STEP=$((STEP + 1))
    say "[$STEP/$STEPS] $1"
}

# build_tree FOLDER TARGET CMAKE-OPTIONS...: configures when something it depends on moved, then lets ninja decide.
build_tree() {
    local folder=$ROOT/$1 target=$2 want
    shift 2
    want=$(verb_paths; printf '%s\n' "$@" "$(command -v cc) ${CC:-}")
    if [ ! -e "$folder/build.ninja" ] || [ "$(cat "$folder/.setup" 2>/dev/null)" != "$want" ]; then
        quietly "cmake-$(basename "$folder")" cmake -S "$ROOT" -B "$folder" -G Ninja "$@" ||
            die "CMake could not configure $folder" "the lines above say why"
        printf '%s\n' "$want" >"$folder/.setup"
    fi
    run_ninja -C "$folder" ${NIMA_JOBS:+-j "$NIMA_JOBS"} "$target" ||
        die "the build of $folder did not work" "the compiler's words are above"
}

# In a terminal ninja shows where it is; elsewhere only what goes wrong.
run_ninja() {
    if [ -t 2 ]; then
        ninja "$@" >&2
    else
        ninja --quiet "$@" 2>&1 | sed -u '/^ninja: no work to do/d' >&2
    fi
}

# No build type is given: CMakeLists.txt chooses the one that is shipped.
verb_build() { build_tree build "${1:-all}"; }

verb_run() {
    STEPS=7
    step "Debian packages" build_packages_there packages_get "${BUILD_PACKAGES[@]}"
    step "yyjson $(lock_field yyjson 2)" yyjson_there yyjson_get
    step "llama.cpp ($(lock_field llama 2))" llama_there llama_get
    step "marked and DOMPurify" web_there web_get
    step "Nima itself" never verb_build nima
    cd "$ROOT"
    read_config "$@"
    embedding_model_step
    chat_model_step
    exec build/nima serve "$@"
}
