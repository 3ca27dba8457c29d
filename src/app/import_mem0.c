/*
 * mem0's export: memories with a text, times, and whatever else as metadata, which is kept as it
 * is. A language model wrote them from conversations, so they are "inferred" here. Embeddings are
 * not in it; they are made in the background.
 */
#include <string.h>

#include "app/app.h"
#include "app/import.h"
#include "app/import_items.h"
#include "memory/memory.h"
#include "store/facts.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/json.h"

enum {
    BATCH = 200,
    CATEGORY_BYTES_MAX = 64,
    METADATA_BYTES_MAX = 16 * 1024, /* as the API takes */
    TIME_BYTES_MAX = 48,
    OWNERS_MAX = 16,
    OWNER_BYTES_MAX = 128,
};

static nima_str first_text(const struct nima_json *object, const char *const *names)
{
    nima_str text = {0};
    for (; *names != NULL && text.len == 0; names++) {
        text = nima_str_trim(nima_json_str(nima_json_get(object, *names)));
    }
    return text;
}

/* Seconds, milliseconds, microseconds or nanoseconds since 1970, told by their size: all four are
 * of the years 1990 to 2100. 0: none of them. */
static int64_t time_of_number(double value)
{
    const double first = 631152000, last = 4102444800.0;
    double unit = 1;
    for (int i = 0; i < 4; i++, unit *= 1000) {
        if (value >= first * unit && value < last * unit) {
            return (int64_t)(value / unit * 1000);
        }
    }
    return 0;
}

/* RFC 3339; without a zone it is UTC, and a day alone is its start. 0: none. */
static int64_t time_of(struct nima_ctx *ctx, const struct nima_json *value)
{
    int64_t ms = 0;
    double number = nima_json_num(value, 0);
    nima_str text = nima_str_trim(nima_json_str(value));
    if (text.len == 0 || text.len > TIME_BYTES_MAX || nima_str_to_f64(text, &number)) {
        return time_of_number(number);
    }
    if (nima_time_read(text, &ms) ||
        nima_time_read(nima_fmt(ctx, NIMA_FMT "Z", NIMA_ARG(text)), &ms) ||
        nima_time_read(nima_fmt(ctx, NIMA_FMT "T00:00:00Z", NIMA_ARG(text)), &ms)) {
        return ms;
    }
    return 0;
}

/* A member of the memory itself, or else of its metadata. */
static const struct nima_json *member(const struct nima_json *memory, const char *name)
{
    const struct nima_json *value = nima_json_get(memory, name);
    return nima_json_kind(value) != NIMA_JSON_NULL
               ? value
               : nima_json_get(nima_json_get(memory, "metadata"), name);
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

/* Whether a flag is set: true, 1, or a time at which it was. */
static bool is_set(const struct nima_json *value)
{
    nima_str text = nima_json_str(value);
    return nima_json_bool(value, false) || nima_json_num(value, 0) != 0 ||
           (text.len > 0 && !nima_str_eq_nocase(text, NIMA_STR("false")) &&
            !nima_str_eq(text, NIMA_STR("0")));
}

/* Why the memory was no longer in use there; NULL: it was. */
static const char *out_of_use(struct nima_ctx *ctx, const struct nima_json *memory)
{
    static const struct {
        const char *state, *why;
        const char *flags[4];
    } rows[] = {
        {"delete", "it was deleted there", {"deleted_at", "is_deleted", "deleted"}},
        {"archive", "it was archived there", {"archived_at", "is_archived", "archived"}},
        {"pause", "it was paused there", {"paused_at", "is_paused", "paused"}},
        {"expire", "it had expired", {"expired_at", "is_expired", "expired"}},
        {"inactive", "it was not active there", {NULL}},
        {"supersede", "it was superseded there", {"superseded_at", "superseded_by"}},
    };
    static const char *const states[] = {"state", "status", "event"};
    static const char *const ends[] = {"expiration_date", "expires_at", "expiration"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < 3; k++) {
            nima_str state = nima_json_str(member(memory, states[k]));
            nima_str word = nima_str_of(rows[i].state), stem = nima_str_sub(state, 0, word.len);
            if (nima_str_eq_nocase(stem, word) &&
                (state.len == word.len ||
                 nima_str_eq_nocase(state, nima_fmt(ctx, "%sd", word.ptr)))) {
                return rows[i].why;
            }
        }
        for (size_t k = 0; rows[i].flags[k] != NULL; k++) {
            if (is_set(nima_json_get(memory, rows[i].flags[k]))) {
                return rows[i].why;
            }
        }
    }
    for (size_t k = 0; k < 3; k++) {
        int64_t end = time_of(ctx, member(memory, ends[k]));
        if (end != 0 && end <= nima_ctx_now(ctx)) {
            return "it had expired";
        }
    }
    const struct nima_json *active = nima_json_get(memory, "is_active");
    return nima_json_bool(active, true) ? NULL : "it was not active there";
}

/* A number is a name, too. Absent: nobody is named. */
static nima_str owner_of(struct nima_ctx *ctx, const struct nima_json *memory)
{
    const struct nima_json *value = member(memory, "user_id");
    nima_str name = nima_str_trim(nima_json_str(value));
    int64_t number = 0;
    if (nima_json_int(value, &number)) {
        return nima_fmt(ctx, "%lld", (long long)number);
    }
    return name.len > 0 ? name : (nima_str){0};
}

/* What an agent remembers of itself has its name and no person's, or was said by it. */
static bool is_agents(struct nima_ctx *ctx, const struct nima_json *memory)
{
    nima_str role = nima_json_str(member(memory, "role"));
    nima_str agent = nima_json_str(member(memory, "agent_id"));
    return nima_str_eq_nocase(role, NIMA_STR("assistant")) ||
           (agent.len > 0 && owner_of(ctx, memory).ptr == NULL);
}

/* Why it can be no fact of the person's; NULL: *out is one. */
static const char *read_memory(struct nima_ctx *ctx, const struct nima_json *memory,
                               struct nima_imported *done, struct nima_fact *out)
{
    static const char *const names[] = {"memory", "text", "data", "content", NULL};
    nima_str text = first_text(memory, names);
    const struct nima_json *meta = nima_json_get(memory, "metadata");
    if (text.len == 0 || nima_utf8_blank(text)) {
        return "it has no words";
    }
    if (nima_utf8_count(text) > NIMA_FACT_CHARS_MAX) {
        return "it is longer than a fact may be";
    }
    const char *why = out_of_use(ctx, memory);
    why = why == NULL && is_agents(ctx, memory) ? "an agent remembered it of itself" : why;
    if (why != NULL) {
        return why;
    }
    nima_str metadata =
        nima_json_kind(meta) == NIMA_JSON_OBJECT ? nima_json_text(ctx, meta) : NIMA_STR("{}");
    if (metadata.len > METADATA_BYTES_MAX) {
        nima_imported_note(done, "without its metadata, which is over 16 KiB", text);
        metadata = NIMA_STR("{}");
    }
    *out = (struct nima_fact){
        .fact = nima_str_copy(ctx->arena, text),
        .category = nima_str_copy(ctx->arena, category_of(memory)),
        .source = NIMA_STR("inferred"),
        .confidence = 0.8,
        .metadata = metadata,
        .created_at = time_of(ctx, nima_json_get(memory, "created_at")),
        .updated_at = time_of(ctx, nima_json_get(memory, "updated_at")),
    };
    out->updated_at = out->updated_at != 0 ? out->updated_at : out->created_at;
    return NULL;
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

static const char *const members[] = {"results", "memories", "items", NULL};

/* Whose memories are in the file */

struct owners {
    nima_str names[OWNERS_MAX];
    size_t count;
    bool more;
};

static void add_owner(struct nima_ctx *ctx, struct owners *owners, nima_str name)
{
    for (size_t i = 0; i < owners->count; i++) {
        if (nima_str_eq(owners->names[i], name)) {
            return;
        }
    }
    owners->more = owners->more || owners->count == OWNERS_MAX;
    if (owners->count < OWNERS_MAX) {
        owners->names[owners->count++] =
            nima_str_copy(ctx->arena, nima_utf8_prefix(name, OWNER_BYTES_MAX));
    }
}

/* A file that is cut short has the owners of what is whole. */
static void find_owners(struct nima_ctx *ctx, nima_str text, struct owners *out)
{
    struct nima_items items;
    nima_str value = {0};
    nima_items_open(&items, text, members);
    while (nima_items_next(ctx, &items, &value) == NIMA_OK && value.ptr != NULL) {
        const struct nima_json *memory = NULL;
        char name[OWNER_BYTES_MAX];
        struct nima_arena_mark mark = nima_scratch(ctx);
        size_t length = 0;
        if (nima_items_parse(ctx, value, &memory) == NIMA_OK) {
            nima_str owner = nima_utf8_prefix(owner_of(ctx, memory), OWNER_BYTES_MAX);
            length = owner.len;
            memcpy(name, owner.len > 0 ? owner.ptr : "", owner.len);
        }
        nima_scratch_end(ctx, mark);
        if (length > 0) {
            add_owner(ctx, out, (nima_str){name, length});
        }
    }
}

/* Whose memories are taken: the one asked for, the only one, or the one of the person's own name.
 * Absent: the file names nobody. */
static nima_rc choose_owner(struct nima_ctx *ctx, nima_str text, nima_str from, nima_str *out)
{
    struct owners owners = {0};
    struct nima_buf list;
    find_owners(ctx, text, &owners);
    nima_buf_init(&list, OWNERS_MAX * (OWNER_BYTES_MAX + 2) + 4);
    bool own = false, asked = false;
    for (size_t i = 0; i < owners.count; i++) {
        own = own || nima_str_eq(owners.names[i], ctx->user_id);
        asked = asked || nima_str_eq(owners.names[i], from);
        nima_buf_fmt(&list, "%s" NIMA_FMT, i > 0 ? ", " : "", NIMA_ARG(owners.names[i]));
    }
    nima_str names = nima_str_copy(ctx->arena, nima_buf_view(&list));
    nima_buf_done(&list);
    const char *more = owners.more ? " and others" : "";
    if (from.ptr != NULL && !asked && !owners.more) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "the file holds no memories of " NIMA_FMT "; it holds those of " NIMA_FMT,
                         NIMA_ARG(from),
                         NIMA_ARG(names.len > 0 ? names : NIMA_STR("nobody named")));
    }
    if (from.ptr == NULL && owners.count > 1 && !own) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "the file holds memories of several people (" NIMA_FMT
                         "%s): say whose with --from NAME",
                         NIMA_ARG(names), more);
    }
    *out = from.ptr != NULL    ? from
           : own               ? ctx->user_id
           : owners.count == 1 ? owners.names[0]
                               : (nima_str){0};
    return NIMA_OK;
}

/* Taking them in */

static const char *import_memory(struct nima_ctx *ctx, nima_str value, nima_str owner,
                                 struct nima_imported *done, struct nima_fact *out)
{
    const struct nima_json *memory = NULL;
    if (nima_items_parse(ctx, value, &memory) != NIMA_OK) {
        return "it cannot be read as JSON";
    }
    if (nima_json_kind(memory) != NIMA_JSON_OBJECT) {
        return "it is no memory: a memory is an object";
    }
    const char *why = read_memory(ctx, memory, done, out);
    nima_str name = owner_of(ctx, memory);
    if (why == NULL && owner.ptr != NULL &&
        !nima_str_eq(nima_utf8_prefix(name, OWNER_BYTES_MAX), owner)) {
        return name.ptr != NULL ? "it is another person's"
                                : "it names nobody, others in the file do";
    }
    return why;
}

nima_rc nima_import_mem0(struct nima_ctx *ctx, struct nima_store *store, nima_str text,
                         nima_str from, struct nima_imported *out)
{
    struct nima_fact *facts = NIMA_NEW(ctx->arena, struct nima_fact, BATCH);
    struct nima_items items;
    nima_str value = {0}, owner = {0};
    size_t count = 0;
    nima_items_open(&items, text, members);
    if (!items.in_list && !nima_str_starts(nima_str_sub(text, items.at, text.len), NIMA_STR("{"))) {
        return nima_fail(ctx, NIMA_E_INVALID, "this is no export of mem0: it is no list");
    }
    NIMA_TRY(choose_owner(ctx, text, from, &owner));
    struct nima_arena_mark mark = nima_scratch(ctx);
    nima_rc rc = NIMA_OK, end = nima_items_next(ctx, &items, &value);
    while (rc == NIMA_OK && end == NIMA_OK && value.ptr != NULL) {
        const char *why = import_memory(ctx, value, owner, out, &facts[count]);
        if (why != NULL) {
            nima_imported_leave(out, why, (nima_str){0});
        }
        count += why == NULL;
        end = nima_items_next(ctx, &items, &value);
        if (count == BATCH || end != NIMA_OK || value.ptr == NULL) {
            rc = put(ctx, store, facts, count, out);
            nima_scratch_end(ctx, mark);
            mark = nima_scratch(ctx);
            count = 0;
            nima_command_progress("bytes", (int64_t)items.at, (int64_t)text.len);
        }
    }
    nima_scratch_end(ctx, mark);
    return rc != NIMA_OK ? rc : end;
}
