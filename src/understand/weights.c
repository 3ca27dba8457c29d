/*
 * The file of weights, little-endian, every section padded to four bytes:
 *
 *   "NIMAUND1"  u32 scheme  u32 kinds  u64 fingerprint  u32 features  u32 dims  u32 tag_bits
 *   u32 labels  f32 word_share vector_share word_alone with_do with_ask without_do without_ask
 *   u32 hashes[features]  u8 idfs[features]  i8 words[features][kinds]  f32 word_scale[kinds]
 *   f32 word_bias[kinds]  i8 vector[kinds][dims]  f32 vector_scale[kinds]  f32 vector_bias[kinds]
 *   i8 tags[1 << tag_bits][labels]  i8 follows[labels + 1][labels]
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "understand/understand_int.h"

enum { FEATURES_MAX = 100000, DIMS_MAX = 4096, TAG_BITS_MAX = 18 };

struct cursor {
    const char *at;
    size_t left;
    bool short_of;
};

static const void *take(struct cursor *c, size_t bytes)
{
    size_t padded = (bytes + 3) & ~(size_t)3;
    if (c->short_of || padded > c->left) {
        c->short_of = true;
        return NULL;
    }
    const void *here = c->at;
    c->at += padded;
    c->left -= padded;
    return here;
}

static uint32_t take_u32(struct cursor *c)
{
    uint32_t value = 0;
    const void *here = take(c, sizeof(value));
    if (here != NULL) {
        memcpy(&value, here, sizeof(value));
    }
    return value;
}

static float take_f32(struct cursor *c)
{
    float value = 0;
    const void *here = take(c, sizeof(value));
    if (here != NULL) {
        memcpy(&value, here, sizeof(value));
    }
    return value;
}

static uint64_t mix_in(uint64_t hash, nima_str text, char end)
{
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (uint8_t)text.ptr[i]) * 0x100000001b3U;
    }
    return (hash ^ (uint8_t)end) * 0x100000001b3U;
}

uint64_t nima_weights_fingerprint(void)
{
    char scheme[16];
    int length = snprintf(scheme, sizeof(scheme), "%d", NIMA_FEATURE_SCHEME);
    uint64_t hash = mix_in(0xcbf29ce484222325U, (nima_str){scheme, (size_t)length}, ';');
    for (int k = 0; k < NIMA_KINDS; k++) {
        const struct nima_kind_row *row = nima_kind_row((enum nima_kind)k);
        hash = mix_in(hash, row->name, ':');
        for (size_t s = 0; row->slots[s].slot != NIMA_SLOT_NONE; s++) {
            bool last = row->slots[s + 1].slot == NIMA_SLOT_NONE;
            hash = mix_in(hash, nima_slot_row(row->slots[s].slot)->name, last ? ';' : ',');
        }
        if (row->slots[0].slot == NIMA_SLOT_NONE) {
            hash = mix_in(hash, NIMA_STR(""), ';');
        }
    }
    for (int s = NIMA_SLOT_NONE + 1; s < NIMA_SLOTS; s++) {
        hash = mix_in(hash, nima_slot_row((enum nima_slot)s)->name, ';');
    }
    return hash;
}

static bool head(struct cursor *c, struct nima_weights *w, char *problem, size_t problem_bytes)
{
    const void *magic = take(c, 8);
    if (magic == NULL || memcmp(magic, "NIMAUND1", 8) != 0) {
        snprintf(problem, problem_bytes, "the weights of understanding are no such file");
        return false;
    }
    uint32_t scheme = take_u32(c), kinds = take_u32(c);
    uint64_t fingerprint = take_u32(c);
    fingerprint |= (uint64_t)take_u32(c) << 32;
    if (scheme != NIMA_FEATURE_SCHEME || kinds != NIMA_KINDS ||
        fingerprint != nima_weights_fingerprint()) {
        snprintf(problem, problem_bytes,
                 "the weights of understanding were made for another table of kinds (%u kinds, "
                 "scheme %u; here %d and %d): run scripts/train-understanding and build again",
                 kinds, scheme, NIMA_KINDS, NIMA_FEATURE_SCHEME);
        return false;
    }
    w->features = take_u32(c);
    w->dims = take_u32(c);
    w->tag_bits = take_u32(c);
    uint32_t labels = take_u32(c);
    return w->features <= FEATURES_MAX && w->dims <= DIMS_MAX && w->tag_bits <= TAG_BITS_MAX &&
           labels == NIMA_TAG_LABELS;
}

static void shares(struct cursor *c, struct nima_weights *w)
{
    float *const fields[] = {&w->word_share, &w->vector_share, &w->word_alone, &w->with_do,
                             &w->with_ask,   &w->without_do,   &w->without_ask};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        *fields[i] = take_f32(c);
        c->short_of = c->short_of || !isfinite(*fields[i]);
    }
}

static bool sorted(const uint32_t *hashes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (hashes[i - 1] >= hashes[i]) {
            return false;
        }
    }
    return true;
}

bool nima_weights_read(struct nima_weights *weights, nima_str bytes, char *problem,
                       size_t problem_bytes)
{
    struct nima_weights w = {0};
    struct cursor c = {.at = bytes.ptr, .left = bytes.len};
    problem[0] = '\0';
    if (((uintptr_t)bytes.ptr & 3) != 0 || !head(&c, &w, problem, problem_bytes)) {
        if (problem[0] == '\0') {
            snprintf(problem, problem_bytes, "the weights of understanding are damaged");
        }
        return false;
    }
    shares(&c, &w);
    w.hashes = take(&c, w.features * sizeof(uint32_t));
    w.idfs = take(&c, w.features);
    w.words = take(&c, w.features * NIMA_KINDS);
    w.word_scale = take(&c, NIMA_KINDS * sizeof(float));
    w.word_bias = take(&c, NIMA_KINDS * sizeof(float));
    w.vector = take(&c, NIMA_KINDS * w.dims);
    w.vector_scale = take(&c, NIMA_KINDS * sizeof(float));
    w.vector_bias = take(&c, NIMA_KINDS * sizeof(float));
    w.tags = take(&c, ((size_t)1 << w.tag_bits) * NIMA_TAG_LABELS);
    w.follows = take(&c, (size_t)(NIMA_TAG_LABELS + 1) * NIMA_TAG_LABELS);
    if (c.short_of || c.left != 0 || !sorted(w.hashes, w.features)) {
        snprintf(problem, problem_bytes, "the weights of understanding are damaged");
        return false;
    }
    *weights = w;
    return true;
}
