#include "memory/undo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/uuid.h"

struct kept {
    char token[NIMA_UNDO_TOKEN_CHARS + 1];
    char *user_id, *id, *fact, *category, *source, *metadata, *conversation_id, *message_id;
    double confidence;
    int64_t created_at, updated_at;
    int64_t until_ms; /* monotonic; 0: the place is free */
};

struct nima_undo {
    pthread_mutex_t lock; /* guards what follows */
    struct kept items[NIMA_UNDO_MAX];
};

struct nima_undo *nima_memory_undo_new(void)
{
    struct nima_undo *undo = NIMA_XNEW(struct nima_undo, 1);
    pthread_mutex_init(&undo->lock, NULL);
    return undo;
}

/* What is given up is overwritten: it was asked to be forgotten. */
static void wipe(char **text)
{
    if (*text != NULL) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

static void let_go(struct kept *k)
{
    char **const texts[] = {&k->user_id,         &k->id,        &k->fact,
                            &k->category,        &k->source,    &k->metadata,
                            &k->conversation_id, &k->message_id};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        wipe(texts[i]);
    }
    *k = (struct kept){0};
}

void nima_memory_undo_free(struct nima_undo *undo)
{
    if (undo == NULL) {
        return;
    }
    for (size_t i = 0; i < NIMA_UNDO_MAX; i++) {
        let_go(&undo->items[i]);
    }
    pthread_mutex_destroy(&undo->lock);
    free(undo);
}

static char *copied(nima_str s)
{
    return s.ptr != NULL ? nima_xstrdup(s) : NULL;
}

static void make_token(char out[NIMA_UNDO_TOKEN_CHARS + 1])
{
    unsigned char bytes[NIMA_UNDO_TOKEN_CHARS / 2];
    nima_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

nima_str nima_memory_undo_keep(struct nima_ctx *ctx, struct nima_undo *undo,
                               const struct nima_fact *fact)
{
    pthread_mutex_lock(&undo->lock);
    struct kept *place = &undo->items[0];
    for (size_t i = 0; i < NIMA_UNDO_MAX; i++) {
        place = undo->items[i].until_ms < place->until_ms ? &undo->items[i] : place;
    }
    let_go(place);
    make_token(place->token);
    place->user_id = copied(ctx->user_id);
    place->id = copied(fact->id);
    place->fact = copied(fact->fact);
    place->category = copied(fact->category);
    place->source = copied(fact->source);
    place->metadata = copied(fact->metadata);
    place->conversation_id = copied(fact->conversation_id);
    place->message_id = copied(fact->message_id);
    place->confidence = fact->confidence;
    place->created_at = fact->created_at;
    place->updated_at = fact->updated_at;
    place->until_ms = nima_mono_ms() + NIMA_UNDO_MS;
    nima_str token = nima_str_copy(ctx->arena, nima_str_of(place->token));
    pthread_mutex_unlock(&undo->lock);
    return token;
}

static nima_str lent(struct nima_ctx *ctx, const char *text)
{
    return text != NULL ? nima_str_copy(ctx->arena, nima_str_of(text)) : (nima_str){0};
}

bool nima_memory_undo_take(struct nima_ctx *ctx, struct nima_undo *undo, nima_str token,
                           nima_str fact_id, struct nima_fact *out)
{
    bool found = false;
    int64_t now = nima_mono_ms();
    pthread_mutex_lock(&undo->lock);
    for (size_t i = 0; i < NIMA_UNDO_MAX && !found; i++) {
        struct kept *k = &undo->items[i];
        found = k->until_ms > now && nima_str_eq(nima_str_of(k->user_id), ctx->user_id) &&
                (token.ptr != NULL ? nima_str_eq(nima_str_of(k->token), token)
                                   : nima_str_eq(nima_str_of(k->id), fact_id));
        if (found) {
            *out = (struct nima_fact){.id = lent(ctx, k->id),
                                      .fact = lent(ctx, k->fact),
                                      .category = lent(ctx, k->category),
                                      .source = lent(ctx, k->source),
                                      .metadata = lent(ctx, k->metadata),
                                      .conversation_id = lent(ctx, k->conversation_id),
                                      .message_id = lent(ctx, k->message_id),
                                      .confidence = k->confidence,
                                      .created_at = k->created_at,
                                      .updated_at = k->updated_at};
            let_go(k);
        }
    }
    pthread_mutex_unlock(&undo->lock);
    return found;
}

void nima_memory_undo_drop(struct nima_undo *undo, nima_str user_id)
{
    pthread_mutex_lock(&undo->lock);
    for (size_t i = 0; i < NIMA_UNDO_MAX; i++) {
        if (undo->items[i].until_ms != 0 &&
            nima_str_eq(nima_str_of(undo->items[i].user_id), user_id)) {
            let_go(&undo->items[i]);
        }
    }
    pthread_mutex_unlock(&undo->lock);
}

void nima_memory_undo_sweep(struct nima_undo *undo)
{
    int64_t now = nima_mono_ms();
    pthread_mutex_lock(&undo->lock);
    for (size_t i = 0; i < NIMA_UNDO_MAX; i++) {
        if (undo->items[i].until_ms != 0 && undo->items[i].until_ms <= now) {
            let_go(&undo->items[i]);
        }
    }
    pthread_mutex_unlock(&undo->lock);
}
