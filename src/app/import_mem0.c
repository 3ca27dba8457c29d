/*
 * mem0's export: memories with a text, times, and whatever else as metadata, which is kept as it
 * is. A language model wrote them from conversations, so they are "inferred" here. Embeddings are
 * not in it; they are made in the background.
 */
#include <string.h>

#include "app/app.h"
#include "app/import.h"
#include "memory/memory.h"
#include "store/facts.h"
#include "util/clock.h"
#include "util/json.h"

enum { BATCH = 200, CATEGORY_BYTES_MAX = 64 };

static nima_str first_text(const struct nima_json *object, const char *const *names)
{
    nima_str text = {0};
    for (; *names != NULL && text.len == 0; names++) {
        text = nima_str_trim(nima_json_str(nima_json_get(object, *names)));
    }
    return text;
}

static int64_t time_of(const struct nima_json *object, const char *name)
{
    int64_t ms = 0;
    nima_str text = nima_json_str(nima_json_get(object, name));
    return text.ptr != NULL && nima_time_read(text, &ms) ? ms : 0;
}

/* The first of "categories", else what the metadata says. */
static nima_str category_of(const struct nima_json *memory)
{
    static const char *const names[] = {"category", NULL};
    nima_str text = nima_json_str(nima_json_at(nima_json_get(memory, "categories"), 0, NULL));
    text = text.len > 0 ? text : first_text(memory, names);
    text = text.len > 0 ? text : first_text(nima_json_get(memory, "metadata"), names);
    return text.len > 0 ? nima_utf8_prefix(text, CATEGORY_BYTES_MAX) : NIMA_STR("general");
}

/* False for what can be no fact. */
static bool read_memory(struct nima_ctx *ctx, const struct nima_json *memory, struct nima_fact *out)
{
    static const char *const names[] = {"memory", "text", "data", "content", NULL};
    nima_str text = first_text(memory, names);
    const struct nima_json *meta = nima_json_get(memory, "metadata");
    if (text.len == 0 || nima_utf8_count(text) > NIMA_FACT_CHARS_MAX) {
        return false;
    }
    *out = (struct nima_fact){
        .fact = text,
        .category = category_of(memory),
        .source = NIMA_STR("inferred"),
        .confidence = 0.8,
        .metadata =
            nima_json_kind(meta) == NIMA_JSON_OBJECT ? nima_json_text(ctx, meta) : NIMA_STR("{}"),
        .created_at = time_of(memory, "created_at"),
        .updated_at = time_of(memory, "updated_at"),
    };
    out->updated_at = out->updated_at != 0 ? out->updated_at : out->created_at;
    return true;
}

static nima_rc put(struct nima_ctx *ctx, struct nima_store *store, const struct nima_fact *facts,
                   size_t count, struct nima_imported *done)
{
    struct nima_fact *rows = NIMA_NEW(ctx->arena, struct nima_fact, BATCH);
    bool created[BATCH];
    int64_t change;
    if (count == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_facts_put_many(ctx, store, facts, count, rows, created, &change));
    for (size_t i = 0; i < count; i++) {
        done->added += created[i];
        done->there += !created[i];
    }
    return NIMA_OK;
}

static const struct nima_json *list_in(const struct nima_json *tree)
{
    const char *const names[] = {"results", "memories"};
    for (size_t i = 0; i < 2 && nima_json_kind(tree) == NIMA_JSON_OBJECT; i++) {
        const struct nima_json *inner = nima_json_get(tree, names[i]);
        tree = inner != NULL ? inner : tree;
    }
    return nima_json_kind(tree) == NIMA_JSON_ARRAY ? tree : NULL;
}

nima_rc nima_import_mem0(struct nima_ctx *ctx, struct nima_store *store, nima_str text,
                         struct nima_imported *out)
{
    const struct nima_json *tree, *memory = NULL;
    struct nima_imported done = {0};
    size_t at = 0, count = 0;
    NIMA_TRY(nima_json_parse(ctx, text, &tree));
    const struct nima_json *list = list_in(tree);
    if (list == NULL) {
        return nima_fail(ctx, NIMA_E_INVALID, "this is no export of mem0: it is no list");
    }
    struct nima_fact *facts = NIMA_NEW(ctx->arena, struct nima_fact, BATCH);
    while ((memory = nima_json_next(list, memory, &at)) != NULL) {
        bool fits = read_memory(ctx, memory, &facts[count]);
        count += fits;
        done.left_out += !fits;
        if (count == BATCH) {
            NIMA_TRY(put(ctx, store, facts, count, &done));
            count = 0;
            nima_command_progress("memories", (int64_t)at + 1, (int64_t)nima_json_count(list));
        }
    }
    NIMA_TRY(put(ctx, store, facts, count, &done));
    *out = done;
    return NIMA_OK;
}
