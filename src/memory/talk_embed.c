#include "memory/memory_int.h"
#include "util/clock.h"

enum {
    LOOK_MAX = 512,  /* messages stored in one transaction */
    BATCH = 16,      /* texts handed to the model at once */
    STORE_MS = 2000, /* what is done by then is stored */
};

void nima_memory_embedder_init(struct nima_talk_embedder *embedder)
{
    pthread_mutex_init(&embedder->lock, NULL);
    pthread_cond_init(&embedder->changed, NULL);
    embedder->running = embedder->woken = false;
    atomic_init(&embedder->stop, false);
}

void nima_memory_embedder_done(struct nima_talk_embedder *embedder)
{
    pthread_mutex_lock(&embedder->lock);
    atomic_store(&embedder->stop, true);
    bool running = embedder->running;
    pthread_cond_signal(&embedder->changed);
    pthread_mutex_unlock(&embedder->lock);
    if (running) {
        pthread_join(embedder->thread, NULL);
    }
    pthread_cond_destroy(&embedder->changed);
    pthread_mutex_destroy(&embedder->lock);
}

/* What of a message is embedded: with the speaker, whom a question may name. */
static nima_str text_of(struct nima_ctx *ctx, const struct nima_message_waiting *message)
{
    return message->name.len > 0 ? nima_fmt(ctx, NIMA_FMT ": " NIMA_FMT, NIMA_ARG(message->name),
                                            NIMA_ARG(message->content))
                                 : message->content;
}

struct work {
    struct nima_messages_waiting list;
    float *vectors; /* of the first `done` of them */
    size_t done, dims;
    nima_str model;
};

/* As many as are done by STORE_MS; fewer when no model can do it now. */
static nima_rc embed(struct nima_ctx *ctx, struct nima_memory *memory, struct work *work)
{
    int64_t began_ms = nima_mono_ms();
    while (work->done < work->list.count && nima_mono_ms() - began_ms < STORE_MS) {
        nima_str texts[BATCH];
        size_t left = work->list.count - work->done, some = left < BATCH ? left : BATCH;
        for (size_t i = 0; i < some; i++) {
            texts[i] = text_of(ctx, &work->list.items[work->done + i]);
        }
        struct nima_vectors got;
        nima_str model;
        NIMA_TRY(nima_memory_embed(ctx, memory, texts, some, &got, &model));
        bool other = work->done > 0 && (got.dims != work->dims || !nima_str_eq(model, work->model));
        if (got.items == NULL || other) {
            break;
        }
        if (work->vectors == NULL) {
            work->vectors =
                nima_alloc_array(ctx->arena, work->list.count * got.dims, sizeof(float));
        }
        work->dims = got.dims;
        work->model = model;
        for (size_t i = 0; i < some * got.dims; i++) {
            work->vectors[work->done * got.dims + i] = got.items[i];
        }
        work->done += some;
    }
    return NIMA_OK;
}

/* Those of one person stand together. */
static nima_rc store(struct nima_ctx *ctx, struct nima_memory *memory, const struct work *work)
{
    size_t first = 0;
    while (first < work->done) {
        const struct nima_message_waiting *items = work->list.items + first;
        size_t some = 1;
        while (first + some < work->done && nima_str_eq(items[some].user_id, items[0].user_id)) {
            some++;
        }
        ctx->user_id = items[0].user_id;
        NIMA_TRY(nima_messages_set_embeddings(ctx, memory->store, items, some, work->model,
                                              work->vectors + first * work->dims, work->dims));
        first += some;
    }
    return NIMA_OK;
}

/* False when there is nothing to do, or nothing can be done now. */
static bool go_on(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_llm_state state;
    struct work work = {.model = nima_str_copy(ctx->arena, nima_memory_model(memory, &state))};
    if (work.model.ptr == NULL ||
        nima_messages_waiting(ctx, memory->store, work.model, LOOK_MAX, &work.list) != NIMA_OK ||
        embed(ctx, memory, &work) != NIMA_OK) {
        return false;
    }
    return work.done > 0 && store(ctx, memory, &work) == NIMA_OK;
}

static bool wait_for_work(struct nima_talk_embedder *embedder)
{
    pthread_mutex_lock(&embedder->lock);
    while (!embedder->woken && !atomic_load(&embedder->stop)) {
        pthread_cond_wait(&embedder->changed, &embedder->lock);
    }
    embedder->woken = false;
    pthread_mutex_unlock(&embedder->lock);
    return !atomic_load(&embedder->stop);
}

static void *run(void *arg)
{
    struct nima_memory *memory = arg;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ctx.cancelled = &memory->embedder.stop;
    while (wait_for_work(&memory->embedder)) {
        while (!atomic_load(&memory->embedder.stop) && go_on(&ctx, memory)) {
            nima_ctx_reset(&ctx);
            ctx.cancelled = &memory->embedder.stop;
        }
        nima_ctx_reset(&ctx);
        ctx.cancelled = &memory->embedder.stop;
    }
    nima_ctx_done(&ctx);
    return NULL;
}

void nima_memory_embedder_wake(struct nima_memory *memory)
{
    struct nima_talk_embedder *embedder = &memory->embedder;
    pthread_mutex_lock(&embedder->lock);
    if (!embedder->running && memory->llm != NULL) {
        embedder->running = pthread_create(&embedder->thread, NULL, run, memory) == 0;
    }
    embedder->woken = true;
    pthread_cond_signal(&embedder->changed);
    pthread_mutex_unlock(&embedder->lock);
}
