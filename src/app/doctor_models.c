/* doctor: the two models: their files, whether they fit into memory, loading them, using them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "app/client.h"
#include "app/doctor.h"
#include "app/files.h"
#include "app/memory_left.h"
#include "llm/llm.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/yaml.h"

enum { LOAD_MS_MAX = 60000, POLL_MS = 20, REMOTE_MS = 5000, CONTEXT_MIB = 300 };

struct model {
    const char *check; /* "chat model" */
    nima_str address;
    bool usable; /* nothing speaks against loading it */
};

/* Size of the model by the catalogue, 0 when it is not in there. */
static int64_t catalogue_bytes(struct nima_ctx *ctx, nima_str name)
{
    const char *path = nima_app_file(ctx, "configs/models.yaml");
    const struct nima_yaml *root;
    if (path == NULL || nima_yaml_load(ctx, path, &root) != NIMA_OK) {
        return 0;
    }
    const struct nima_yaml *models = nima_yaml_get(root, "models");
    for (const struct nima_yaml *m = models != NULL ? models->first : NULL; m != NULL;
         m = m->next) {
        int64_t bytes;
        if (nima_str_eq(nima_yaml_str(nima_yaml_get(m, "name")), name) &&
            nima_yaml_int(nima_yaml_get(m, "size_bytes"), &bytes)) {
            return bytes;
        }
    }
    return 0;
}

/* As the llm room finds it: a name below models_dir, or a path. */
static char *model_path(struct nima_doctor *doctor, nima_str name)
{
    const char *end = nima_str_ends(name, NIMA_STR(".gguf")) ? "" : ".gguf";
    nima_str folder = doctor->config.llm.models_dir;
    bool path = nima_str_find(name, NIMA_STR("/"), 0) != SIZE_MAX || folder.len == 0;
    nima_str full = path ? nima_fmt(doctor->ctx, NIMA_FMT "%s", NIMA_ARG(name), end)
                         : nima_fmt(doctor->ctx, NIMA_FMT "/" NIMA_FMT "%s", NIMA_ARG(folder),
                                    NIMA_ARG(name), end);
    return nima_cstr(doctor->ctx, full);
}

static bool is_gguf(const char *path)
{
    char magic[4] = "";
    FILE *file = fopen(path, "re");
    bool yes = file != NULL && fread(magic, 1, 4, file) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (file != NULL) {
        fclose(file);
    }
    return yes;
}

/* The weights are mapped and the context comes on top. */
static bool check_memory(struct nima_doctor *doctor, struct model *model, int64_t bytes)
{
    int64_t need_mib = (bytes >> 20) + CONTEXT_MIB, left = nima_memory_left();
    if (left <= 0 || doctor->running || need_mib < left >> 20) {
        return true;
    }
    nima_doctor_tell(doctor, NIMA_ILL, model->check,
                     NIMA_FMT " needs about %lld MiB of memory and %lld MiB are free; end other "
                              "programs, raise the container's limit, or take a smaller model: "
                              "nima models list",
                     NIMA_ARG(model->address), (long long)need_mib, (long long)(left >> 20));
    return false;
}

static void check_local(struct nima_doctor *doctor, struct model *model)
{
    nima_str name = nima_str_sub(model->address, 6, model->address.len);
    char *path = model_path(doctor, name);
    int64_t listed = catalogue_bytes(doctor->ctx, name);
    const char *get = listed > 0 ? "nima models pull" : "nima models list shows what there is, not";
    struct stat info;
    if (stat(path, &info) != 0) {
        nima_doctor_tell(doctor, NIMA_ILL, model->check, "%s: %s; %s " NIMA_FMT, path,
                         strerror(errno), get, NIMA_ARG(name));
    } else if (!S_ISREG(info.st_mode) || !is_gguf(path)) {
        nima_doctor_tell(doctor, NIMA_ILL, model->check,
                         "%s is no GGUF model; remove it, then: %s " NIMA_FMT, path, get,
                         NIMA_ARG(name));
    } else if (listed > 0 && info.st_size != listed) {
        nima_doctor_tell(doctor, NIMA_ILL, model->check,
                         "%s has %lld bytes, not the %lld of the catalogue; remove it, then: nima "
                         "models pull " NIMA_FMT,
                         path, (long long)info.st_size, (long long)listed, NIMA_ARG(name));
    } else {
        model->usable = check_memory(doctor, model, info.st_size);
    }
}

/* openai:URL#model: is somebody there, and does he know the model? */
static void check_remote(struct nima_doctor *doctor, struct model *model)
{
    struct nima_ctx *ctx = doctor->ctx;
    nima_str rest = nima_str_sub(model->address, 7, model->address.len);
    nima_str url;
    nima_str_next(&rest, '#', &url);
    struct nima_client_call call = {.url = nima_fmt(ctx, NIMA_FMT "/models", NIMA_ARG(url)),
                                    .token = doctor->config.llm.api_key,
                                    .connect_ms = REMOTE_MS,
                                    .total_ms = REMOTE_MS};
    struct nima_client_reply reply;
    if (nima_client_run(ctx, &call, &reply) != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, model->check, "%s; is that server running?",
                         ctx->error.message);
    } else if (reply.status == 401 || reply.status == 403) {
        nima_doctor_tell(doctor, NIMA_ILL, model->check,
                         NIMA_FMT " wants a key; set NIMA_LLM_API_KEY", NIMA_ARG(url));
    } else if (reply.status != 200) {
        nima_doctor_tell(doctor, NIMA_WARN, model->check,
                         NIMA_FMT " answers %ld for its list of models; does it speak the OpenAI "
                                  "API at this address?",
                         NIMA_ARG(call.url), reply.status);
    } else if (rest.len > 0 &&
               nima_str_find(reply.body, nima_fmt(ctx, "\"" NIMA_FMT "\"", NIMA_ARG(rest)), 0) ==
                   SIZE_MAX) {
        nima_doctor_tell(doctor, NIMA_WARN, model->check,
                         NIMA_FMT " does not list the model " NIMA_FMT, NIMA_ARG(url),
                         NIMA_ARG(rest));
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, model->check, NIMA_FMT " answers", NIMA_ARG(url));
    }
}

static void check_address(struct nima_doctor *doctor, struct model *model, bool running)
{
    if (nima_str_starts(model->address, NIMA_STR("local:"))) {
        check_local(doctor, model);
    } else if (nima_str_starts(model->address, NIMA_STR("openai:"))) {
        check_remote(doctor, model);
    } else if (nima_str_eq(model->address, NIMA_STR("none:"))) {
        nima_doctor_tell(doctor, NIMA_WARN, model->check,
                         "none: memory is searched by words alone; set llm.embeddings");
    } else {
        model->usable = true; /* scripted:, or no address: opening tells */
    }
    if (model->usable && running) {
        nima_doctor_tell(doctor, NIMA_WELL, model->check,
                         NIMA_FMT "; the running server has a "
                                  "model loaded",
                         NIMA_ARG(model->address));
        model->usable = false;
    }
}

/* Waits until both are loaded or not to be; milliseconds that each took, -1: not loaded. */
static void await(struct nima_llm *llm, struct nima_llm_state *state, int64_t *chat_ms,
                  int64_t *embed_ms)
{
    int64_t begun = nima_mono_ms();
    struct timespec pause = {0, POLL_MS * 1000000L};
    *chat_ms = *embed_ms = -1;
    for (;;) {
        nima_llm_state(llm, state);
        int64_t passed = nima_mono_ms() - begun;
        if (state->chat_loaded && *chat_ms < 0) {
            *chat_ms = passed;
        }
        if (state->embeddings_loaded && *embed_ms < 0) {
            *embed_ms = passed;
        }
        bool settled = (state->chat_loaded || state->chat_failed) &&
                       (state->embeddings_loaded || state->embeddings_failed);
        if (settled || passed > LOAD_MS_MAX) {
            return;
        }
        nanosleep(&pause, NULL);
    }
}

static void tell_loading(struct nima_doctor *doctor, const struct model *model, const char *name,
                         int64_t took_ms, const char *problem)
{
    if (!model->usable) {
        return;
    }
    if (took_ms >= 0) {
        nima_doctor_tell(doctor, NIMA_WELL, model->check, "%s loaded in %lld ms", name,
                         (long long)took_ms);
    } else {
        nima_doctor_tell(doctor, NIMA_ILL, model->check, "%s",
                         problem[0] != '\0'
                             ? problem
                             : "not loaded within a minute; is this machine busy, or "
                               "its disk slow? Try again, or take a smaller model");
    }
}

static void try_embedding(struct nima_doctor *doctor, struct nima_llm *llm)
{
    nima_str text = NIMA_STR("a test");
    struct nima_vectors vectors;
    int64_t begun = nima_mono_us();
    if (nima_llm_embed(doctor->ctx, llm, &text, 1, &vectors) != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, "embedding", "%s", doctor->ctx->error.message);
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, "embedding", "%zu numbers in %.1f ms", vectors.dims,
                         (double)(nima_mono_us() - begun) / 1000);
    }
}

/* What must not be loaded is left out: a stand-in takes its place. */
static void load(struct nima_doctor *doctor, struct model *chat, struct model *embed)
{
    const struct nima_config *c = &doctor->config;
    struct nima_llm_options options = {.chat = chat->usable ? chat->address : NIMA_STR("scripted:"),
                                       .embeddings =
                                           embed->usable ? embed->address : NIMA_STR("scripted:"),
                                       .models_dir = c->llm.models_dir,
                                       .api_key = c->llm.api_key,
                                       .threads = (int)c->llm.threads,
                                       .context_tokens = (int)c->llm.context_tokens,
                                       .timeout_s = (int)c->llm.timeout_s};
    struct nima_llm *llm;
    if (nima_llm_open(doctor->ctx, &options, &llm) != NIMA_OK) {
        bool embeddings = strcmp(doctor->ctx->error.field, "embeddings") == 0;
        nima_doctor_tell(doctor, NIMA_ILL, embeddings ? embed->check : chat->check, "%s",
                         doctor->ctx->error.message);
        return;
    }
    struct nima_llm_state state;
    int64_t chat_ms, embed_ms;
    await(llm, &state, &chat_ms, &embed_ms);
    tell_loading(doctor, chat, state.chat_model, chat_ms, state.problem);
    tell_loading(doctor, embed, state.embedding_model, embed_ms, state.problem);
    if (embed->usable && embed_ms >= 0) {
        try_embedding(doctor, llm);
    }
    nima_llm_close(llm);
}

void nima_doctor_models(struct nima_doctor *doctor)
{
    struct model chat = {"chat model", doctor->config.llm.chat, false};
    struct model embed = {"embedding model", doctor->config.llm.embeddings, false};
    check_address(doctor, &chat, doctor->running_chat);
    check_address(doctor, &embed, doctor->running_embeddings);
    if (chat.usable || embed.usable) {
        load(doctor, &chat, &embed);
    }
}
