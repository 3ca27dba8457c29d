/*
 * Model files: where they are, loading them, and what to tell a person when that goes wrong. Both
 * models load while the server already answers; what the outcome was is in the state.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "llm/local_int.h"

enum { CONTEXT_DEFAULT = 8192, CELLS_MAX = 8192, FILE_BYTES_MIN = 1024 };

static _Thread_local char problem[256];

void nima_llm_problem_set(const char *text)
{
    snprintf(problem, sizeof(problem), "%s", text);
    problem[strcspn(problem, "\n")] = '\0';
}

const char *nima_llm_problem(void)
{
    return problem[0] != '\0' ? problem : "no reason given";
}

/* llama.cpp logs from the thread that called it, so its last error belongs to that thread's call.
 */
static void on_llama_log(enum ggml_log_level level, const char *text, void *user)
{
    (void)user;
    if (level == GGML_LOG_LEVEL_ERROR) {
        /* "llama_model_load: error loading model: …": the name of its function says nothing. */
        const char *colon = strstr(text, ": ");
        nima_llm_problem_set(colon != NULL && colon[2] != '\0' ? colon + 2 : text);
    }
}

static void init_once(void)
{
    llama_log_set(on_llama_log, NULL);
    llama_backend_init();
}

void nima_local_init_llama(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
}

/* Cores' worth of time that this cgroup file allows, 0 when it says nothing. */
static double quota_of(const char *path, const char *period_path)
{
    char line[64] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    bool got = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    char *end = line;
    double quota = got ? strtod(line, &end) : 0;
    double period = strtod(end, NULL);
    if (period_path != NULL && (file = fopen(period_path, "re")) != NULL) {
        period = fgets(line, sizeof(line), file) != NULL ? strtod(line, NULL) : 0;
        fclose(file);
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

int nima_local_threads(int wanted)
{
    if (wanted > 0) {
        return wanted;
    }
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    double quota = quota_of("/sys/fs/cgroup/cpu.max", NULL);
    if (quota <= 0) {
        quota =
            quota_of("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    }
    if (quota > 0 && quota < cores) {
        cores = (int)quota;
    }
    return cores > 0 ? cores : 1;
}

char *nima_local_path(nima_str models_dir, nima_str name)
{
    struct nima_buf path;
    nima_buf_init(&path, 4096);
    bool is_path = nima_str_find(name, NIMA_STR("/"), 0) != SIZE_MAX;
    if (!is_path && models_dir.len > 0) {
        nima_buf_fmt(&path, NIMA_FMT "/", NIMA_ARG(models_dir));
    }
    nima_buf_add(&path, name);
    if (!nima_str_ends(name, NIMA_STR(".gguf"))) {
        nima_buf_add(&path, NIMA_STR(".gguf"));
    }
    char *copy = nima_xstrdup(nima_buf_view(&path));
    nima_buf_done(&path);
    return copy;
}

static void set_problem(struct nima_local *engine, bool chat, bool failed, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void set_problem(struct nima_local *engine, bool chat, bool failed, const char *fmt, ...)
{
    char text[sizeof(engine->state.problem)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    pthread_mutex_lock(&engine->lock);
    struct nima_llm_state *state = &engine->state;
    size_t used = strlen(state->problem);
    snprintf(state->problem + used, sizeof(state->problem) - used, "%s%s", used > 0 ? "; " : "",
             text);
    nima_str whole = nima_str_of(state->problem);
    state->problem[whole.len - nima_utf8_incomplete_tail(whole)] = '\0';
    if (failed) {
        *(chat ? &state->chat_failed : &state->embeddings_failed) = true;
    }
    pthread_mutex_unlock(&engine->lock);
}

static const char *name_of(const struct nima_local *engine, bool chat)
{
    return chat ? engine->state.chat_model : engine->state.embedding_model;
}

/* What llama.cpp would explain badly is looked at first: is it there, is it a model at all. */
static bool check_file(struct nima_local *engine, bool chat)
{
    const char *path = chat ? engine->chat_path : engine->embed_path;
    const char *name = name_of(engine, chat);
    struct stat st;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        if (errno == ENOENT || errno == ENOTDIR) {
            set_problem(engine, chat, true,
                        "the model %s is not there (%s): get it with build/nima models pull %s",
                        name, path, name);
        } else {
            set_problem(engine, chat, true, "the model file %s cannot be read: %s", path,
                        strerror(errno));
        }
        return false;
    }
    char magic[4] = "";
    bool regular = fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode);
    bool gguf = regular && fread(magic, 1, 4, file) == 4 && memcmp(magic, "GGUF", 4) == 0;
    fclose(file);
    if (!gguf || st.st_size < FILE_BYTES_MIN) {
        set_problem(engine, chat, true,
                    "%s is not a GGUF model file: remove it and run build/nima models pull %s",
                    path, name);
        return false;
    }
    return true;
}

static bool on_progress(float progress, void *engine)
{
    (void)progress;
    return !atomic_load(&((struct nima_local *)engine)->closing);
}

static struct llama_model *load_model(struct nima_local *engine, bool chat)
{
    const char *path = chat ? engine->chat_path : engine->embed_path;
    if (!check_file(engine, chat)) {
        return NULL;
    }
    struct llama_model_params params = llama_model_default_params();
    params.load_mode = LLAMA_LOAD_MODE_MMAP;
    /* No second copy of the weights in another layout: measured on x86-64 it made prompts 20 %
     * slower, loading three times slower, and cost the model's size in memory. */
    params.use_extra_bufts = false;
    params.progress_callback = on_progress;
    params.progress_callback_user_data = engine;
    nima_llm_problem_set("");
    struct llama_model *model = nima_guard_model(path, &params);
    if (model == NULL && !atomic_load(&engine->closing)) {
        set_problem(engine, chat, true,
                    "the model file %s cannot be loaded (%.200s): it is damaged or of a kind that "
                    "this version does not know; run build/nima models pull %s",
                    path, nima_llm_problem(), name_of(engine, chat));
    }
    return model;
}

static void no_context(struct nima_local *engine, bool chat, int tokens)
{
    set_problem(
        engine, chat, true,
        "there is not enough memory to run the model %s with %d tokens of context (%.200s): "
        "set llm.context_tokens lower or take a smaller model",
        name_of(engine, chat), tokens, nima_llm_problem());
}

static struct llama_context_params context_params(struct nima_local *engine, int tokens, int batch,
                                                  int seqs)
{
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = (uint32_t)tokens;
    params.n_batch = params.n_ubatch = (uint32_t)batch;
    params.n_seq_max = (uint32_t)seqs;
    params.kv_unified = true;
    params.n_threads = params.n_threads_batch = engine->threads;
    params.no_perf = true;
    return params;
}

/* The first evaluation touches every weight; better now than in somebody's first reply. */
static void warm_up(struct nima_local_chat *chat)
{
    llama_token token = llama_vocab_bos(chat->vocab);
    token = token != LLAMA_TOKEN_NULL ? token : 0;
    struct llama_batch batch = llama_batch_get_one(&token, 1);
    (void)nima_guard_decode(chat->llama, &batch);
    llama_memory_clear(llama_get_memory(chat->llama), true);
}

static bool make_chat(struct nima_local *engine, struct nima_local_chat *chat)
{
    int trained = llama_model_n_ctx_train(chat->model);
    int wanted = engine->context_wanted > 0 ? engine->context_wanted : CONTEXT_DEFAULT;
    chat->context_tokens = trained > 0 && trained < wanted ? trained : wanted;
    /* Conversations share the cells; where one alone needs few, there is room for several. */
    int cells = chat->context_tokens * NIMA_LOCAL_ACTIVE_MAX;
    cells = cells > CELLS_MAX ? CELLS_MAX : cells;
    cells = cells < chat->context_tokens ? chat->context_tokens : cells;
    struct llama_context_params params =
        context_params(engine, cells, NIMA_LOCAL_BATCH, NIMA_LOCAL_SLOTS);
    /* On a processor the fused attention costs more, the more stands before: at 2,000 tokens
     * of 1.5B it writes 12.6 tokens a second where matrices write 16.0, and evaluates 26 where they
     * do 31; at 300 they are alike, as they are at 2,000 with 5,000 of other conversations in the
     * cache, whose cells the matrices go over as well. They take 1 KiB a cell and head: 100 MB
     * for 8,192 of 1.5B. */
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.n_outputs_max = NIMA_LOCAL_SLOTS; /* llama.cpp aborts on less than its sequences */
    params.cb_eval = nima_local_on_node;
    params.cb_eval_user_data = engine;
    params.abort_callback = nima_local_on_abort;
    params.abort_callback_data = engine;
    chat->llama = nima_guard_context(chat->model, &params);
    if (chat->llama == NULL) {
        no_context(engine, true, cells);
        return false;
    }
    /* A model that only reads, as embedding models do, has no cache to write from. */
    if (llama_get_memory(chat->llama) == NULL || llama_model_has_encoder(chat->model)) {
        set_problem(engine, true, true, "%s is not a model that writes text", engine->chat_path);
        return false;
    }
    chat->vocab_count = llama_vocab_n_tokens(chat->vocab);
    chat->candidates = NIMA_XNEW(llama_token_data, (size_t)chat->vocab_count);
    chat->batch = llama_batch_init(NIMA_LOCAL_BATCH, 0, 1);
    for (int i = 0; i < NIMA_LOCAL_SLOTS; i++) {
        chat->slots[i].seq = i;
        chat->slots[i].tokens = NIMA_XNEW(llama_token, (size_t)chat->context_tokens);
    }
    nima_local_find_specials(chat);
    warm_up(chat);
    return true;
}

bool nima_local_load_chat(struct nima_local *engine)
{
    struct nima_local_chat *chat = &engine->chat;
    chat->model = load_model(engine, true);
    if (chat->model == NULL) {
        return false;
    }
    chat->vocab = llama_model_get_vocab(chat->model);
    chat->chat_template = llama_model_chat_template(chat->model, NULL);
    if (chat->chat_template == NULL || !nima_local_template_known(chat->chat_template)) {
        chat->chat_template = "chatml";
        set_problem(engine, true, false,
                    "the chat template of %s is not one that is known: ChatML is used instead",
                    engine->state.chat_model);
    }
    if (!make_chat(engine, chat)) {
        return false;
    }
    pthread_mutex_lock(&engine->lock);
    engine->chat_ready = true;
    engine->state.chat_loaded = true;
    engine->state.context_tokens = chat->context_tokens;
    engine->state.chat_parameters = (int64_t)llama_model_n_params(chat->model);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    return true;
}

bool nima_local_load_embedder(struct nima_local *engine)
{
    struct nima_local_embedder *embedder = &engine->embedder;
    embedder->model = load_model(engine, false);
    if (embedder->model == NULL) {
        return false;
    }
    embedder->vocab = llama_model_get_vocab(embedder->model);
    struct llama_context_params params =
        context_params(engine, NIMA_EMBED_BATCH, NIMA_EMBED_BATCH, NIMA_EMBED_SEQS);
    params.embeddings = true;
    embedder->llama = nima_guard_context(embedder->model, &params);
    if (embedder->llama == NULL) {
        no_context(engine, false, NIMA_EMBED_BATCH);
        return false;
    }
    enum llama_pooling_type pooling = llama_pooling_type(embedder->llama);
    if (pooling == LLAMA_POOLING_TYPE_NONE || pooling == LLAMA_POOLING_TYPE_RANK ||
        !nima_embed_fill_vocabulary(embedder)) {
        set_problem(engine, false, true, "%s is not an embedding model", engine->embed_path);
        return false;
    }
    embedder->dims = llama_model_n_embd_out(embedder->model);
    int trained = llama_model_n_ctx_train(embedder->model);
    embedder->tokens_max =
        trained > 0 && trained < NIMA_EMBED_TOKENS_MAX ? trained : NIMA_EMBED_TOKENS_MAX;
    embedder->batch = llama_batch_init(NIMA_EMBED_BATCH, 0, 1);
    pthread_mutex_lock(&engine->lock);
    engine->embed_ready = true;
    engine->state.embeddings_loaded = true;
    engine->state.embedding_dims = embedder->dims;
    pthread_mutex_unlock(&engine->lock);
    return true;
}

void nima_local_unload(struct nima_local *engine)
{
    struct nima_local_chat *chat = &engine->chat;
    struct nima_local_embedder *embedder = &engine->embedder;
    for (int i = 0; i < NIMA_LOCAL_SLOTS; i++) {
        free(chat->slots[i].tokens);
    }
    for (size_t i = 0; i < chat->special_count; i++) {
        free((char *)(uintptr_t)chat->specials[i].text.ptr);
    }
    free(chat->specials);
    free(chat->candidates);
    if (chat->batch.token != NULL) {
        llama_batch_free(chat->batch);
    }
    if (embedder->batch.token != NULL) {
        llama_batch_free(embedder->batch);
    }
    nima_wordpiece_free(embedder->wordpiece);
    llama_free(chat->llama);
    llama_free(embedder->llama);
    llama_model_free(chat->model);
    llama_model_free(embedder->model);
}
