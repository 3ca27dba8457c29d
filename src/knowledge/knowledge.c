/* Packs as a whole: opening, the list, one of them, what is wrong, and the work done now and then.
 */
#include "knowledge/knowledge.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "llm/llm.h"
#include "store/conversations.h"
#include "util/clock.h"
#include "util/file.h"

enum { TICK_MS = 200, FACTS_LIMIT = 3, FACTS_LIMIT_MAX = 32, BUDGET_TOKENS = 160 };

static char *own_copy(nima_str text)
{
    return text.len > 0 ? nima_xstrdup(text) : NULL;
}

struct nima_knowledge *nima_knowledge_new(const struct nima_knowledge_options *options)
{
    struct nima_knowledge *k = NIMA_XNEW(struct nima_knowledge, 1);
    k->store = options->store;
    k->llm = options->llm;
    k->shipped = own_copy(options->shipped);
    k->own = own_copy(options->own);
    k->cache = own_copy(options->cache);
    k->facts_limit = options->facts_limit > 0 ? options->facts_limit : FACTS_LIMIT;
    k->facts_limit = k->facts_limit < FACTS_LIMIT_MAX ? k->facts_limit : FACTS_LIMIT_MAX;
    k->budget_tokens = options->budget_tokens > 0 ? options->budget_tokens : BUDGET_TOKENS;
    k->weight = options->weight > 0 ? options->weight : 1;
    pthread_mutex_init(&k->lock, NULL);
    pthread_mutex_init(&k->looking, NULL);
    return k;
}

void nima_knowledge_free(struct nima_knowledge *knowledge)
{
    if (knowledge == NULL) {
        return;
    }
    nima_shelf_release(knowledge->shelf);
    pthread_mutex_destroy(&knowledge->lock);
    pthread_mutex_destroy(&knowledge->looking);
    free(knowledge->shipped);
    free(knowledge->own);
    free(knowledge->cache);
    free(knowledge);
}

static nima_str folder_of(struct nima_ctx *ctx, const struct nima_knowledge *k,
                          const struct nima_shelf_entry *entry)
{
    return nima_fmt(ctx, "%s/" NIMA_FMT, entry->shipped ? k->shipped : k->own,
                    NIMA_ARG(entry->folder));
}

/* From the pack's folder or the cache, else made and kept in the cache. */
static nima_rc give_vectors(struct nima_ctx *ctx, struct nima_knowledge *k,
                            const struct nima_shelf_entry *entry, int64_t until_ms)
{
    nima_str cache = nima_str_of(k->cache), name = {NULL, 0};
    if (entry->pack->making == NULL) {
        nima_str folder = folder_of(ctx, k, entry);
        int fd = open(folder.ptr, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        bool there = nima_pack_vectors_load(fd, cache, k->llm, entry->pack);
        if (fd >= 0) {
            close(fd);
        }
        if (there) {
            return NIMA_OK;
        }
    }
    if (k->cache != NULL) {
        NIMA_TRY(nima_dir_make(ctx, k->cache));
        name = nima_pack_vectors_name(ctx, cache, entry->pack);
    }
    return nima_pack_vectors_make(ctx, k->llm, entry->pack, name, until_ms);
}

static nima_rc give_all(struct nima_ctx *ctx, struct nima_knowledge *k, int64_t until_ms)
{
    struct nima_shelf *shelf = nima_shelf_take(k, false);
    nima_rc rc = NIMA_OK;
    for (size_t i = 0; i < shelf->count && rc == NIMA_OK && nima_mono_ms() < until_ms; i++) {
        struct nima_pack *pack = shelf->entries[i].pack;
        bool done = pack == NULL || pack->count == 0 || atomic_load(&pack->vectors) != NULL;
        if (!done && !pack->given_up) {
            rc = give_vectors(ctx, k, &shelf->entries[i], until_ms);
            pack->given_up = rc != NIMA_OK && rc != NIMA_E_UNAVAILABLE;
        }
    }
    nima_shelf_release(shelf);
    return rc;
}

void nima_knowledge_tick(struct nima_ctx *ctx, struct nima_knowledge *k)
{
    struct nima_llm_state state = {0};
    nima_shelf_release(nima_shelf_take(k, false));
    if (k->llm == NULL) {
        return;
    }
    nima_llm_state(k->llm, &state);
    if (state.embeddings_loaded) {
        /* Words go on without vectors; the next start tries again. */
        (void)!give_all(ctx, k, nima_mono_ms() + TICK_MS);
    }
}

nima_rc nima_knowledge_build(struct nima_ctx *ctx, struct nima_knowledge *k)
{
    return give_all(ctx, k, INT64_MAX);
}

/* What the person said last in this conversation, oldest first. */
static nima_rc said_lately(struct nima_ctx *ctx, struct nima_knowledge *k, nima_str conversation_id,
                           struct nima_pack_texts *out)
{
    struct nima_message_rows rows = {0};
    struct nima_conversation conversation;
    if (conversation_id.ptr != NULL && k->store != NULL) {
        NIMA_TRY(nima_conversation_get(ctx, k->store, conversation_id, &conversation));
        NIMA_TRY(nima_messages_last(ctx, k->store, conversation_id, 2 * NIMA_PACK_CUED_MAX, &rows));
    }
    struct nima_pack_texts texts = {NIMA_NEW(ctx->arena, nima_str, rows.count), 0};
    for (size_t i = 0; i < rows.count; i++) {
        if (nima_str_eq(rows.items[i].role, NIMA_STR("user"))) {
            texts.items[texts.count++] = rows.items[i].content;
        }
    }
    *out = texts;
    return NIMA_OK;
}

/* Who is on in a conversation, for showing. */
struct view {
    struct nima_pack_choices *choices;
    struct nima_pack_levels levels;
};

static nima_rc view_of(struct nima_ctx *ctx, struct nima_knowledge *k,
                       const struct nima_shelf *shelf, nima_str conversation_id, struct view *out)
{
    struct nima_pack_texts said;
    struct nima_pack_probe probe = {0};
    NIMA_TRY(said_lately(ctx, k, conversation_id, &said));
    NIMA_TRY(nima_knowledge_choices(ctx, k, conversation_id, &out->choices));
    if (said.count > 0) {
        NIMA_TRY(nima_knowledge_probe(ctx, k, said.items[said.count - 1], &probe));
    }
    nima_knowledge_levels(ctx, shelf, said.items, said.count, &probe, &out->levels);
    return NIMA_OK;
}

static struct nima_pack_texts copy_texts(struct nima_ctx *ctx, struct nima_pack_texts texts)
{
    struct nima_pack_texts copy = {NIMA_NEW(ctx->arena, nima_str, texts.count), texts.count};
    for (size_t i = 0; i < texts.count; i++) {
        copy.items[i] = nima_str_copy(ctx->arena, texts.items[i]);
    }
    return copy;
}

static void fill_state(const struct view *view, const struct nima_pack *pack,
                       struct nima_pack_info *out)
{
    struct nima_pack_choice choice = nima_knowledge_choice(view->choices, pack->id);
    bool manual = choice.mode != NIMA_PACK_AUTO;
    out->active = choice.mode == NIMA_PACK_ON;
    for (size_t i = 0; !manual && i < view->levels.count; i++) {
        const struct nima_pack_level *l = &view->levels.items[i];
        out->active = out->active || (nima_str_eq(l->pack->id, pack->id) && l->on);
    }
    out->here = choice.here;
    if (manual || out->active) {
        out->activation = manual ? NIMA_STR("manual") : NIMA_STR("auto");
    }
}

static void fill_info(struct nima_ctx *ctx, const struct nima_shelf *shelf, const struct view *view,
                      const struct nima_pack *p, struct nima_pack_info *out)
{
    const struct nima_pack_vectors *vectors = atomic_load(&p->vectors);
    *out = (struct nima_pack_info){.id = nima_str_copy(ctx->arena, p->id),
                                   .name = nima_str_copy(ctx->arena, p->name),
                                   .category = nima_str_copy(ctx->arena, p->category),
                                   .version = nima_str_copy(ctx->arena, p->version),
                                   .description = nima_str_copy(ctx->arena, p->description),
                                   .language = nima_str_copy(ctx->arena, p->language),
                                   .enabled = p->enabled,
                                   .shipped = p->shipped,
                                   .fact_count = (int64_t)p->count};
    if (vectors != NULL) {
        out->embeddings = nima_str_copy(ctx->arena, nima_str_of(vectors->model));
    }
    out->rules = (struct nima_pack_rules){.topics = copy_texts(ctx, p->rules.topics),
                                          .hints = copy_texts(ctx, p->rules.hints),
                                          .negative = copy_texts(ctx, p->rules.negative),
                                          .tone = nima_str_copy(ctx->arena, p->rules.tone),
                                          .cautions = copy_texts(ctx, p->rules.cautions),
                                          .ask_first = copy_texts(ctx, p->rules.ask_first)};
    out->versions.items = NIMA_NEW(ctx->arena, nima_str, shelf->pack_count);
    for (size_t i = 0; i < shelf->pack_count; i++) {
        if (nima_str_eq(shelf->packs[i]->id, p->id)) {
            out->versions.items[out->versions.count++] =
                nima_str_copy(ctx->arena, shelf->packs[i]->version);
        }
    }
    fill_state(view, p, out);
}

nima_rc nima_knowledge_list(struct nima_ctx *ctx, struct nima_knowledge *k,
                            nima_str conversation_id, struct nima_pack_infos *out)
{
    struct nima_shelf *shelf = nima_shelf_take(k, true);
    struct view view;
    nima_rc rc = view_of(ctx, k, shelf, conversation_id, &view);
    if (rc == NIMA_OK) {
        struct nima_pack_infos infos = {
            NIMA_NEW(ctx->arena, struct nima_pack_info, shelf->pack_count), 0};
        size_t at = 0;
        for (struct nima_pack *p; (p = nima_shelf_served(shelf, &at)) != NULL;) {
            struct nima_pack_choice choice = nima_knowledge_choice(view.choices, p->id);
            p = nima_knowledge_chosen(ctx, shelf, &choice, p);
            fill_info(ctx, shelf, &view, p, &infos.items[infos.count++]);
        }
        *out = infos;
    }
    nima_shelf_release(shelf);
    return rc;
}

static void fill_facts(struct nima_ctx *ctx, const struct nima_pack *pack,
                       struct nima_pack_info *out)
{
    out->facts.items = NIMA_NEW(ctx->arena, struct nima_pack_fact, pack->count);
    out->facts.count = pack->count;
    for (size_t i = 0; i < pack->count; i++) {
        const struct nima_pack_fact *f = &pack->facts[i];
        out->facts.items[i] = (struct nima_pack_fact){
            .id = nima_str_copy(ctx->arena, f->id),
            .fact = nima_str_copy(ctx->arena, f->fact),
            .category = nima_str_copy(ctx->arena, f->category),
            .source = nima_str_copy(ctx->arena, f->source),
            .date = nima_str_copy(ctx->arena, f->date),
            .jurisdiction = nima_str_copy(ctx->arena, f->jurisdiction),
            .caution = nima_str_copy(ctx->arena, f->caution),
            .keys = copy_texts(ctx, f->keys),
        };
    }
}

nima_rc nima_knowledge_get(struct nima_ctx *ctx, struct nima_knowledge *k, nima_str wanted,
                           nima_str conversation_id, struct nima_pack_info *out)
{
    struct nima_shelf *shelf = nima_shelf_take(k, true);
    struct view view;
    const struct nima_pack *pack = nima_shelf_find(shelf, wanted);
    nima_rc rc = pack != NULL ? view_of(ctx, k, shelf, conversation_id, &view)
                              : nima_fail_field(ctx, NIMA_E_NOT_FOUND, "id",
                                                "there is no pack \"" NIMA_FMT "\"",
                                                NIMA_ARG(nima_utf8_prefix(wanted, 64)));
    if (rc == NIMA_OK) {
        fill_info(ctx, shelf, &view, pack, out);
        fill_facts(ctx, pack, out);
    }
    nima_shelf_release(shelf);
    return rc;
}

void nima_knowledge_state(struct nima_ctx *ctx, struct nima_knowledge *k,
                          struct nima_pack_state *out)
{
    *out = (struct nima_pack_state){0};
    struct nima_shelf *shelf = nima_shelf_last(k);
    if (shelf != NULL) {
        out->count = (int64_t)shelf->pack_count;
        out->problems =
            copy_texts(ctx, (struct nima_pack_texts){shelf->problems, shelf->problem_count});
    }
    nima_shelf_release(shelf);
}

nima_rc nima_knowledge_folders(struct nima_ctx *ctx, struct nima_knowledge *k,
                               struct nima_pack_texts *out)
{
    struct nima_shelf *shelf = nima_shelf_take(k, true);
    struct nima_pack_texts folders = {NIMA_NEW(ctx->arena, nima_str, shelf->count), shelf->count};
    for (size_t i = 0; i < shelf->count; i++) {
        folders.items[i] = folder_of(ctx, k, &shelf->entries[i]);
    }
    nima_shelf_release(shelf);
    *out = folders;
    return NIMA_OK;
}

nima_rc nima_knowledge_folder(struct nima_ctx *ctx, struct nima_knowledge *k, nima_str wanted,
                              nima_str *out)
{
    struct nima_shelf *shelf = nima_shelf_take(k, true);
    const struct nima_pack *pack = nima_shelf_find(shelf, wanted);
    nima_str folder = {NULL, 0};
    for (size_t i = 0; pack != NULL && i < shelf->count; i++) {
        folder = shelf->entries[i].pack == pack ? folder_of(ctx, k, &shelf->entries[i]) : folder;
    }
    nima_shelf_release(shelf);
    if (folder.ptr == NULL) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "id", "there is no pack \"" NIMA_FMT "\"",
                               NIMA_ARG(nima_utf8_prefix(wanted, 64)));
    }
    *out = folder;
    return NIMA_OK;
}
