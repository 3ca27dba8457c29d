/* Facts that another room keeps up to date: one for each thing, under an id of that room's choice.
 */
#include "memory/memory_int.h"
#include "memory/people.h"

static nima_rc insert(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_fact *fact)
{
    int64_t change = 0;
    bool created;
    struct nima_fact stored;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person);
    nima_rc rc = nima_facts_put(ctx, memory->store, fact, &stored, &created, &change);
    if (rc == NIMA_OK) {
        stored.embedding = fact->embedding;
        stored.dims = fact->dims;
        stored.embedding_model = fact->embedding_model;
        struct nima_delta delta = {created ? NIMA_DELTA_PUT : NIMA_DELTA_TOUCH, &stored};
        nima_memory_person_apply(person, change, &delta, 1);
    }
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    return rc;
}

nima_rc nima_memory_keep(struct nima_ctx *ctx, struct nima_memory *memory,
                         const struct nima_fact *fact, bool fresh)
{
    struct nima_error before = ctx->error;
    struct nima_fact checked = *fact, stored;
    struct nima_fact_patch patch = {.fact = fact->fact, .metadata = fact->metadata};
    NIMA_TRY(nima_memory_check_fact(ctx, "", &checked));
    nima_rc rc = nima_memory_patch(ctx, memory, fact->id, &patch, &stored);
    if (rc == NIMA_E_NOT_FOUND && fresh) {
        NIMA_TRY(nima_memory_embed_facts(ctx, memory, &checked, 1));
        rc = insert(ctx, memory, &checked);
    }
    if (rc == NIMA_E_CONFLICT || rc == NIMA_E_NOT_FOUND) {
        ctx->error = before; /* known in these words already, or forgotten by the person */
        rc = NIMA_OK;
    }
    return rc;
}
