/* Search as asked, and what of it a turn should see. */
#include <string.h>

#include "memory/hints.h"
#include "memory/memory_int.h"
#include "memory/thin.h"

enum { PROBES_MAX = 6, PROBE_BYTES_MAX = 1200, RECALL_LOOK = 4, NAMED_MAX = 2 };

nima_rc nima_memory_check_query(struct nima_ctx *ctx, const struct nima_memory_query *query)
{
    if (query->text.ptr == NULL || nima_str_trim(query->text).len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "query", "query must not be blank");
    }
    if (!nima_utf8_valid(query->text)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "query", "query must be valid UTF-8");
    }
    if (nima_utf8_count(query->text) > NIMA_QUERY_CHARS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "query",
                               "query must have at most %d characters", NIMA_QUERY_CHARS_MAX);
    }
    if (query->limit < 1 || query->limit > NIMA_SEARCH_LIMIT_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "limit", "limit must be 1..%d",
                               NIMA_SEARCH_LIMIT_MAX);
    }
    if (!(query->min_confidence >= 0 && query->min_confidence <= 1)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "min_confidence",
                               "min_confidence must be a number from 0 to 1");
    }
    if (!(query->min_score >= 0 && query->min_score <= 1)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "min_score",
                               "min_score must be a number from 0 to 1");
    }
    return NIMA_OK;
}

static nima_rc embed_probes(struct nima_ctx *ctx, struct nima_memory *memory, const nima_str *texts,
                            size_t count, struct nima_probe *probes, struct nima_find *find)
{
    struct nima_vectors vectors;
    NIMA_TRY(nima_memory_embed(ctx, memory, texts, count, &vectors, &find->model));
    for (size_t i = 0; i < count; i++) {
        bool have = vectors.items != NULL;
        probes[i] = (struct nima_probe){.text = texts[i],
                                        .vector = have ? vectors.items + i * vectors.dims : NULL,
                                        .dims = have ? vectors.dims : 0};
    }
    find->probes = probes;
    find->probe_count = count;
    return NIMA_OK;
}

nima_rc nima_memory_search(struct nima_ctx *ctx, struct nima_memory *memory,
                           const struct nima_memory_query *query, struct nima_memory_hits *out)
{
    NIMA_TRY(nima_memory_check_query(ctx, query));
    struct nima_probe probe;
    struct nima_find find = {.category = query->category,
                             .min_confidence = query->min_confidence,
                             .min_score = query->min_score,
                             .limit = (size_t)query->limit};
    NIMA_TRY(embed_probes(ctx, memory, &query->text, 1, &probe, &find));
    return nima_memory_find(ctx, memory, &find, out);
}

static bool ends_part(nima_str text, size_t at)
{
    char c = text.ptr[at];
    if (c == '\n' || c == '?' || c == '!' || c == ';') {
        return true;
    }
    bool space_next = at + 1 == text.len || text.ptr[at + 1] == ' ';
    return (c == '.' || c == ',') && space_next;
}

/* A message may ask for several things ("Which city do I live in, and what do I work on?"): each
 * part is looked for by itself, for a mixture of meanings is near to none of them. */
static size_t split_message(nima_str message, nima_str *out)
{
    size_t count = 0;
    if (nima_memory_small_talk(message)) {
        return 0;
    }
    out[count++] = nima_utf8_prefix(message, PROBE_BYTES_MAX);
    size_t from = 0;
    for (size_t at = 0; at < message.len && count < PROBES_MAX; at++) {
        if (!ends_part(message, at) && at + 1 < message.len) {
            continue;
        }
        nima_str part = nima_str_trim(nima_str_sub(message, from, at + 1));
        from = at + 1;
        bool whole = part.len + 2 >= nima_str_trim(message).len;
        if (part.len >= 8 && !whole && !nima_memory_small_talk(part)) {
            out[count++] = nima_utf8_prefix(part, PROBE_BYTES_MAX);
        }
    }
    return count;
}

/* Measured with MiniLM on questions and small talk (docs/memory.md): below these a hit is by
 * chance. A word in common lowers what meaning must show, and the other way round. What must not
 * be eaten bears on whatever names a meal. */
static bool bears_on(const struct nima_memory_hit *hit, bool by_meaning)
{
    if (hit->keyword > 0 && nima_memory_limits_food(hit->fact.fact)) {
        return true;
    }
    if (!by_meaning) {
        return hit->keyword >= 0.2;
    }
    return hit->vector >= 0.36 || (hit->vector >= 0.20 && hit->keyword >= 0.15) ||
           hit->keyword >= 0.30;
}

/* Whether both speak of something by the same name: a word with a capital behind "The user". */
static bool share_name(nima_str fact, nima_str other)
{
    static const char marks[] = " '.,;:!?()\"";
    size_t at = 0;
    for (int number = 0; at < fact.len; number++) {
        size_t end = at;
        while (end < fact.len && strchr(marks, fact.ptr[end]) == NULL) {
            end++;
        }
        nima_str word = nima_str_sub(fact, at, end);
        size_t there = number > 1 && word.len > 2 && word.ptr[0] >= 'A' && word.ptr[0] <= 'Z'
                           ? nima_str_find(other, word, 0)
                           : SIZE_MAX;
        bool begins = there != SIZE_MAX && there > 0 && strchr(marks, other.ptr[there - 1]) != NULL;
        size_t behind = there + word.len;
        if (begins && (behind == other.len || strchr(marks, other.ptr[behind]) != NULL)) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* What bears on the message, and what more is known of the things that it names: the language that
 * "my project" is written in is told of "Tideline". */
static void keep_bearing(struct nima_memory_hits *hits, bool by_meaning)
{
    size_t kept = 0;
    for (size_t i = 0; i < hits->count; i++) {
        bool keep = bears_on(&hits->items[i], by_meaning);
        for (size_t n = 0; n < kept && n < NAMED_MAX && !keep; n++) {
            keep = share_name(hits->items[n].fact.fact, hits->items[i].fact.fact);
        }
        if (keep) {
            hits->items[kept++] = hits->items[i];
        }
    }
    hits->count = kept;
}

/* What is known, newest first: no part of it is nearer to "who am I?" than another. */
static nima_rc overview(struct nima_ctx *ctx, struct nima_memory *memory, int limit,
                        struct nima_memory_hits *out)
{
    struct nima_fact_filter filter = {.status = NIMA_STR("active"), .limit = limit};
    struct nima_fact_rows rows;
    NIMA_TRY(nima_facts_list(ctx, memory->store, &filter, &rows));
    struct nima_memory_hits hits = {.count = rows.count};
    hits.items = NIMA_NEW(ctx->arena, struct nima_memory_hit, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        hits.items[i] = (struct nima_memory_hit){.fact = rows.items[i],
                                                 .score = 1,
                                                 .recency = 1,
                                                 .confidence = rows.items[i].confidence};
    }
    *out = hits;
    return NIMA_OK;
}

nima_rc nima_memory_recall(struct nima_ctx *ctx, struct nima_memory *memory, nima_str message,
                           int limit, struct nima_memory_hits *out)
{
    if (limit < 1 || limit > NIMA_SEARCH_LIMIT_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID, "limit must be 1..%d", NIMA_SEARCH_LIMIT_MAX);
    }
    if (message.ptr == NULL || nima_str_trim(message).len == 0 || !nima_utf8_valid(message)) {
        *out = (struct nima_memory_hits){0};
        return NIMA_OK;
    }
    if (nima_memory_asks_overview(message)) {
        return overview(ctx, memory, 2 * limit, out);
    }
    nima_str parts[PROBES_MAX];
    struct nima_probe probes[PROBES_MAX];
    size_t count = split_message(message, parts);
    if (count == 0) {
        *out = (struct nima_memory_hits){0};
        return NIMA_OK;
    }
    struct nima_find find = {.limit = (size_t)limit * RECALL_LOOK, .approximate = true};
    NIMA_TRY(embed_probes(ctx, memory, parts, count, probes, &find));
    struct nima_memory_hits hits;
    NIMA_TRY(nima_memory_find(ctx, memory, &find, &hits));
    keep_bearing(&hits, probes[0].vector != NULL);
    nima_memory_thin(ctx, &hits, (size_t)limit);
    *out = hits;
    return NIMA_OK;
}
