/*
 * The model thread: takes jobs from the line, evaluates up to NIMA_LOCAL_ACTIVE_MAX of them
 * together (the last token of those that write, pieces of the prompts of those that begin), hands
 * on what they write, and embeds texts between two steps.
 *
 * A large step is interrupted between two layers of the model when a text waits to be embedded, so
 * that a search waits for one layer of somebody's long prompt and not for all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "llm/local_int.h"
#include "util/clock.h"

enum {
    STEP_MS = 250,         /* how long a step may take while others wait for their next token */
    STEP_ALONE_MS = 1000,  /* and while nobody does */
    CHUNK_MIN = 32,        /* tokens; less does not use the processor well */
    INTERRUPTIBLE_MIN = 8, /* tokens of a step that is worth interrupting */
};

static bool job_stopped(const struct nima_local_job *job, nima_rc *why)
{
    if (atomic_load_explicit(&job->stop, memory_order_relaxed) ||
        (job->cancelled != NULL && atomic_load_explicit(job->cancelled, memory_order_relaxed))) {
        *why = NIMA_E_CANCELLED;
        return true;
    }
    if (job->deadline_ms != 0 && nima_mono_ms() > job->deadline_ms) {
        *why = NIMA_E_TIMEOUT;
        return true;
    }
    return false;
}

/* The last touch: the job is its caller's again once this returns. */
static void finish(struct nima_local *engine, struct nima_local_job *job, nima_rc rc,
                   enum nima_llm_finish how, const char *message)
{
    for (int i = 0; i < engine->active_count; i++) {
        if (engine->active[i] == job) {
            engine->active[i] = engine->active[--engine->active_count];
            break;
        }
    }
    nima_local_slot_release(engine, job);
    engine->crowded = false;
    pthread_mutex_lock(&job->lock);
    if (rc == NIMA_OK) {
        nima_llm_stream_end(&job->stream);
    }
    job->rc = rc;
    job->finish = how;
    snprintf(job->message, sizeof(job->message), "%s", message);
    job->done = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

static void finish_stopped(struct nima_local *engine)
{
    for (int i = engine->active_count - 1; i >= 0; i--) {
        nima_rc why;
        if (job_stopped(engine->active[i], &why)) {
            finish(engine, engine->active[i], why, NIMA_FINISH_CANCELLED, "");
        }
    }
}

/* True: the job goes on. */
static bool take_token(struct nima_local *engine, struct nima_local_job *job, llama_token token)
{
    if (job->keep) {
        nima_local_prefix_take(engine, job);
        finish(engine, job, NIMA_OK, NIMA_FINISH_STOP, "");
        return false;
    }
    const struct llama_vocab *vocab = engine->chat.vocab;
    pthread_mutex_lock(&job->lock);
    job->completion_count++;
    bool stopped = false;
    if (!llama_vocab_is_eog(vocab, token)) {
        char piece[256];
        int len = llama_token_to_piece(vocab, token, piece, sizeof(piece), 0, false);
        nima_llm_stream_add(&job->stream, (nima_str){piece, len > 0 ? (size_t)len : 0});
        stopped = job->stream.stopped;
        pthread_cond_signal(&job->changed);
    }
    pthread_mutex_unlock(&job->lock);
    if (stopped || llama_vocab_is_eog(vocab, token)) {
        finish(engine, job, NIMA_OK, NIMA_FINISH_STOP, "");
        return false;
    }
    job->tokens[job->count++] = token;
    if (job->count >= job->max) {
        finish(engine, job, NIMA_OK, NIMA_FINISH_LENGTH, "");
        return false;
    }
    return true;
}

static void add_tokens(struct llama_batch *batch, struct nima_local_job *job, int count)
{
    struct nima_local_slot *slot = job->slot;
    for (int i = 0; i < count; i++) {
        int n = batch->n_tokens++;
        batch->token[n] = job->tokens[slot->count + i];
        batch->pos[n] = slot->count + i;
        batch->n_seq_id[n] = 1;
        batch->seq_id[n][0] = slot->seq;
        batch->logits[n] = 0;
    }
    job->in_batch = count;
    if (slot->count + count == job->count) {
        job->output = batch->n_tokens - 1;
        batch->logits[job->output] = 1;
    }
}

/* Prompt tokens for one step: no more than the others' patience, or than somebody who comes now
 * should wait. Larger steps are hardly faster: measured on 1.5B, 16 tokens at once are evaluated at
 * 16 tokens/s a core, 32 at 21, 64 at 25, 256 at 27. */
static int prompt_budget(const struct nima_local *engine, int jobs)
{
    int room = NIMA_LOCAL_BATCH - jobs;
    if (engine->pace.threads == 0 || engine->prompt_tokens_per_ms <= 0) {
        return CHUNK_MIN; /* a short step first, to see how the machine is */
    }
    int fair = (int)(engine->prompt_tokens_per_ms * (jobs == 1 ? STEP_ALONE_MS : STEP_MS));
    fair = fair < CHUNK_MIN ? CHUNK_MIN : fair;
    return fair < room ? fair : room;
}

/* Those that write give one token each; then prompts, the first that came first. Background jobs
 * stand still while somebody waits. Returns how many prompt tokens are in it. */
static int fill_batch(struct nima_local *engine, int most)
{
    struct llama_batch *batch = &engine->chat.batch;
    bool interactive = false;
    int runnable = 0;
    for (int i = 0; i < engine->active_count; i++) {
        interactive = interactive || !engine->active[i]->background;
    }
    batch->n_tokens = 0;
    struct nima_local_job *prompts[NIMA_LOCAL_ACTIVE_MAX];
    int prompt_jobs = 0;
    for (int i = 0; i < engine->active_count; i++) {
        struct nima_local_job *job = engine->active[i];
        job->in_batch = 0;
        job->output = -1;
        if (interactive && job->background) {
            continue;
        }
        runnable++;
        if (job->count - job->slot->count == 1) {
            add_tokens(batch, job, 1);
        } else {
            int at = prompt_jobs++;
            for (; at > 0 && prompts[at - 1]->arrival > job->arrival; at--) {
                prompts[at] = prompts[at - 1];
            }
            prompts[at] = job;
        }
    }
    int left = prompt_budget(engine, runnable);
    left = left < most ? left : most;
    int given = 0;
    for (int i = 0; i < prompt_jobs && left > 0; i++) {
        int lacks = prompts[i]->count - prompts[i]->slot->count;
        int count = lacks < left ? lacks : left;
        add_tokens(batch, prompts[i], count);
        left -= count;
        given += count;
    }
    return given;
}

static void fail_step(struct nima_local *engine, const char *reason)
{
    char message[256];
    snprintf(message, sizeof(message), "the model could not evaluate this: %.200s", reason);
    for (int i = engine->active_count - 1; i >= 0; i--) {
        struct nima_local_job *job = engine->active[i];
        if (job->in_batch > 0) {
            nima_local_slot_clear(engine, job->slot);
            finish(engine, job, NIMA_E_MODEL, NIMA_FINISH_CANCELLED, message);
        }
    }
}

/* Back into the line: what the job has written stays, and is evaluated again later unless its slot
 * still holds it then. With the engine's lock held. */
static void put_back(struct nima_local *engine, int index)
{
    struct nima_local_job *job = engine->active[index];
    engine->active[index] = engine->active[--engine->active_count];
    nima_local_slot_release(engine, job);
    job->next = engine->line;
    engine->line = job;
    job->waiting = true;
    engine->waiting++;
}

/* The job that came last gives its cells back. */
static bool put_back_last(struct nima_local *engine)
{
    int last = -1;
    for (int i = 0; i < engine->active_count; i++) {
        if (last < 0 || engine->active[i]->background > engine->active[last]->background ||
            (engine->active[i]->background == engine->active[last]->background &&
             engine->active[i]->arrival > engine->active[last]->arrival)) {
            last = i;
        }
    }
    if (engine->active_count < 2) {
        return false;
    }
    nima_local_slot_clear(engine, engine->active[last]->slot);
    engine->crowded = true;
    pthread_mutex_lock(&engine->lock);
    put_back(engine, last);
    pthread_mutex_unlock(&engine->lock);
    return true;
}

/* Decodes; when the cache is full, room is made and the step is tried again. */
static int decode(struct nima_local *engine, int *prompt_tokens)
{
    int most = NIMA_LOCAL_BATCH;
    for (;;) {
        *prompt_tokens = fill_batch(engine, most);
        if (engine->chat.batch.n_tokens == 0) {
            return 2;
        }
        engine->step_started_us = nima_mono_us();
        engine->step_embed_us = 0;
        engine->in_chat_step = engine->chat.batch.n_tokens >= INTERRUPTIBLE_MIN;
        engine->step_abortable = true;
        nima_llm_problem_set("");
        nima_local_pace_begin(engine);
        int rc = nima_guard_decode(engine->chat.llama, &engine->chat.batch);
        nima_local_pace_end(engine);
        engine->in_chat_step = engine->step_abortable = false;
        if (rc != 1) {
            return rc;
        }
        if (!nima_local_slot_evict(engine) && !put_back_last(engine)) {
            if (most <= CHUNK_MIN) {
                nima_llm_problem_set("the context is full");
                return -1;
            }
            most /= 2;
        }
    }
}

static void measure(struct nima_local *engine, int prompt_tokens)
{
    int64_t us = nima_mono_us() - engine->step_started_us - engine->step_embed_us;
    if (prompt_tokens >= CHUNK_MIN && us > 0) {
        double now = prompt_tokens * 1000.0 / (double)us;
        double before = engine->prompt_tokens_per_ms;
        engine->prompt_tokens_per_ms = before > 0 ? before * 0.7 + now * 0.3 : now;
    }
}

/* Beginnings whose state was on disk need no step. */
static void finish_loaded(struct nima_local *engine)
{
    for (int i = engine->active_count - 1; i >= 0; i--) {
        struct nima_local_job *job = engine->active[i];
        if (job->keep && nima_local_prefix_load(engine, job)) {
            job->slot->kept = true;
            finish(engine, job, NIMA_OK, NIMA_FINISH_STOP, "");
        }
    }
}

static void step(struct nima_local *engine)
{
    finish_stopped(engine);
    finish_loaded(engine);
    if (engine->active_count == 0) {
        return;
    }
    int prompt_tokens;
    int rc = decode(engine, &prompt_tokens);
    if (rc == 2) {
        return; /* aborted because nobody wants it: the stopped are seen in the next round */
    }
    if (rc != 0) {
        fail_step(engine, nima_llm_problem());
        return;
    }
    measure(engine, prompt_tokens);
    for (int i = engine->active_count - 1; i >= 0; i--) {
        struct nima_local_job *job = engine->active[i];
        struct nima_local_slot *slot = job->slot;
        memcpy(slot->tokens + slot->count, job->tokens + slot->count,
               (size_t)job->in_batch * sizeof(*slot->tokens));
        slot->count += job->in_batch;
        nima_rc why;
        llama_token token;
        if (job->output < 0 || job_stopped(job, &why)) {
            continue;
        }
        if (!nima_local_sample(&engine->chat, job, &token)) {
            finish(engine, job, NIMA_E_MODEL, NIMA_FINISH_CANCELLED, nima_llm_problem());
        } else {
            (void)take_token(engine, job, token);
        }
    }
}

/* Called by llama.cpp while it computes a step: first whether a node's result is wanted (then it
 * stops behind it), then with the result. Between two layers, texts that wait are embedded: short
 * ones at once, many of them in turns with the step. */
bool nima_local_on_node(struct ggml_tensor *tensor, bool ask, void *user)
{
    struct nima_local *engine = user;
    if (!engine->in_chat_step) {
        return !ask;
    }
    if (ask) {
        return engine->embedder.llama != NULL && strncmp(tensor->name, "l_out", 5) == 0;
    }
    if (atomic_load(&engine->embed_pending)) {
        int64_t started = nima_mono_us();
        if (engine->step_embed_us * 2 <= started - engine->step_started_us) {
            nima_embed_step(engine);
            engine->step_embed_us += nima_mono_us() - started;
        }
    }
    return true;
}

/* A step is given up when nobody in it wants it any more. Asked by every compute thread. */
bool nima_local_on_abort(void *user)
{
    struct nima_local *engine = user;
    if (atomic_load_explicit(&engine->closing, memory_order_relaxed)) {
        return true;
    }
    if (!engine->step_abortable) {
        return false;
    }
    for (int i = 0; i < engine->active_count; i++) {
        const struct nima_local_job *job = engine->active[i];
        if (job->in_batch > 0 && !atomic_load_explicit(&job->stop, memory_order_relaxed) &&
            (job->cancelled == NULL ||
             !atomic_load_explicit(job->cancelled, memory_order_relaxed))) {
            return false;
        }
    }
    return true;
}

/* Who comes next: interactive before background, then whose person was served longest ago, then
 * who came first. With the engine's lock held. */
static struct nima_local_job **next_in_line(struct nima_local *engine)
{
    struct nima_local_job **best = NULL;
    for (struct nima_local_job **at = &engine->line; *at != NULL; at = &(*at)->next) {
        if (best == NULL) {
            best = at;
            continue;
        }
        uint64_t served = engine->served[(*at)->person % 256];
        uint64_t best_served = engine->served[(*best)->person % 256];
        if ((*at)->background != (*best)->background) {
            best = (*best)->background ? at : best;
        } else if (served != best_served ? served < best_served
                                         : (*at)->arrival < (*best)->arrival) {
            best = at;
        }
    }
    return best;
}

static int find_background(const struct nima_local *engine)
{
    for (int i = 0; i < engine->active_count; i++) {
        if (engine->active[i]->background) {
            return i;
        }
    }
    return -1;
}

/* With the engine's lock held. */
static void admit(struct nima_local *engine)
{
    engine->chat_taken = engine->chat_ready;
    struct nima_local_job **link;
    while (engine->chat_ready && (link = next_in_line(engine)) != NULL) {
        struct nima_local_job *job = *link;
        int background = find_background(engine);
        bool full = engine->active_count == NIMA_LOCAL_ACTIVE_MAX;
        if (engine->crowded && engine->active_count > 0) {
            return;
        }
        if (job->background ? full || (engine->active_count > 0 && background < 0)
                            : full && background < 0) {
            return;
        }
        *link = job->next;
        job->waiting = false;
        engine->waiting--;
        if (full) {
            put_back(engine, background);
        }
        engine->served[job->person % 256] = ++engine->clock;
        /* There are more slots than jobs at once. */
        bool taken = nima_local_slot_take(engine, job);
        nima_assert(taken);
        engine->active[engine->active_count++] = job;
    }
}

/* Waits until there is something to do; false: closing. */
static bool wait_for_work(struct nima_local *engine)
{
    pthread_mutex_lock(&engine->lock);
    while (!atomic_load(&engine->closing) && engine->active_count == 0 &&
           engine->embed_line == NULL && (engine->line == NULL || !engine->chat_ready)) {
        pthread_cond_wait(&engine->changed, &engine->lock);
    }
    admit(engine);
    pthread_mutex_unlock(&engine->lock);
    return !atomic_load(&engine->closing);
}

static void fail_everybody(struct nima_local *engine)
{
    static const char why[] = "the server is stopping";
    while (engine->active_count > 0) {
        finish(engine, engine->active[0], NIMA_E_CANCELLED, NIMA_FINISH_CANCELLED, why);
    }
    pthread_mutex_lock(&engine->lock);
    struct nima_local_job *job = engine->line;
    engine->line = NULL;
    engine->waiting = 0;
    for (struct nima_local_job *at = job; at != NULL; at = at->next) {
        at->waiting = false;
    }
    pthread_mutex_unlock(&engine->lock);
    while (job != NULL) {
        struct nima_local_job *next = job->next;
        finish(engine, job, NIMA_E_CANCELLED, NIMA_FINISH_CANCELLED, why);
        job = next;
    }
    nima_embed_fail_all(engine, NIMA_E_CANCELLED, why);
}

void *nima_local_run(void *user)
{
    struct nima_local *engine = user;
    if (engine->embed_path != NULL) {
        (void)nima_local_load_embedder(engine);
    }
    while (wait_for_work(engine)) {
        if (atomic_load(&engine->embed_pending)) {
            nima_local_pace_begin(engine);
            nima_embed_step(engine);
            nima_local_pace_end(engine);
        }
        step(engine);
    }
    fail_everybody(engine);
    return NULL;
}
