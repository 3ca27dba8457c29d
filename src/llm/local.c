/*
 * llama.cpp in this process: the backend, and what a caller's thread does: make a job, stand in
 * line, hand pieces to on_text as they come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llm/local_int.h"
#include "util/clock.h"

enum { QUEUE_DEFAULT = 64, TICK_MS = 20, ADOPT_SLACK = 64 };

static void name_model(char out[128], nima_str name)
{
    size_t from = 0, at;
    while ((at = nima_str_find(name, NIMA_STR("/"), from)) != SIZE_MAX) {
        from = at + 1;
    }
    nima_str base = nima_str_sub(name, from, name.len);
    if (nima_str_ends(base, NIMA_STR(".gguf"))) {
        base.len -= 5;
    }
    snprintf(out, 128, NIMA_FMT, NIMA_ARG(nima_utf8_prefix(base, 127)));
}

static void *load_chat(void *user)
{
    (void)nima_local_load_chat(user);
    return NULL;
}

static void local_close(void *backend)
{
    struct nima_local *engine = backend;
    pthread_mutex_lock(&engine->lock);
    atomic_store(&engine->closing, true);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    pthread_join(engine->model_thread, NULL);
    if (engine->loader_started) {
        pthread_join(engine->loader_thread, NULL);
    }
    nima_local_unload(engine);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    free(engine->chat_path);
    free(engine->embed_path);
    free(engine->cache_dir);
    free(engine);
}

static nima_rc check_names(struct nima_ctx *ctx, const struct nima_llm_spec *spec)
{
    if ((spec->chat.ptr != NULL && spec->chat.len == 0) ||
        (spec->embeddings.ptr != NULL && spec->embeddings.len == 0)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "llm",
                               "local: needs the name or path of a model behind it");
    }
    if (spec->chat.len > 2000 || spec->embeddings.len > 2000) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "llm", "the model's path is too long");
    }
    return NIMA_OK;
}

static nima_rc local_open(struct nima_ctx *ctx, const struct nima_llm_spec *spec, void **out)
{
    NIMA_TRY(check_names(ctx, spec));
    nima_local_init_llama();
    struct nima_local *engine = NIMA_XNEW(struct nima_local, 1);
    const struct nima_llm_options *options = spec->options;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->changed, NULL);
    engine->threads = nima_local_threads(options->threads);
    engine->context_wanted = options->context_tokens;
    engine->queue_max = options->queue_max > 0 ? options->queue_max : QUEUE_DEFAULT;
    if (spec->chat.ptr != NULL) {
        engine->chat_path = nima_local_path(options->models_dir, spec->chat);
        name_model(engine->state.chat_model, spec->chat);
    }
    if (spec->embeddings.ptr != NULL) {
        engine->embed_path = nima_local_path(options->models_dir, spec->embeddings);
        name_model(engine->state.embedding_model, spec->embeddings);
    }
    if (options->cache_dir.len > 0) {
        engine->cache_dir = nima_xstrdup(options->cache_dir);
    }
    int failed = pthread_create(&engine->model_thread, NULL, nima_local_run, engine);
    nima_assert(failed == 0);
    if (engine->chat_path != NULL) {
        failed = pthread_create(&engine->loader_thread, NULL, load_chat, engine);
        nima_assert(failed == 0);
        engine->loader_started = true;
    }
    *out = engine;
    return NIMA_OK;
}

static void local_state(void *backend, struct nima_llm_state *out)
{
    struct nima_local *engine = backend;
    pthread_mutex_lock(&engine->lock);
    const struct nima_llm_state *state = &engine->state;
    if (engine->chat_path != NULL) {
        out->chat_loaded = state->chat_loaded;
        out->chat_failed = state->chat_failed;
        out->context_tokens = state->context_tokens;
        out->chat_parameters = state->chat_parameters;
        out->waiting = engine->waiting;
        memcpy(out->chat_model, state->chat_model, sizeof(out->chat_model));
    }
    if (engine->embed_path != NULL) {
        out->embeddings_loaded = state->embeddings_loaded;
        out->embeddings_failed = state->embeddings_failed;
        out->embedding_dims = state->embedding_dims;
        memcpy(out->embedding_model, state->embedding_model, sizeof(out->embedding_model));
    }
    if (state->problem[0] != '\0') {
        memcpy(out->problem, state->problem, sizeof(out->problem));
    }
    pthread_mutex_unlock(&engine->lock);
}

/* UNAVAILABLE with the reason until the model is loaded. */
static nima_rc check_ready(struct nima_ctx *ctx, struct nima_local *engine, bool chat)
{
    struct nima_llm_state state;
    pthread_mutex_lock(&engine->lock);
    state = engine->state;
    pthread_mutex_unlock(&engine->lock);
    if (chat ? state.chat_loaded : state.embeddings_loaded) {
        return NIMA_OK;
    }
    if (chat ? state.chat_failed : state.embeddings_failed) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "%s", state.problem);
    }
    nima_rc rc = nima_fail(ctx, NIMA_E_UNAVAILABLE, "the model %s is still loading",
                           chat ? state.chat_model : state.embedding_model);
    ctx->error.retry_after_s = 2;
    return rc;
}

static nima_rc fill_job(struct nima_ctx *ctx, struct nima_local *engine,
                        const struct nima_llm_request *request, struct nima_local_job *job)
{
    const struct nima_local_chat *chat = &engine->chat;
    int context = chat->context_tokens;
    int reply = request->max_tokens;
    NIMA_TRY(nima_local_prompt(ctx, chat, request, &job->tokens, &job->count));
    if (job->count >= context || reply > context - job->count) {
        return nima_fail_field(
            ctx, NIMA_E_INVALID, "messages",
            "the prompt has %d tokens; with %d for the reply that is more than the %d of %s",
            job->count, reply > 0 ? reply : 1, context, engine->state.chat_model);
    }
    job->prompt_count = job->count;
    job->max = reply > 0 ? job->count + reply : context;
    /* Tokens in the cache may spell the same text with a few more of them. */
    job->room = job->max + ADOPT_SLACK < context ? job->max + ADOPT_SLACK : context;
    llama_token *tokens = NIMA_NEW(ctx->arena, llama_token, (size_t)job->room);
    memcpy(tokens, job->tokens, (size_t)job->count * sizeof(*tokens));
    job->tokens = tokens;
    job->person = nima_str_hash(ctx->user_id);
    job->slot_key =
        request->slot_key.len > 0 ? nima_str_hash(request->slot_key) ^ (job->person << 1) ^ 1 : 0;
    job->background = request->background;
    job->cancelled = ctx->cancelled;
    job->deadline_ms = ctx->deadline_ms;
    return nima_local_sampler(ctx, chat, request, job);
}

static nima_rc stand_in_line(struct nima_ctx *ctx, struct nima_local *engine,
                             struct nima_local_job *job)
{
    pthread_mutex_lock(&engine->lock);
    bool closing = atomic_load(&engine->closing);
    bool full = engine->waiting >= engine->queue_max;
    if (!closing && !full) {
        job->arrival = ++engine->arrivals;
        job->next = engine->line;
        engine->line = job;
        job->waiting = true;
        engine->waiting++;
        pthread_cond_broadcast(&engine->changed);
    }
    pthread_mutex_unlock(&engine->lock);
    if (closing) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "the server is stopping");
    }
    if (full) {
        nima_rc rc = nima_fail(ctx, NIMA_E_BUSY, "%d conversations wait for the model already",
                               engine->queue_max);
        ctx->error.retry_after_s = 5;
        return rc;
    }
    return NIMA_OK;
}

/* Out of the line again; false: the model thread has it already, and will see that it is unwanted.
 */
static bool leave_line(struct nima_local *engine, struct nima_local_job *job)
{
    pthread_mutex_lock(&engine->lock);
    bool waiting = job->waiting;
    if (waiting) {
        struct nima_local_job **link = &engine->line;
        while (*link != job) {
            link = &(*link)->next;
        }
        *link = job->next;
        job->waiting = false;
        engine->waiting--;
    }
    pthread_mutex_unlock(&engine->lock);
    return waiting;
}

/* Waits for something new in the mailbox. With the job's lock held. */
static void wait_mail(struct nima_local_job *job, size_t said)
{
    struct timespec until = nima_mono_after(TICK_MS);
    int rc = 0;
    while (rc == 0 && !job->done && nima_llm_stream_ready(&job->stream) <= said) {
        rc = pthread_cond_timedwait(&job->changed, &job->lock, &until);
    }
}

/* Hands pieces on until the job is done. Whatever happens, the model thread is through with the job
 * when this returns. */
static nima_rc attend(struct nima_ctx *ctx, struct nima_local *engine,
                      const struct nima_llm_call *call, struct nima_local_job *job,
                      struct nima_llm_reply *reply)
{
    size_t said = 0;
    nima_rc stopped = NIMA_OK;
    for (;;) {
        pthread_mutex_lock(&job->lock);
        wait_mail(job, said);
        size_t ready = nima_llm_stream_ready(&job->stream);
        bool done = job->done;
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_str piece = {0};
        if (stopped == NIMA_OK && ready > said) {
            piece = nima_str_copy(ctx->arena,
                                  nima_str_sub(nima_buf_view(&job->stream.text), said, ready));
            said = ready;
        }
        pthread_mutex_unlock(&job->lock);
        if (piece.len > 0 && reply->first_token_ms == 0) {
            int64_t ms = nima_mono_ms() - call->started_ms;
            reply->first_token_ms = ms > 0 ? ms : 1;
        }
        if (piece.len > 0 && call->on_text != NULL) {
            stopped = call->on_text(ctx, call->user, piece);
        } else {
            nima_scratch_end(ctx, mark);
        }
        if (done) {
            return stopped;
        }
        stopped = stopped == NIMA_OK ? nima_ctx_stopped(ctx) : stopped;
        if (stopped != NIMA_OK) {
            atomic_store(&job->stop, true);
            if (leave_line(engine, job)) {
                return stopped;
            }
        }
    }
}

static nima_rc run_job(struct nima_ctx *ctx, struct nima_local *engine,
                       const struct nima_llm_call *call, struct nima_local_job *job,
                       struct nima_llm_reply *out)
{
    struct nima_llm_reply reply = {.finish = NIMA_FINISH_CANCELLED};
    NIMA_TRY(stand_in_line(ctx, engine, job));
    nima_rc rc = attend(ctx, engine, call, job, &reply);
    if (rc == NIMA_OK && job->rc != NIMA_OK) {
        rc = job->rc;
        nima_rc own = nima_ctx_stopped(ctx);
        if (own == NIMA_OK) {
            rc =
                nima_fail(ctx, rc, "%s", job->message[0] != '\0' ? job->message : nima_rc_text(rc));
        }
    }
    reply.finish = rc == NIMA_OK ? job->finish : NIMA_FINISH_CANCELLED;
    size_t ready = nima_llm_stream_ready(&job->stream);
    nima_str text = nima_buf_view(&job->stream.text);
    reply.text = nima_str_copy(ctx->arena, ready > 0 ? nima_str_sub(text, 0, ready) : NIMA_STR(""));
    reply.prompt_tokens = job->prompt_count;
    reply.cached_tokens = job->cached_count;
    reply.completion_tokens = job->completion_count;
    reply.total_ms = nima_mono_ms() - call->started_ms;
    *out = reply;
    return rc;
}

static void job_init(struct nima_local_job *job, const struct nima_llm_request *request)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    nima_llm_stream_init(&job->stream, request->stops, request->stop_count);
}

static void job_done(struct nima_local_job *job)
{
    nima_llm_stream_done(&job->stream);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
}

static nima_rc local_generate(struct nima_ctx *ctx, void *backend, const struct nima_llm_call *call,
                              struct nima_llm_reply *out)
{
    struct nima_local *engine = backend;
    NIMA_TRY(check_ready(ctx, engine, true));
    struct nima_local_job job = {0};
    nima_rc rc = fill_job(ctx, engine, call->request, &job);
    if (rc == NIMA_OK) {
        job_init(&job, call->request);
        rc = run_job(ctx, engine, call, &job, out);
        job_done(&job);
    }
    nima_local_sampler_done(&job);
    return rc;
}

static nima_rc run_keep(struct nima_ctx *ctx, struct nima_local *engine, struct nima_local_job *job)
{
    struct nima_llm_request request = {0};
    struct nima_llm_call call = {.request = &request, .started_ms = nima_mono_ms()};
    struct nima_llm_reply ignored;
    return run_job(ctx, engine, &call, job, &ignored);
}

static nima_rc local_keep(struct nima_ctx *ctx, void *backend,
                          const struct nima_llm_request *request, int *evaluated_out)
{
    struct nima_local *engine = backend;
    NIMA_TRY(check_ready(ctx, engine, true));
    struct nima_local_job job = {0};
    nima_rc rc = fill_job(ctx, engine, request, &job);
    if (rc == NIMA_OK) {
        job_init(&job, request);
        rc = nima_local_keep(ctx, engine, &job, run_keep);
        *evaluated_out = job.prompt_count - job.cached_count;
        job_done(&job);
    }
    nima_local_sampler_done(&job);
    return rc;
}

static nima_rc local_count_tokens(struct nima_ctx *ctx, void *backend, nima_str text, int *out)
{
    struct nima_local *engine = backend;
    NIMA_TRY(check_ready(ctx, engine, true));
    struct nima_arena_mark mark = nima_scratch(ctx);
    llama_token *tokens;
    NIMA_TRY(nima_local_tokenize(ctx, engine->chat.vocab, text, &tokens, out));
    nima_scratch_end(ctx, mark);
    return NIMA_OK;
}

static nima_rc local_count_prompt(struct nima_ctx *ctx, void *backend,
                                  const struct nima_llm_request *request, int *out)
{
    struct nima_local *engine = backend;
    NIMA_TRY(check_ready(ctx, engine, true));
    struct nima_arena_mark mark = nima_scratch(ctx);
    llama_token *tokens;
    NIMA_TRY(nima_local_prompt(ctx, &engine->chat, request, &tokens, out));
    nima_scratch_end(ctx, mark);
    return NIMA_OK;
}

static nima_rc local_embed(struct nima_ctx *ctx, void *backend, const nima_str *texts, size_t count,
                           struct nima_vectors *out)
{
    struct nima_local *engine = backend;
    NIMA_TRY(check_ready(ctx, engine, false));
    return nima_local_embed(ctx, engine, texts, count, out);
}

const struct nima_llm_ops nima_llm_local = {
    .scheme = "local:",
    .open = local_open,
    .close = local_close,
    .state = local_state,
    .generate = local_generate,
    .keep = local_keep,
    .count_tokens = local_count_tokens,
    .count_prompt = local_count_prompt,
    .embed = local_embed,
};
