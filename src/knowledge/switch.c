/*
 * What a person decided about packs. A decision for one conversation comes before one for all, and
 * either before what the topic says.
 */
#include "knowledge/knowledge_int.h"
#include "store/packs.h"

struct nima_pack_choices {
    struct nima_activations rows;
};

nima_rc nima_knowledge_choices(struct nima_ctx *ctx, struct nima_knowledge *k,
                               nima_str conversation_id, struct nima_pack_choices **out)
{
    struct nima_pack_choices *choices = NIMA_NEW(ctx->arena, struct nima_pack_choices, 1);
    if (k->store != NULL) {
        NIMA_TRY(nima_activations_list(ctx, k->store, conversation_id, &choices->rows));
    }
    *out = choices;
    return NIMA_OK;
}

struct nima_pack_choice nima_knowledge_choice(const struct nima_pack_choices *choices, nima_str id)
{
    struct nima_pack_choice choice = {.mode = NIMA_PACK_AUTO};
    for (size_t i = 0; i < choices->rows.count; i++) {
        const struct nima_activation *a = &choices->rows.items[i];
        if (nima_str_eq(a->pack_id, id)) { /* those of the conversation come last */
            choice = (struct nima_pack_choice){.mode = a->on ? NIMA_PACK_ON : NIMA_PACK_OFF,
                                               .version = a->version,
                                               .here = a->conversation_id.len > 0};
        }
    }
    return choice;
}

struct nima_pack *nima_knowledge_chosen(struct nima_ctx *ctx, const struct nima_shelf *shelf,
                                        const struct nima_pack_choice *choice,
                                        struct nima_pack *served)
{
    if (choice->version.len == 0) {
        return served;
    }
    nima_str pinned =
        nima_fmt(ctx, NIMA_FMT "@" NIMA_FMT, NIMA_ARG(served->id), NIMA_ARG(choice->version));
    struct nima_pack *found = nima_shelf_find(shelf, pinned);
    return found != NULL && found->enabled ? found : served;
}

nima_rc nima_knowledge_switch(struct nima_ctx *ctx, struct nima_knowledge *k, nima_str wanted,
                              nima_str conversation_id, enum nima_pack_mode mode)
{
    struct nima_shelf *shelf = nima_shelf_take(k, false);
    const struct nima_pack *pack = nima_shelf_find(shelf, wanted);
    pack = pack != NULL && pack->enabled ? pack : NULL;
    nima_str id = pack != NULL ? nima_str_copy(ctx->arena, pack->id) : (nima_str){NULL, 0};
    bool pinned = nima_str_find(wanted, NIMA_STR("@"), 0) != SIZE_MAX;
    nima_str version =
        pack != NULL && pinned ? nima_str_copy(ctx->arena, pack->version) : (nima_str){NULL, 0};
    nima_shelf_release(shelf);
    if (id.ptr == NULL) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "id", "there is no pack \"" NIMA_FMT "\"",
                               NIMA_ARG(nima_utf8_prefix(wanted, 64)));
    }
    nima_assert(k->store != NULL);
    if (mode == NIMA_PACK_AUTO) {
        return nima_activations_delete(ctx, k->store, id, conversation_id);
    }
    struct nima_activation activation = {.pack_id = id,
                                         .conversation_id = conversation_id,
                                         .on = mode == NIMA_PACK_ON,
                                         .version = version};
    return nima_activations_put(ctx, k->store, &activation);
}
