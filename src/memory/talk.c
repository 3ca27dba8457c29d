/* Keeping what was said; ranking it is in talk_rank.c. */
#include "memory/talk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory/talk_int.h"
#include "util/arena.h"

enum {
    SESSION_GAP_MS = 6 * 3600 * 1000, /* a longer silence ends a session */
    SPEAKERS_MAX = 1000,              /* of one person's messages; the others have no name here */
    WORN_MIN = 256,
    WEIGHED_TERMS_MAX = 256,
};
static const float content_max = 100; /* about twenty words that matter */

struct nima_talk *nima_memory_talk_new(nima_str model, size_t dims)
{
    struct nima_talk *talk = NIMA_XNEW(struct nima_talk, 1);
    nima_search_rows_init(&talk->rows, dims, nima_search_simd_best());
    nima_search_bm25_init(&talk->bm25);
    talk->model = nima_xstrdup(model);
    return talk;
}

void nima_memory_talk_free(struct nima_talk *talk)
{
    if (talk == NULL) {
        return;
    }
    nima_search_rows_done(&talk->rows);
    nima_search_bm25_done(&talk->bm25);
    nima_memory_ids_done(&talk->ids);
    nima_memory_ids_done(&talk->conversation_ids);
    for (size_t i = 0; i < talk->speaker_count; i++) {
        free(talk->speakers[i].name);
    }
    free(talk->speakers);
    free(talk->conversations);
    free(talk->messages);
    free(talk->model);
    free(talk);
}

size_t nima_memory_talk_rows(const struct nima_talk *talk)
{
    return talk->bm25.living;
}

size_t nima_memory_talk_waiting(const struct nima_talk *talk)
{
    size_t waiting = 0;
    for (size_t row = 0; row < talk->count; row++) {
        waiting += nima_talk_lives(talk, row) && !nima_search_rows_has(&talk->rows, row);
    }
    return waiting;
}

size_t nima_memory_talk_bytes(const struct nima_talk *talk)
{
    return sizeof(*talk) + nima_search_rows_bytes(&talk->rows) +
           nima_search_bm25_bytes(&talk->bm25) + talk->room * sizeof(*talk->messages) +
           talk->conversation_room * sizeof(*talk->conversations) +
           talk->speaker_count * sizeof(*talk->speakers) + nima_memory_ids_bytes(&talk->ids) +
           nima_memory_ids_bytes(&talk->conversation_ids);
}

size_t nima_memory_talk_dims(const struct nima_talk *talk)
{
    return talk->rows.dims;
}

nima_str nima_memory_talk_model(const struct nima_talk *talk)
{
    return nima_str_of(talk->model);
}

bool nima_memory_talk_worn(const struct nima_talk *talk)
{
    size_t dead = talk->count - talk->bm25.living;
    return talk->wrong || (dead > WORN_MIN && dead > talk->count / 4);
}

/* Taking in */

static bool is(nima_str text, const char *word)
{
    return nima_str_eq(text, nima_str_of(word));
}

static uint32_t add_speaker(struct nima_talk *talk, struct nima_words *words, nima_str name)
{
    size_t at = talk->speaker_count++;
    talk->speakers = nima_xrealloc(talk->speakers, talk->speaker_count * sizeof(*talk->speakers));
    struct nima_talk_speaker *speaker = &talk->speakers[at];
    *speaker = (struct nima_talk_speaker){.name = nima_xstrdup(name)};
    struct nima_terms terms = nima_search_words_of(words, name, (nima_str){0});
    for (size_t i = 0; i < terms.count && i < NIMA_SPEAKER_TERMS_MAX; i++) {
        speaker->terms[speaker->term_count++] = terms.items[i];
    }
    return (uint32_t)at + NIMA_SPEAKER_NAMED;
}

static uint32_t speaker_of(struct nima_talk *talk, struct nima_words *words,
                           const struct nima_message_row *row)
{
    if (row->name.ptr == NULL || row->name.len == 0) {
        return is(row->role, "user") ? NIMA_SPEAKER_USER : NIMA_SPEAKER_ASSISTANT;
    }
    for (size_t i = talk->speaker_count; i > 0; i--) {
        if (is(row->name, talk->speakers[i - 1].name)) {
            return (uint32_t)i - 1 + NIMA_SPEAKER_NAMED;
        }
    }
    return talk->speaker_count < SPEAKERS_MAX ? add_speaker(talk, words, row->name)
                                              : NIMA_TALK_NONE;
}

static struct nima_talk_conversation *conversation_of(struct nima_talk *talk, nima_str id,
                                                      uint32_t *number)
{
    struct nima_id_bytes bytes = {{0}};
    (void)!nima_memory_id_read(id, &bytes); /* the store gives no other ids */
    uint32_t at = nima_memory_ids_get(&talk->conversation_ids, &bytes);
    if (at == UINT32_MAX) {
        if (talk->conversation_count == talk->conversation_room) {
            talk->conversation_room += talk->conversation_room / 2 + 8;
            talk->conversations = nima_xrealloc(
                talk->conversations, talk->conversation_room * sizeof(*talk->conversations));
        }
        at = (uint32_t)talk->conversation_count++;
        talk->conversations[at] = (struct nima_talk_conversation){.last_row = NIMA_TALK_NONE};
        nima_memory_ids_set(&talk->conversation_ids, &bytes, at);
    }
    *number = at;
    return &talk->conversations[at];
}

/* Behind the conversation's last message, or the first of a session. */
static void link_row(struct nima_talk *talk, struct nima_talk_row *row, uint32_t number,
                     const struct nima_message_row *message)
{
    struct nima_talk_conversation *conversation =
        conversation_of(talk, message->conversation_id, &row->conversation);
    uint32_t last = conversation->last_row;
    const struct nima_talk_row *before = last != NIMA_TALK_NONE ? &talk->messages[last] : NULL;
    row->position = (uint32_t)message->position;
    row->said_ms = message->timestamp;
    talk->wrong = talk->wrong || (before != NULL && row->position <= before->position);
    if (before != NULL && row->said_ms - before->said_ms <= SESSION_GAP_MS) {
        row->before = last;
        row->session = before->session;
        talk->messages[last].after = number;
    } else {
        row->session = (uint32_t)talk->session_count++;
    }
    conversation->last_row = number;
}

/* Those on both sides of it become neighbours: a fresh index would not know of it. */
static void unlink_row(struct nima_talk *talk, uint32_t number)
{
    const struct nima_talk_row *row = &talk->messages[number];
    struct nima_talk_conversation *conversation = &talk->conversations[row->conversation];
    if (row->before != NIMA_TALK_NONE) {
        talk->messages[row->before].after = row->after;
    }
    if (row->after != NIMA_TALK_NONE) {
        talk->messages[row->after].before = row->before;
    }
    if (conversation->last_row == number) {
        conversation->last_row = row->before;
    }
}

static uint32_t said_of(struct nima_terms terms)
{
    enum { PRIME = 16777619 };
    uint32_t hash = (uint32_t)terms.count;
    for (size_t i = 0; i < terms.count; i++) {
        hash = (hash ^ (uint32_t)(terms.items[i] ^ terms.items[i] >> 32)) * PRIME;
    }
    return terms.count == 0 ? 0 : hash != 0 ? hash : 1;
}

static bool seen_before(struct nima_terms terms, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (terms.items[i] == terms.items[at]) {
            return true;
        }
    }
    return false;
}

/* By the frequencies of the moment; nima_memory_talk_settle weighs all anew. */
static float content_of(const struct nima_talk *talk, struct nima_terms terms)
{
    float mass = 0;
    for (size_t i = 0; i < terms.count && i < WEIGHED_TERMS_MAX && mass < content_max; i++) {
        if (!seen_before(terms, i)) {
            const struct nima_bm25_term *term = nima_search_bm25_term(&talk->bm25, terms.items[i]);
            size_t holders = term != NULL ? nima_search_bm25_holders(&talk->bm25, term) : 0;
            mass += nima_search_bm25_idf(&talk->bm25, holders);
        }
    }
    return log1pf(fminf(mass, content_max));
}

static const float *usable_vector(const struct nima_talk *talk,
                                  const struct nima_message_found *message)
{
    bool same = message->embedding != NULL && message->dims == talk->rows.dims &&
                is(message->embedding_model, talk->model);
    return same ? message->embedding : NULL;
}

static void add(struct nima_talk *talk, struct nima_words *words, const struct nima_id_bytes *id,
                const struct nima_message_found *message)
{
    uint32_t number = (uint32_t)talk->count;
    struct nima_talk_row row = {.id = *id, .before = NIMA_TALK_NONE, .after = NIMA_TALK_NONE};
    if (talk->count == talk->room) {
        talk->room += talk->room / 4 + 32;
        talk->messages = nima_xrealloc(talk->messages, talk->room * sizeof(*talk->messages));
    }
    row.speaker = speaker_of(talk, words, &message->row);
    row.day = nima_memory_day(message->row.timestamp);
    row.told = nima_memory_told(words, message->row.content);
    row.superseded = is(message->row.withheld, "superseded");
    link_row(talk, &row, number, &message->row);
    struct nima_terms terms = nima_search_words_of(words, message->row.content, (nima_str){0});
    row.said = said_of(terms);
    nima_search_bm25_add(&talk->bm25, terms);
    row.content = talk->settled > 0 ? content_of(talk, terms) : 0;
    nima_search_rows_add(&talk->rows, usable_vector(talk, message));
    nima_memory_ids_set(&talk->ids, id, number);
    talk->messages[talk->count++] = row;
}

static bool is_found(const struct nima_message_row *row)
{
    return !row->left && !is(row->withheld, "forgotten");
}

static void change(struct nima_talk *talk, struct nima_words *words, uint32_t row,
                   const struct nima_message_found *message)
{
    if (!nima_talk_lives(talk, row)) {
        talk->wrong = talk->wrong || is_found(&message->row);
        return;
    }
    if (!is_found(&message->row)) {
        nima_search_bm25_remove(&talk->bm25, row);
        nima_search_rows_set(&talk->rows, row, NULL);
        unlink_row(talk, row);
        return;
    }
    struct nima_terms terms = nima_search_words_of(words, message->row.content, (nima_str){0});
    talk->wrong = talk->wrong || said_of(terms) != talk->messages[row].said;
    talk->messages[row].superseded = is(message->row.withheld, "superseded");
    nima_search_rows_set(&talk->rows, row, usable_vector(talk, message));
}

void nima_memory_talk_put(struct nima_talk *talk, struct nima_words *words,
                          const struct nima_message_found *message)
{
    struct nima_id_bytes id;
    if (is(message->row.role, "system") || !nima_memory_id_read(message->row.id, &id)) {
        return; /* the store gives no other ids; an index cannot refuse */
    }
    nima_search_words_same(words);
    uint32_t row = nima_memory_ids_get(&talk->ids, &id);
    if (row != UINT32_MAX) {
        change(talk, words, row, message);
    } else if (is_found(&message->row) && talk->count < NIMA_BM25_ROWS_MAX) {
        add(talk, words, &id, message);
    }
}

/* Words grow more common: when there are a quarter more messages, what is in each is weighed
 * anew. */
void nima_memory_talk_settle(struct nima_talk *talk)
{
    if (talk->count <= talk->settled + talk->settled / 4) {
        return;
    }
    float *mass = NIMA_XNEW(float, talk->count);
    for (size_t t = 0; t < talk->bm25.term_room; t++) {
        const struct nima_bm25_term *term = &talk->bm25.terms[t];
        float idf = nima_search_bm25_idf(
            &talk->bm25, term->hash != 0 ? nima_search_bm25_holders(&talk->bm25, term) : 0);
        const uint32_t *postings = nima_search_bm25_postings(term);
        for (uint32_t i = 0; i < term->count; i++) {
            mass[postings[i] >> 8] += idf;
        }
    }
    for (size_t row = 0; row < talk->count; row++) {
        talk->messages[row].content = log1pf(fminf(mass[row], content_max));
    }
    free(mass);
    talk->settled = talk->count;
}
