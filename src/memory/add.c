/* Facts in: checked, embedded, stored, and only then in the index. */
#include <math.h>
#include <stdio.h>

#include "memory/learner.h"
#include "memory/memory_int.h"
#include "memory/profile.h"
#include "memory/undo.h"
#include "util/json.h"
#include "util/uuid.h"

enum { METADATA_BYTES_MAX = 16 * 1024, PATH_CHARS = 48 };

static nima_rc bad(struct nima_ctx *ctx, const char *prefix, const char *field, const char *why)
{
    char path[PATH_CHARS];
    snprintf(path, sizeof(path), "%s%s", prefix, field);
    return nima_fail_field(ctx, NIMA_E_INVALID, path, "%s %s", path, why);
}

static nima_rc check_text(struct nima_ctx *ctx, const char *prefix, const char *field,
                          nima_str text, size_t chars_max)
{
    char why[PATH_CHARS];
    if (text.ptr == NULL || text.len == 0) {
        return bad(ctx, prefix, field, "is required");
    }
    if (!nima_utf8_valid(text)) {
        return bad(ctx, prefix, field, "must be valid UTF-8 without NUL");
    }
    if (nima_utf8_blank(text)) {
        return bad(ctx, prefix, field, "must not be blank");
    }
    if (nima_utf8_count(text) > chars_max) {
        snprintf(why, sizeof(why), "must have at most %zu characters", chars_max);
        return bad(ctx, prefix, field, why);
    }
    return NIMA_OK;
}

static nima_rc check_metadata(struct nima_ctx *ctx, const char *prefix, nima_str text)
{
    if (text.len > METADATA_BYTES_MAX) {
        return bad(ctx, prefix, "metadata", "must have at most 16384 bytes");
    }
    const struct nima_json *tree = NULL;
    if (nima_json_parse(ctx, text, &tree) != NIMA_OK || nima_json_kind(tree) != NIMA_JSON_OBJECT) {
        return bad(ctx, prefix, "metadata", "must be a JSON object");
    }
    return NIMA_OK;
}

nima_rc nima_memory_check_fact(struct nima_ctx *ctx, const char *prefix, struct nima_fact *fact)
{
    NIMA_TRY(check_text(ctx, prefix, "fact", fact->fact, NIMA_FACT_CHARS_MAX));
    NIMA_TRY(check_text(ctx, prefix, "category", fact->category, NIMA_CATEGORY_CHARS_MAX));
    if (!nima_str_eq(fact->source, NIMA_STR("conversation")) &&
        !nima_str_eq(fact->source, NIMA_STR("explicit")) &&
        !nima_str_eq(fact->source, NIMA_STR("inferred"))) {
        return bad(ctx, prefix, "source", "must be conversation, explicit or inferred");
    }
    if (!(fact->confidence >= 0 && fact->confidence <= 1)) { /* NaN falls through both */
        return bad(ctx, prefix, "confidence", "must be a number from 0 to 1");
    }
    if (fact->metadata.ptr == NULL) {
        fact->metadata = NIMA_STR("{}");
    }
    return check_metadata(ctx, prefix, fact->metadata);
}

static void stamp(struct nima_ctx *ctx, struct nima_fact *fact)
{
    fact->id = nima_uuid_new(ctx);
    fact->created_at = nima_ctx_now(ctx);
    fact->updated_at = fact->created_at;
    fact->status = NIMA_STR("active");
    fact->superseded_by = (nima_str){0};
}

/* What the store gave back, with the vector we know: rows come without. */
static struct nima_delta delta_of(struct nima_ctx *ctx, const struct nima_fact *given,
                                  const struct nima_fact *stored, bool created)
{
    struct nima_fact *row = NIMA_NEW(ctx->arena, struct nima_fact, 1);
    *row = *stored;
    row->embedding = given->embedding;
    row->dims = given->dims;
    row->embedding_model = given->embedding_model;
    return (struct nima_delta){created ? NIMA_DELTA_PUT : NIMA_DELTA_TOUCH, row};
}

nima_rc nima_memory_store_facts(struct nima_ctx *ctx, struct nima_memory *memory,
                                struct nima_fact *facts, size_t count, struct nima_fact *out,
                                bool *created)
{
    for (size_t i = 0; i < count; i++) {
        stamp(ctx, &facts[i]);
    }
    int64_t change = 0;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person);
    nima_rc rc = count == 1
                     ? nima_facts_put(ctx, memory->store, facts, out, created, &change)
                     : nima_facts_put_many(ctx, memory->store, facts, count, out, created, &change);
    if (rc == NIMA_OK) {
        struct nima_delta *deltas = NIMA_NEW(ctx->arena, struct nima_delta, count);
        for (size_t i = 0; i < count; i++) {
            deltas[i] = delta_of(ctx, &facts[i], &out[i], created[i]);
        }
        nima_memory_person_apply(person, change, deltas, count);
    }
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    return rc;
}

nima_rc nima_memory_add(struct nima_ctx *ctx, struct nima_memory *memory,
                        const struct nima_fact *fact, struct nima_fact *out, bool *created_out)
{
    struct nima_fact checked = *fact;
    NIMA_TRY(nima_memory_check_fact(ctx, "", &checked));
    NIMA_TRY(nima_memory_embed_facts(ctx, memory, &checked, 1));
    return nima_memory_store_facts(ctx, memory, &checked, 1, out, created_out);
}

nima_rc nima_memory_add_many(struct nima_ctx *ctx, struct nima_memory *memory,
                             const struct nima_fact *facts, size_t count, struct nima_fact *out,
                             bool *created)
{
    if (count < 1 || count > NIMA_BATCH_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID, "a batch holds 1..%d facts", NIMA_BATCH_MAX);
    }
    struct nima_fact *checked = NIMA_NEW(ctx->arena, struct nima_fact, count);
    for (size_t i = 0; i < count; i++) {
        char prefix[PATH_CHARS / 2];
        snprintf(prefix, sizeof(prefix), "[%zu].", i);
        checked[i] = facts[i];
        NIMA_TRY(nima_memory_check_fact(ctx, prefix, &checked[i]));
    }
    NIMA_TRY(nima_memory_embed_facts(ctx, memory, checked, count));
    return nima_memory_store_facts(ctx, memory, checked, count, out, created);
}

nima_rc nima_memory_put_seen(struct nima_ctx *ctx, struct nima_memory *memory, int64_t seen,
                             nima_str old_id, const struct nima_fact *fact, struct nima_fact *out,
                             bool *created)
{
    struct nima_fact stamped = *fact;
    bool replaces = old_id.ptr != NULL;
    int64_t change = 0;
    stamp(ctx, &stamped);
    *created = true;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person);
    nima_rc rc =
        replaces
            ? nima_facts_supersede_seen(ctx, memory->store, seen, old_id, &stamped, out, &change)
            : nima_facts_put_seen(ctx, memory->store, seen, &stamped, out, created, &change);
    if (rc == NIMA_OK) {
        struct nima_fact old = {.id = old_id};
        struct nima_delta deltas[2] = {{NIMA_DELTA_DROP, &old},
                                       delta_of(ctx, &stamped, out, *created)};
        nima_memory_person_apply(person, change, replaces ? deltas : deltas + 1, replaces ? 2 : 1);
    }
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    return rc;
}

nima_rc nima_memory_supersede(struct nima_ctx *ctx, struct nima_memory *memory, nima_str old_id,
                              const struct nima_fact *fact, struct nima_fact *out)
{
    bool created;
    return nima_memory_put_seen(ctx, memory, NIMA_SEEN_ANY, old_id, fact, out, &created);
}

/* The row as it will be. A text that stays keeps its vector, also while no model is loaded. */
static nima_rc patched(struct nima_ctx *ctx, struct nima_memory *memory,
                       const struct nima_fact *old, const struct nima_fact_patch *patch,
                       struct nima_fact *out)
{
    struct nima_fact fact = *old;
    fact.fact = patch->fact.ptr != NULL ? patch->fact : old->fact;
    fact.category = patch->category.ptr != NULL ? patch->category : old->category;
    fact.source = patch->source.ptr != NULL ? patch->source : old->source;
    fact.metadata = patch->metadata.ptr != NULL ? patch->metadata : old->metadata;
    fact.confidence = patch->has_confidence ? patch->confidence : old->confidence;
    fact.updated_at = nima_ctx_now(ctx);
    NIMA_TRY(nima_memory_check_fact(ctx, "", &fact));
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    bool same_text = nima_str_eq(fact.fact, old->fact);
    if (same_text && old->embedding_model.ptr != NULL && old->embedding == NULL &&
        nima_str_eq(old->embedding_model, model)) {
        float *vector = NIMA_NEW(ctx->arena, float, (size_t)state.embedding_dims);
        bool found = false;
        NIMA_TRY(nima_facts_embeddings(ctx, memory->store, &fact.id, 1, model,
                                       (size_t)state.embedding_dims, vector, &found));
        fact.embedding = found ? vector : NULL;
        fact.dims = found ? (size_t)state.embedding_dims : 0;
    }
    if (!same_text || fact.embedding == NULL) {
        NIMA_TRY(nima_memory_embed_facts(ctx, memory, &fact, 1));
    }
    *out = fact;
    return NIMA_OK;
}

nima_rc nima_memory_patch(struct nima_ctx *ctx, struct nima_memory *memory, nima_str id,
                          const struct nima_fact_patch *patch, struct nima_fact *out)
{
    int64_t change = 0;
    struct nima_fact old;
    struct nima_fact fact;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person); /* so that two patches of one fact do not cross */
    nima_rc rc = nima_facts_get(ctx, memory->store, id, &old);
    if (rc == NIMA_OK) {
        rc = patched(ctx, memory, &old, patch, &fact);
    }
    struct nima_fact stored;
    if (rc == NIMA_OK) {
        rc = nima_facts_update(ctx, memory->store, &fact, &stored, &change);
    }
    if (rc == NIMA_OK) {
        struct nima_delta delta = delta_of(ctx, &fact, &stored, true);
        bool active = nima_str_eq(stored.status, NIMA_STR("active"));
        nima_memory_person_apply(person, change, &delta, active ? 1 : 0);
        *out = stored;
    }
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    return rc;
}

nima_rc nima_memory_delete(struct nima_ctx *ctx, struct nima_memory *memory, nima_str id)
{
    int64_t change = 0;
    struct nima_fact fact;
    NIMA_TRY(nima_facts_get(ctx, memory->store, id, &fact));
    NIMA_TRY(nima_memory_profile_forget(ctx, memory, &fact));
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person);
    nima_rc rc = nima_facts_delete(ctx, memory->store, id, &change);
    if (rc == NIMA_OK) {
        struct nima_fact gone = {.id = id};
        struct nima_delta delta = {NIMA_DELTA_DROP, &gone};
        nima_memory_person_apply(person, change, &delta, 1);
    }
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    return rc;
}

nima_rc nima_memory_forget_fact(struct nima_ctx *ctx, struct nima_memory *memory, nima_str id,
                                nima_str *token_out)
{
    struct nima_fact fact;
    NIMA_TRY(nima_facts_get(ctx, memory->store, id, &fact));
    NIMA_TRY(nima_memory_delete(ctx, memory, id));
    bool active = nima_str_eq(fact.status, NIMA_STR("active"));
    *token_out = active ? nima_memory_undo_keep(ctx, memory->undo, &fact) : (nima_str){0};
    return NIMA_OK;
}

nima_rc nima_memory_restore(struct nima_ctx *ctx, struct nima_memory *memory, nima_str token,
                            nima_str id, struct nima_fact *out)
{
    struct nima_fact fact, stored;
    bool created = false;
    int64_t change = 0;
    if (!nima_memory_undo_take(ctx, memory->undo, token, id, &fact)) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND,
                         "there is nothing to bring back: what was forgotten can be brought back "
                         "for ten minutes");
    }
    NIMA_TRY(nima_memory_embed_facts(ctx, memory, &fact, 1));
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person);
    nima_rc rc = nima_facts_put(ctx, memory->store, &fact, &stored, &created, &change);
    if (rc == NIMA_OK) {
        struct nima_delta delta = delta_of(ctx, &fact, &stored, created);
        nima_memory_person_apply(person, change, &delta, 1);
    }
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    NIMA_TRY(rc);
    struct nima_learned back = {.fact = stored, .event = NIMA_LEARNED_ADDED};
    struct nima_learned_list list = {.items = &back, .count = 1};
    NIMA_TRY(nima_memory_profile_learn(ctx, memory, &list));
    *out = stored;
    return NIMA_OK;
}

nima_rc nima_memory_forget(struct nima_ctx *ctx, struct nima_memory *memory)
{
    nima_memory_undo_drop(memory->undo, ctx->user_id);
    nima_memory_learner_drop(memory->learner, ctx->user_id);
    int64_t change = 0;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person);
    nima_rc rc = nima_people_forget(ctx, memory->store, &change);
    nima_memory_person_unload(person);
    nima_memory_talk_unload(person);
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    return rc;
}
