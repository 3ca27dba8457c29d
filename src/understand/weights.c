/*
 * The file of weights (data/weights.bin), written by scripts/train-understanding. Little-endian:
 *
 *   "NIMAUND3"  u32 fingerprint kinds dims labels tag_bits
 *               u32 word_rows word_entries tag_rows tag_entries
 *   f32 words_alone temperature with_do with_ask without_do without_ask tag_scale follow_scale
 *   kinds: u8 length and name, each        labels: u8 length and name ("O", "B-when", "I-when")
 *   padding to 4
 *   f32 word_scale[kinds] vector_scale[kinds] bias[kinds] bias_alone[kinds]
 *   u32 word_hashes[word_rows] word_starts[word_rows + 1]
 *   u32 tag_hashes[tag_rows] tag_starts[tag_rows + 1]
 *   u8 idfs[word_rows]  u8 word_columns[word_entries]  i8 word_values[word_entries]
 *   u8 tag_columns[tag_entries]  i8 tag_values[tag_entries]
 *   i8 vector[kinds * dims]  i8 follows[(labels + 1) * labels]
 */
#include <stdio.h>
#include <string.h>

#include "understand/understand_int.h"

enum {
    NUMBERS = 9,
    SHARES = 8,
    NAME_BYTES_MAX = 64,
    BITS_MAX = 24,
    DIMS_MAX = 4096,
    ROWS_MAX = 1 << 20
};

struct reader {
    nima_str bytes;
    size_t at;
    bool broken;
};

static const void *take(struct reader *r, size_t bytes)
{
    if (r->broken || bytes > r->bytes.len - r->at) {
        r->broken = true;
        return NULL;
    }
    const void *found = r->bytes.ptr + r->at;
    r->at += bytes;
    return found;
}

static nima_str take_name(struct reader *r)
{
    const uint8_t *length = take(r, 1);
    const char *text = length != NULL && *length <= NAME_BYTES_MAX ? take(r, *length) : NULL;
    r->broken = r->broken || text == NULL;
    return text != NULL ? (nima_str){text, *length} : NIMA_STR("");
}

uint32_t nima_weights_fingerprint(void)
{
    uint32_t sum = NIMA_FEATURE_SCHEME;
    for (int kind = 0; kind < NIMA_KINDS; kind++) {
        sum += nima_understand_kind_hash((enum nima_kind)kind);
    }
    return sum;
}

static bool label_of(nima_str name, uint8_t *out)
{
    enum nima_slot slot;
    if (nima_str_eq(name, NIMA_STR("O"))) {
        *out = 0;
        return true;
    }
    if (name.len < 3 || !nima_slot_by_name(nima_str_sub(name, 2, name.len), &slot)) {
        return false;
    }
    *out = (uint8_t)(2 * (int)slot + (name.ptr[0] == 'I'));
    return true;
}

static void read_names(struct reader *r, struct nima_weights *w)
{
    for (size_t i = 0; i < w->kinds && !r->broken; i++) {
        r->broken = !nima_kind_by_name(take_name(r), &w->kind_of[i]) || r->broken;
    }
    for (size_t i = 0; i < w->labels && !r->broken; i++) {
        r->broken = !label_of(take_name(r), &w->label_of[i]) || r->broken;
    }
    take(r, (4 - r->at % 4) % 4);
}

size_t nima_sparse_find(const struct nima_sparse *sparse, uint32_t hash)
{
    size_t low = 0, high = sparse->rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sparse->hashes[middle] < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sparse->rows && sparse->hashes[low] == hash ? low : SIZE_MAX;
}

/* Every row within the entries, every entry within the columns: what is read of it later holds. */
static bool holds(const struct nima_sparse *sparse, size_t columns)
{
    for (size_t i = 0; i < sparse->rows; i++) {
        if (sparse->starts[i] > sparse->starts[i + 1] || sparse->starts[i + 1] > sparse->entries) {
            return false;
        }
    }
    for (size_t i = 0; i < sparse->entries; i++) {
        if (sparse->columns[i] >= columns) {
            return false;
        }
    }
    return true;
}

static void read_tables(struct reader *r, struct nima_weights *w)
{
    w->word_scale = take(r, w->kinds * sizeof(float));
    w->vector_scale = take(r, w->kinds * sizeof(float));
    w->bias = take(r, w->kinds * sizeof(float));
    w->bias_alone = take(r, w->kinds * sizeof(float));
    w->words.hashes = take(r, w->words.rows * sizeof(uint32_t));
    w->words.starts = take(r, (w->words.rows + 1) * sizeof(uint32_t));
    w->tags.hashes = take(r, w->tags.rows * sizeof(uint32_t));
    w->tags.starts = take(r, (w->tags.rows + 1) * sizeof(uint32_t));
    w->idfs = take(r, w->words.rows);
    w->words.columns = take(r, w->words.entries);
    w->words.values = take(r, w->words.entries);
    w->tags.columns = take(r, w->tags.entries);
    w->tags.values = take(r, w->tags.entries);
    w->vector = take(r, w->kinds * w->dims);
    w->follows = take(r, (w->labels + 1) * w->labels);
    r->broken = r->broken || !holds(&w->words, w->kinds) || !holds(&w->tags, w->labels);
}

bool nima_weights_read(struct nima_weights *weights, nima_str bytes, char *problem,
                       size_t problem_bytes)
{
    struct reader r = {.bytes = bytes};
    struct nima_weights w = {0};
    const char *magic = take(&r, 8);
    uint32_t numbers[NUMBERS] = {0};
    float shares[SHARES] = {0};
    const void *head = take(&r, sizeof(numbers)), *tail = take(&r, sizeof(shares));
    if (r.broken || memcmp(magic, "NIMAUND3", 8) != 0) {
        snprintf(problem, problem_bytes, "the weights are damaged; train them again");
        return false;
    }
    memcpy(numbers, head, sizeof(numbers));
    memcpy(shares, tail, sizeof(shares));
    if (numbers[0] != nima_weights_fingerprint()) {
        snprintf(problem, problem_bytes,
                 "the weights were made for another table of kinds; run "
                 "scripts/train-understanding");
        return false;
    }
    w.kinds = numbers[1];
    w.dims = numbers[2];
    w.labels = numbers[3];
    w.tag_bits = numbers[4];
    w.words.rows = numbers[5];
    w.words.entries = numbers[6];
    w.tags.rows = numbers[7];
    w.tags.entries = numbers[8];
    w.words_alone = shares[0];
    w.temperature = shares[1];
    w.with_do = shares[2];
    w.with_ask = shares[3];
    w.without_do = shares[4];
    w.without_ask = shares[5];
    w.tag_scale = shares[6];
    w.follow_scale = shares[7];
    r.broken = w.kinds > NIMA_KINDS || w.dims > DIMS_MAX || w.labels > NIMA_LABELS ||
               w.tag_bits > BITS_MAX || w.words.rows > ROWS_MAX || w.tags.rows > ROWS_MAX ||
               w.words.entries > ROWS_MAX || w.tags.entries > ROWS_MAX;
    read_names(&r, &w);
    read_tables(&r, &w);
    if (r.broken || r.at != bytes.len) {
        snprintf(problem, problem_bytes, "the weights are damaged; train them again");
        return false;
    }
    *weights = w;
    return true;
}
