/*
 * The tokenizer that BERT models were published with: clean the text, set CJK characters apart,
 * decompose (NFD) and drop accents, lower case, split at blanks and punctuation, then the longest
 * pieces from the left. llama.cpp has one of its own that differs on Hangul, Devanagari and long
 * words, and a person writing Korean would get poor recall without any error.
 *
 * All of it is done one character at a time, so that a long text costs no more than its first 256
 * tokens. Decomposing by the character instead of by the text leaves combining marks in another
 * order, but the ones that can change places are the ones that are dropped.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "llm/llm_int.h"

enum { WORD_CHARS_MAX = 100, PIECE_IDS_MAX = WORD_CHARS_MAX };

struct piece {
    nima_str text;
    int32_t id;
    bool starts;
};

struct nima_wordpiece {
    struct piece *slots; /* open addressing; a free slot has no text */
    size_t mask;
    size_t longest; /* bytes */
    int32_t special[NIMA_WP_SPECIALS];
};

struct nima_wordpiece *nima_wordpiece_new(size_t tokens_max)
{
    struct nima_wordpiece *vocabulary = NIMA_XNEW(struct nima_wordpiece, 1);
    size_t size = 64;
    while (size < tokens_max * 2) {
        size *= 2;
    }
    vocabulary->slots = NIMA_XNEW(struct piece, size);
    vocabulary->mask = size - 1;
    return vocabulary;
}

void nima_wordpiece_free(struct nima_wordpiece *vocabulary)
{
    if (vocabulary == NULL) {
        return;
    }
    for (size_t i = 0; i <= vocabulary->mask; i++) {
        free((char *)(uintptr_t)vocabulary->slots[i].text.ptr);
    }
    free(vocabulary->slots);
    free(vocabulary);
}

/* The slot of the piece, or the free one where it belongs. */
static struct piece *slot_of(const struct nima_wordpiece *vocabulary, nima_str text, bool starts)
{
    size_t at = nima_str_hash(text) * 2 + (starts ? 1 : 0);
    at ^= at >> 32;
    for (;; at++) {
        struct piece *slot = &vocabulary->slots[at & vocabulary->mask];
        if (slot->text.ptr == NULL || (slot->starts == starts && nima_str_eq(slot->text, text))) {
            return slot;
        }
    }
}

void nima_wordpiece_add(struct nima_wordpiece *vocabulary, nima_str piece, bool starts, int32_t id)
{
    struct piece *slot = slot_of(vocabulary, piece, starts);
    if (piece.len == 0 || slot->text.ptr != NULL) {
        return;
    }
    *slot = (struct piece){{nima_xstrdup(piece), piece.len}, id, starts};
    vocabulary->longest = piece.len > vocabulary->longest ? piece.len : vocabulary->longest;
}

void nima_wordpiece_set_special(struct nima_wordpiece *vocabulary,
                                enum nima_wordpiece_special special, int32_t id)
{
    vocabulary->special[special] = id;
}

struct encoder {
    const struct nima_wordpiece *vocabulary;
    int32_t *ids;
    size_t count, max; /* max leaves room for [SEP] */
    char word[WORD_CHARS_MAX * 4];
    size_t word_len, word_chars; /* chars may exceed what is kept */
};

static void add_id(struct encoder *encoder, int32_t id)
{
    if (encoder->count < encoder->max) {
        encoder->ids[encoder->count++] = id;
    }
}

/* The longest piece at the beginning of `rest`; absent slot text when there is none. */
static const struct piece *longest_piece(const struct nima_wordpiece *vocabulary, nima_str rest,
                                         bool starts)
{
    size_t len = rest.len < vocabulary->longest ? rest.len : vocabulary->longest;
    for (; len > 0; len--) {
        if (len < rest.len && ((unsigned char)rest.ptr[len] & 0xC0) == 0x80) {
            continue;
        }
        const struct piece *slot = slot_of(vocabulary, (nima_str){rest.ptr, len}, starts);
        if (slot->text.ptr != NULL) {
            return slot;
        }
    }
    return NULL;
}

/* A word with one unknown part is unknown as a whole. */
static void end_word(struct encoder *encoder)
{
    if (encoder->word_chars == 0) {
        return;
    }
    const struct nima_wordpiece *vocabulary = encoder->vocabulary;
    int32_t found[PIECE_IDS_MAX];
    size_t count = 0, at = 0;
    bool known = encoder->word_chars <= WORD_CHARS_MAX;
    while (known && at < encoder->word_len) {
        nima_str rest = {encoder->word + at, encoder->word_len - at};
        const struct piece *piece = longest_piece(vocabulary, rest, at == 0);
        known = piece != NULL;
        if (known) {
            found[count++] = piece->id;
            at += piece->text.len;
        }
    }
    if (!known) {
        found[0] = vocabulary->special[NIMA_WP_UNK];
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        add_id(encoder, found[i]);
    }
    encoder->word_len = encoder->word_chars = 0;
}

static void add_char(struct encoder *encoder, uint32_t c)
{
    if (encoder->word_chars < WORD_CHARS_MAX) {
        char bytes[4];
        int width = nima_utf8_encode(c, bytes);
        memcpy(encoder->word + encoder->word_len, bytes, (size_t)width);
        encoder->word_len += (size_t)width;
    }
    encoder->word_chars++;
}

static bool is_cjk(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/* White_Space of Unicode, which is more than the categories Z*. */
static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

static bool is_dropped(uint32_t c)
{
    if (c == '\t' || c == '\n' || c == '\r') {
        return false;
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return c == 0 || c == 0xFFFD || category == UTF8PROC_CATEGORY_CC ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CO;
}

static bool is_punctuation(uint32_t c)
{
    if (c < 0x80) {
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
               (c >= 123 && c <= 126);
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* A character after cleaning and decomposing. */
static void take_plain(struct encoder *encoder, uint32_t c, bool alone)
{
    if (utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_MN) {
        return;
    }
    c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    if (is_space(c)) {
        end_word(encoder);
    } else if (alone || is_punctuation(c)) {
        end_word(encoder);
        add_char(encoder, c);
        end_word(encoder);
    } else {
        add_char(encoder, c);
    }
}

static void take(struct encoder *encoder, uint32_t c)
{
    if (c < 0x80 && c > ' ' && c != 0x7F) {
        take_plain(encoder, c, false);
        return;
    }
    if (is_dropped(c)) {
        return;
    }
    if (is_space(c)) {
        end_word(encoder);
        return;
    }
    enum { PARTS_MAX = 32 };
    utf8proc_int32_t parts[PARTS_MAX];
    int boundary = UTF8PROC_BOUNDCLASS_START;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        (utf8proc_int32_t)c, parts, PARTS_MAX, (utf8proc_option_t)UTF8PROC_DECOMPOSE, &boundary);
    if (count < 1 || count > PARTS_MAX) {
        parts[0] = (utf8proc_int32_t)c;
        count = 1;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        take_plain(encoder, (uint32_t)parts[i], is_cjk(c));
    }
}

/* The published tokenizer takes its special tokens' names in a text for the tokens themselves. */
static size_t special_at(const struct nima_wordpiece *vocabulary, nima_str rest, int32_t *id)
{
    static const nima_str names[NIMA_WP_SPECIALS] = {
        [NIMA_WP_UNK] = NIMA_STR_INIT("[UNK]"),   [NIMA_WP_CLS] = NIMA_STR_INIT("[CLS]"),
        [NIMA_WP_SEP] = NIMA_STR_INIT("[SEP]"),   [NIMA_WP_PAD] = NIMA_STR_INIT("[PAD]"),
        [NIMA_WP_MASK] = NIMA_STR_INIT("[MASK]"),
    };
    for (size_t i = 0; i < NIMA_WP_SPECIALS; i++) {
        if (nima_str_starts(rest, names[i])) {
            *id = vocabulary->special[i];
            return names[i].len;
        }
    }
    return 0;
}

size_t nima_wordpiece_encode(const struct nima_wordpiece *vocabulary, nima_str text, int32_t *ids,
                             size_t max)
{
    nima_assert(vocabulary != NULL && max >= 2);
    struct encoder encoder = {.vocabulary = vocabulary, .ids = ids, .max = max - 1};
    add_id(&encoder, vocabulary->special[NIMA_WP_CLS]);
    size_t at = 0;
    while (at < text.len && encoder.count < encoder.max) {
        int32_t id;
        size_t named =
            text.ptr[at] == '[' ? special_at(vocabulary, nima_str_sub(text, at, text.len), &id) : 0;
        if (named > 0) {
            end_word(&encoder);
            add_id(&encoder, id);
            at += named;
            continue;
        }
        uint32_t c;
        int width = nima_utf8_decode(text, at, &c);
        if (width > 0) {
            take(&encoder, c);
        }
        at += width > 0 ? (size_t)width : 1;
    }
    end_word(&encoder);
    encoder.ids[encoder.count++] = vocabulary->special[NIMA_WP_SEP];
    return encoder.count;
}
