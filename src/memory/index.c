#include "memory/index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory/hints.h"
#include "memory/ids.h"
#include "search/bm25.h"
#include "search/rows.h"

enum { MS_PER_S = 1000, WORN_MIN = 256, MAP_FIRST = 64 };
static const double s_per_day = 86400;

struct row {
    struct nima_id_bytes id;
    float confidence;
    uint32_t updated_s; /* since 1970 */
    uint32_t category;  /* into categories */
    uint32_t attribute; /* hash of the metadata's attribute; 0: none */
};

struct nima_index {
    struct nima_rows rows, former; /* former: no rows at all unless there is a former model */
    struct nima_bm25 bm25;         /* knows which rows live */
    struct row *facts;
    size_t count, room;
    uint32_t *map; /* id -> row + 1, open addressing; a dead row keeps its place */
    size_t map_room;
    char **categories;
    size_t category_count;
    char *model, *former_model; /* former_model NULL: none */
};

struct nima_index *nima_memory_index_new(nima_str model, size_t dims)
{
    struct nima_index *index = NIMA_XNEW(struct nima_index, 1);
    nima_search_rows_init(&index->rows, dims, nima_search_simd_best());
    nima_search_bm25_init(&index->bm25);
    index->model = nima_xstrdup(model);
    return index;
}

void nima_memory_index_former(struct nima_index *index, nima_str model, size_t dims)
{
    nima_assert(index->count == 0 && index->former_model == NULL);
    nima_search_rows_init(&index->former, dims, index->rows.simd);
    index->former_model = nima_xstrdup(model);
}

void nima_memory_index_free(struct nima_index *index)
{
    if (index == NULL) {
        return;
    }
    nima_search_rows_done(&index->rows);
    nima_search_rows_done(&index->former);
    nima_search_bm25_done(&index->bm25);
    for (size_t i = 0; i < index->category_count; i++) {
        free(index->categories[i]);
    }
    free(index->categories);
    free(index->facts);
    free(index->map);
    free(index->model);
    free(index->former_model);
    free(index);
}

static bool lives(const struct nima_index *index, size_t row)
{
    return index->bm25.lengths[row] != NIMA_BM25_DEAD;
}

static uint32_t *map_slot(const struct nima_index *index, const struct nima_id_bytes *id)
{
    size_t at = (size_t)nima_str_hash((nima_str){(const char *)id->bytes, NIMA_ID_BYTES});
    at = (at ^ at >> 32) & (index->map_room - 1);
    while (index->map[at] != 0 &&
           memcmp(index->facts[index->map[at] - 1].id.bytes, id->bytes, NIMA_ID_BYTES) != 0) {
        at = (at + 1) & (index->map_room - 1);
    }
    return &index->map[at];
}

static void map_grow(struct nima_index *index)
{
    size_t old_room = index->map_room;
    uint32_t *old = index->map;
    index->map_room = old_room > 0 ? old_room * 2 : MAP_FIRST;
    index->map = NIMA_XNEW(uint32_t, index->map_room);
    for (size_t i = 0; i < old_room; i++) {
        if (old[i] != 0) {
            *map_slot(index, &index->facts[old[i] - 1].id) = old[i];
        }
    }
    free(old);
}

/* The living row of that id, or SIZE_MAX. */
static size_t find(const struct nima_index *index, nima_str id)
{
    struct nima_id_bytes bytes;
    if (index->map_room == 0 || !nima_memory_id_read(id, &bytes)) {
        return SIZE_MAX;
    }
    uint32_t row = *map_slot(index, &bytes);
    return row != 0 && lives(index, row - 1) ? row - 1 : SIZE_MAX;
}

static uint32_t category_of(struct nima_index *index, nima_str name)
{
    for (size_t i = 0; i < index->category_count; i++) {
        if (nima_str_eq(nima_str_of(index->categories[i]), name)) {
            return (uint32_t)i;
        }
    }
    index->categories =
        nima_xrealloc(index->categories, (index->category_count + 1) * sizeof(char *));
    index->categories[index->category_count] = nima_xstrdup(name);
    return (uint32_t)index->category_count++;
}

/* The text of "attribute" in the metadata, which the rules of learning wrote; absent: none. Read by
 * hand, for a person's every fact passes here when the index is loaded. */
static nima_str attribute_in(nima_str metadata)
{
    static const char key[] = "\"attribute\"";
    size_t at = nima_str_find(metadata, nima_str_of(key), 0);
    if (at == SIZE_MAX) {
        return (nima_str){0};
    }
    at += sizeof(key) - 1;
    while (at < metadata.len && (metadata.ptr[at] == ' ' || metadata.ptr[at] == ':')) {
        at++;
    }
    size_t end = nima_str_find(metadata, NIMA_STR("\""), at + 1);
    return end != SIZE_MAX && metadata.ptr[at] == '"' ? nima_str_sub(metadata, at + 1, end)
                                                      : (nima_str){0};
}

static uint32_t attribute_hash(nima_str attribute)
{
    uint64_t hash = nima_str_hash(attribute);
    uint32_t folded = (uint32_t)(hash ^ hash >> 32);
    return attribute.ptr == NULL ? 0 : folded != 0 ? folded : 1;
}

static uint32_t seconds(int64_t ms)
{
    int64_t s = ms / MS_PER_S;
    return s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static void set_row(struct nima_index *index, struct row *row, const struct nima_fact *fact)
{
    row->confidence = (float)fact->confidence;
    row->updated_s = seconds(fact->updated_at);
    row->category = category_of(index, fact->category);
    row->attribute = attribute_hash(attribute_in(fact->metadata));
}

static const float *usable_vector(const struct nima_rows *rows, const char *model,
                                  const struct nima_fact *fact)
{
    bool same = fact->embedding != NULL && fact->dims == rows->dims &&
                nima_str_eq(fact->embedding_model, nima_str_of(model));
    return same ? fact->embedding : NULL;
}

void nima_memory_index_put(struct nima_index *index, struct nima_words *words,
                           const struct nima_fact *fact)
{
    struct row row = {0};
    if (!nima_memory_id_read(fact->id, &row.id)) {
        return; /* the store gives no other ids; an index cannot refuse */
    }
    size_t old = find(index, fact->id);
    if (old != SIZE_MAX) {
        nima_search_bm25_remove(&index->bm25, old);
    }
    if (index->count == index->room) {
        index->room += index->room / 4 + 32;
        index->facts = nima_xrealloc(index->facts, index->room * sizeof(*index->facts));
    }
    if ((index->count + 1) * 4 > index->map_room * 3) {
        map_grow(index);
    }
    set_row(index, &row, fact);
    /* The slot is sought while the old row still stands in the array. */
    uint32_t *slot = map_slot(index, &row.id);
    index->facts[index->count] = row;
    *slot = (uint32_t)index->count + 1;
    index->count++;
    nima_search_rows_add(&index->rows, usable_vector(&index->rows, index->model, fact));
    if (index->former_model != NULL) {
        nima_search_rows_add(&index->former,
                             usable_vector(&index->former, index->former_model, fact));
    }
    nima_str hint = nima_memory_fact_hint(fact->fact, fact->category, attribute_in(fact->metadata));
    nima_search_bm25_add(&index->bm25, nima_search_words_of(words, fact->fact, hint));
}

size_t nima_memory_index_attribute(struct nima_arena *arena, const struct nima_index *index,
                                   nima_str attribute, nima_str **ids_out)
{
    uint32_t hash = attribute_hash(attribute);
    size_t count = 0;
    for (size_t row = 0; row < index->count; row++) {
        count += index->facts[row].attribute == hash && lives(index, row);
    }
    nima_str *ids = NIMA_NEW(arena, nima_str, count);
    count = 0;
    for (size_t row = 0; row < index->count; row++) {
        if (index->facts[row].attribute == hash && lives(index, row)) {
            ids[count++] = nima_memory_id_write(arena, &index->facts[row].id);
        }
    }
    *ids_out = ids;
    return count;
}

bool nima_memory_index_touch(struct nima_index *index, const struct nima_fact *fact)
{
    size_t row = find(index, fact->id);
    if (row == SIZE_MAX) {
        return false;
    }
    set_row(index, &index->facts[row], fact);
    return true;
}

bool nima_memory_index_renew(struct nima_index *index, const struct nima_fact *fact)
{
    size_t row = find(index, fact->id);
    if (row == SIZE_MAX) {
        return false;
    }
    nima_search_rows_set(&index->rows, row, usable_vector(&index->rows, index->model, fact));
    if (index->former_model != NULL) {
        nima_search_rows_set(&index->former, row, NULL);
    }
    return true;
}

void nima_memory_index_drop(struct nima_index *index, nima_str id)
{
    size_t row = find(index, id);
    if (row != SIZE_MAX) {
        nima_search_bm25_remove(&index->bm25, row);
    }
}

size_t nima_memory_index_rows(const struct nima_index *index)
{
    return index->bm25.living;
}

size_t nima_memory_index_bytes(const struct nima_index *index)
{
    return sizeof(*index) + nima_search_rows_bytes(&index->rows) +
           nima_search_rows_bytes(&index->former) + nima_search_bm25_bytes(&index->bm25) +
           index->room * sizeof(*index->facts) + index->map_room * sizeof(*index->map);
}

size_t nima_memory_index_dims(const struct nima_index *index)
{
    return index->rows.dims;
}

nima_str nima_memory_index_model(const struct nima_index *index)
{
    return nima_str_of(index->model);
}

nima_str nima_memory_index_former_model(const struct nima_index *index)
{
    return index->former_model != NULL ? nima_str_of(index->former_model) : (nima_str){0};
}

bool nima_memory_index_worn(const struct nima_index *index)
{
    size_t dead = index->count - index->bm25.living;
    return dead > WORN_MIN && dead > index->count / 4;
}

/* Spread of the living rows' values, pulled towards what is usual when there are few of them: with
 * three facts the sample says nothing. */
static double spread(const struct nima_index *index, const float *values, double usual,
                     double least)
{
    static const double usual_rows = 20;
    double sum = 0;
    double squares = 0;
    double rows = 0;
    for (size_t i = 0; i < index->count; i++) {
        double value = lives(index, i) ? values[i] : 0;
        rows += lives(index, i);
        sum += value;
        squares += value * value;
    }
    double variance = rows > 0 ? squares / rows - (sum / rows) * (sum / rows) : 0;
    double mixed = (rows * fmax(variance, 0) + usual_rows * usual * usual) / (rows + usual_rows);
    return fmax(sqrt(mixed), least);
}

static double vector_share(const struct nima_index *index, const float *vectors,
                           const float *keywords, const struct nima_memory_options *options)
{
    static const double usual_vector = 0.13;
    static const double usual_keyword = 0.20;
    static const double least_vector = 0.06;
    static const double least_keyword = 0.10;
    double v = options->vector_weight / spread(index, vectors, usual_vector, least_vector);
    double k = options->keyword_weight / spread(index, keywords, usual_keyword, least_keyword);
    return v + k > 0 ? v / (v + k) : 0.5;
}

static double recency_of(const struct nima_memory_options *options, int64_t now_ms,
                         uint32_t updated_s)
{
    double days = ((double)now_ms / MS_PER_S - (double)updated_s) / s_per_day;
    return days <= 0 || options->recency_half_life_days <= 0
               ? 1.0
               : exp2(-days / options->recency_half_life_days);
}

double nima_memory_index_score(const struct nima_memory_options *options, double share,
                               const struct nima_index_hit *hit)
{
    double base = share * hit->vector + (1 - share) * hit->keyword;
    return base * (1 - options->recency_weight * (1 - hit->recency)) *
           (1 - options->confidence_weight * (1 - hit->confidence));
}

struct searching {
    const struct nima_index *index;
    const struct nima_index_query *query;
    float *vectors, *keywords;
    double share, scale, shift;
    bool words_only;
    uint32_t category; /* UINT32_MAX: any */
};

static enum nima_index_space space_of(const struct nima_index *index, size_t row)
{
    if (nima_search_rows_has(&index->rows, row)) {
        return NIMA_SPACE_PRESENT;
    }
    bool former = index->former_model != NULL && nima_search_rows_has(&index->former, row);
    return former ? NIMA_SPACE_FORMER : NIMA_SPACE_NONE;
}

static struct nima_index_hit hit_at(const struct searching *s, size_t row)
{
    const struct row *fact = &s->index->facts[row];
    struct nima_index_hit hit = {
        .vector = fmin(1.0, fmax(0.0, s->vectors[row])),
        .keyword = s->keywords[row],
        .recency = recency_of(s->query->options, s->query->now_ms, fact->updated_s),
        .confidence = fact->confidence,
        .space = space_of(s->index, row),
    };
    hit.score = nima_memory_index_score(s->query->options, s->share, &hit);
    return hit;
}

static bool wanted(const struct searching *s, size_t row)
{
    const struct row *fact = &s->index->facts[row];
    return lives(s->index, row) && (s->category == UINT32_MAX || s->category == fact->category) &&
           (double)fact->confidence >= s->query->min_confidence - 1e-6 &&
           (!s->words_only || s->keywords[row] > 0);
}

/* Age and confidence can only take away, so a row whose base is below the bar is passed over
 * before they are worked out. */
static void collect(const struct searching *s, struct nima_top *top)
{
    float share = (float)s->share;
    float bar = -INFINITY;
    for (size_t row = 0; row < s->index->count; row++) {
        float base = share * fmaxf(0, s->vectors[row]) + (1 - share) * s->keywords[row];
        if (base + 1e-6F < bar || !wanted(s, row)) {
            continue;
        }
        float score = (float)hit_at(s, row).score;
        nima_search_top_offer(top, (struct nima_top_hit){(uint32_t)row, score});
        bar = nima_search_top_bar(top);
    }
}

struct spread_of {
    double rows, mean, sd;
};

static struct spread_of spread_in(const struct nima_index *index, const float *values,
                                  enum nima_index_space space)
{
    struct spread_of s = {0};
    double squares = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (lives(index, i) && space_of(index, i) == space) {
            s.rows++;
            s.mean += values[i];
            squares += (double)values[i] * values[i];
        }
    }
    s.mean = s.rows > 0 ? s.mean / s.rows : 0;
    s.sd = s.rows > 0 ? sqrt(fmax(squares / s.rows - s.mean * s.mean, 0)) : 0;
    return s;
}

/* Cosines of two models say different things: 0.8 is next to nothing for some. What the present one
 * gives is laid on the scale of the former one, once both have enough rows to tell. */
static void scan_both(struct nima_arena *arena, struct searching *s)
{
    static const double rows_least = 8;
    const struct nima_index *index = s->index;
    if (s->query->vector != NULL) {
        nima_search_rows_scan(&index->rows, s->query->vector, s->vectors);
    }
    if (index->former_model == NULL || s->query->former == NULL) {
        return;
    }
    float *former = NIMA_NEW(arena, float, index->count);
    nima_search_rows_scan(&index->former, s->query->former, former);
    struct spread_of now = spread_in(index, s->vectors, NIMA_SPACE_PRESENT);
    struct spread_of then = spread_in(index, former, NIMA_SPACE_FORMER);
    if (s->query->vector != NULL && fmin(now.rows, then.rows) >= rows_least && now.sd > 0) {
        s->scale = then.sd / now.sd;
        s->shift = then.mean - s->scale * now.mean;
    }
    for (size_t i = 0; i < index->count; i++) {
        enum nima_index_space space = space_of(index, i);
        s->vectors[i] = space == NIMA_SPACE_FORMER ? former[i]
                        : space == NIMA_SPACE_PRESENT
                            ? (float)(s->scale * (double)s->vectors[i] + s->shift)
                            : 0;
    }
}

static uint32_t find_category(const struct nima_index *index, nima_str name)
{
    for (size_t i = 0; i < index->category_count; i++) {
        if (nima_str_eq(nima_str_of(index->categories[i]), name)) {
            return (uint32_t)i;
        }
    }
    return UINT32_MAX - 1; /* nobody's */
}

void nima_memory_index_search(struct nima_arena *arena, const struct nima_index *index,
                              struct nima_words *words, const struct nima_index_query *query,
                              size_t k, struct nima_index_hits *out)
{
    *out = (struct nima_index_hits){0};
    struct searching s = {.index = index,
                          .query = query,
                          .scale = 1,
                          .words_only = query->vector == NULL && query->former == NULL,
                          .category = query->category.ptr != NULL
                                          ? find_category(index, query->category)
                                          : UINT32_MAX};
    s.vectors = NIMA_NEW(arena, float, index->count);
    s.keywords = NIMA_NEW(arena, float, index->count);
    if (!s.words_only) {
        scan_both(arena, &s);
    }
    struct nima_terms terms = nima_search_words_of(words, query->text, (nima_str){0});
    size_t found = nima_search_bm25_score(&index->bm25, terms, s.keywords);
    s.share = s.words_only ? 0
              : found == 0 ? 1
                           : vector_share(index, s.vectors, s.keywords, query->options);
    struct nima_top top = {.room = k < index->count ? k : index->count};
    top.heap = NIMA_NEW(arena, struct nima_top_hit, top.room);
    collect(&s, &top);
    nima_search_top_sort(&top);
    out->vector_share = s.share;
    out->scale = s.scale;
    out->shift = s.shift;
    out->items = NIMA_NEW(arena, struct nima_index_hit, top.count);
    for (size_t i = 0; i < top.count; i++) {
        out->items[i] = hit_at(&s, top.heap[i].row);
        out->items[i].id = nima_memory_id_write(arena, &index->facts[top.heap[i].row].id);
    }
    out->count = top.count;
}
