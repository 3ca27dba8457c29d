/* What was said, found again: for a search as asked, and for a turn. */
#include "memory/hints.h"
#include "memory/memory_int.h"

enum { RECALL_BYTES_MAX = 1200, RECALL_LOOK = 6, RECALL_LIMIT_MAX = 20 };

/* With the index held for reading: what it finds is copied out of it. */
static nima_rc look(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_talk_query *query,
                    size_t k, struct nima_talk_hits *out)
{
    struct nima_vectors vectors;
    nima_str model;
    NIMA_TRY(nima_memory_embed(ctx, memory, &query->text, 1, &vectors, &model));
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_rc rc = nima_memory_talk_read(ctx, memory, person);
    if (rc == NIMA_OK) {
        bool usable = vectors.items != NULL &&
                      nima_str_eq(nima_memory_talk_model(person->talk), model) &&
                      vectors.dims == nima_memory_talk_dims(person->talk);
        query->vector = usable ? vectors.items : NULL;
        struct nima_words *words = nima_search_words_open();
        nima_memory_talk_search(ctx->arena, person->talk, words, query, k, out);
        nima_search_words_close(words);
        nima_memory_talk_read_end(person);
    }
    nima_memory_person_give(memory, person);
    return rc;
}

/* Rows in the order of the hits; what was deleted or forgotten since is left out. */
static nima_rc fetch(struct nima_ctx *ctx, struct nima_memory *memory,
                     const struct nima_talk_hits *found, struct nima_said_hits *out)
{
    nima_str *ids = NIMA_NEW(ctx->arena, nima_str, found->count);
    for (size_t i = 0; i < found->count; i++) {
        ids[i] = found->items[i].id;
    }
    struct nima_message_rows rows = {0};
    if (found->count > 0) {
        NIMA_TRY(nima_messages_get_many(ctx, memory->store, ids, found->count, &rows));
    }
    struct nima_said_hits hits = {NIMA_NEW(ctx->arena, struct nima_said_hit, rows.count), 0};
    size_t at = 0;
    for (size_t i = 0; i < rows.count; i++) {
        while (at < found->count && !nima_str_eq(ids[at], rows.items[i].id)) {
            at++;
        }
        if (at < found->count) {
            const struct nima_talk_hit *hit = &found->items[at];
            hits.items[hits.count++] = (struct nima_said_hit){.message = rows.items[i],
                                                              .score = hit->score,
                                                              .vector = hit->vector,
                                                              .keyword = hit->keyword};
        }
    }
    *out = hits;
    return NIMA_OK;
}

nima_rc nima_memory_search_said(struct nima_ctx *ctx, struct nima_memory *memory,
                                const struct nima_memory_query *query, struct nima_said_hits *out)
{
    NIMA_TRY(nima_memory_check_query(ctx, query));
    struct nima_talk_query asked = {.text = query->text};
    struct nima_talk_hits found;
    NIMA_TRY(look(ctx, memory, &asked, (size_t)query->limit, &found));
    while (found.count > 0 && found.items[found.count - 1].score < query->min_score) {
        found.count--;
    }
    return fetch(ctx, memory, &found, out);
}

/* The score orders what bears on the message; it cannot say whether anything does, since half of
 * it has nothing to do with the question. Measured in docs/memory.md. */
static bool bears_on(const struct nima_talk_hit *hit, bool by_meaning)
{
    if (!by_meaning) {
        return hit->own >= 0.4;
    }
    return hit->vector >= 0.5 || (hit->vector >= 0.3 && hit->own >= 0.25) ||
           (hit->vector >= 0.2 && hit->own >= 0.5);
}

nima_rc nima_memory_recall_said(struct nima_ctx *ctx, struct nima_memory *memory,
                                const struct nima_said_query *query, struct nima_said_hits *out)
{
    nima_str message = query->message;
    if (query->limit < 1 || query->limit > RECALL_LIMIT_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID, "limit must be 1..%d", RECALL_LIMIT_MAX);
    }
    *out = (struct nima_said_hits){0};
    if (message.ptr == NULL || nima_str_trim(message).len == 0 || !nima_utf8_valid(message) ||
        nima_memory_small_talk(message) || nima_memory_asks_overview(message)) {
        return NIMA_OK;
    }
    struct nima_talk_query asked = {.text = nima_utf8_prefix(message, RECALL_BYTES_MAX),
                                    .for_prompt = true,
                                    .conversation_id = query->conversation_id,
                                    .from_position = query->from_position};
    struct nima_talk_hits found;
    NIMA_TRY(look(ctx, memory, &asked, (size_t)query->limit * RECALL_LOOK, &found));
    size_t kept = 0;
    for (size_t i = 0; i < found.count && kept < (size_t)query->limit; i++) {
        if (bears_on(&found.items[i], asked.vector != NULL && found.items[i].has_vector)) {
            found.items[kept++] = found.items[i];
        }
    }
    found.count = kept;
    return fetch(ctx, memory, &found, out);
}
