/*
 * How messages are ranked: docs/memory.md has the formulas, bench/locomo how they were found. A
 * word of the question is answered once, by the nearest message that has it: in a conversation the
 * answer often stands a line away from the words that were asked with.
 */
#include <math.h>
#include <stdlib.h>

#include "memory/talk_int.h"
#include "search/top.h"
#include "util/arena.h"

enum { QUERY_TERMS_MAX = 256, MORE_FOR_REPEATS = 16, BACK = 4, AHEAD = 3 };

static const float k1 = 0.9F;
static const float b = 0.4F;
static const float back[BACK] = {0.7F, 0.5F, 0.4F, 0.3F}; /* said so many messages earlier */
static const float ahead[AHEAD] = {0.5F, 0.3F, 0.2F};     /* … later */

/* The weights, fitted on conversations of other people than those it was tested with. */
static const float w_words = 0.42F;
static const float w_session = 0.25F;
static const float w_vector = 4.4F;
static const float w_before = 2.5F;
static const float w_after = 1.6F;
static const float w_answers = 0.17F;
static const float w_speaker = 1.0F;
static const float w_date = 3.5F;
static const float w_question = -0.43F;
static const float w_content = 0.8F;
static const float w_self = 0.6F;
static const float w_when = 0.95F;

struct ranking {
    const struct nima_talk *talk;
    const struct nima_talk_query *query;
    struct nima_asked asked;
    bool *speakers; /* those the question names, by number */
    float *own, *words, *cosines, *sessions;
    float *spread; /* of one term: zero outside `touched` */
    uint32_t *touched;
    size_t touched_count;
    float whole;                                         /* weight of all the question's words */
    const struct nima_bm25_term *terms[QUERY_TERMS_MAX]; /* of them; NULL: nobody said it */
    float weights[QUERY_TERMS_MAX];
    size_t term_count;
    uint32_t excluded; /* a conversation's number */
};

static void raise(struct ranking *r, uint32_t row, float x)
{
    if (r->spread[row] == 0) {
        r->touched[r->touched_count++] = row;
    }
    r->spread[row] = fmaxf(r->spread[row], x);
}

static void spread_from(struct ranking *r, uint32_t row, float x)
{
    const struct nima_talk_row *messages = r->talk->messages;
    raise(r, row, x);
    uint32_t at = messages[row].after;
    for (int d = 0; d < BACK && at != NIMA_TALK_NONE; d++, at = messages[at].after) {
        raise(r, at, back[d] * x);
    }
    at = messages[row].before;
    for (int d = 0; d < AHEAD && at != NIMA_TALK_NONE; d++, at = messages[at].before) {
        raise(r, at, ahead[d] * x);
    }
}

/* Where little was said every word is in a large part of it: that must not make what was never
 * said count for more than what was. */
static const float least_weight = 1.0F;

static void add_term(struct ranking *r, uint64_t hash)
{
    const struct nima_bm25 *bm25 = &r->talk->bm25;
    const struct nima_bm25_term *term = nima_search_bm25_term(bm25, hash);
    size_t holders = term != NULL ? nima_search_bm25_holders(bm25, term) : 0;
    float idf = nima_search_bm25_idf(bm25, holders);
    r->whole += idf;
    r->terms[r->term_count] = term;
    r->weights[r->term_count++] = fmaxf(idf, least_weight);
    if (holders == 0) {
        return;
    }
    float average = fmaxf(1.0F, (float)bm25->total_length / (float)bm25->living);
    const uint32_t *postings = nima_search_bm25_postings(term);
    for (uint32_t i = 0; i < term->count; i++) {
        uint32_t row = postings[i] >> 8;
        if (!nima_talk_lives(r->talk, row)) {
            continue;
        }
        float times = (float)(postings[i] & UINT8_MAX);
        float length = (float)bm25->lengths[row] / average;
        float x = idf * times * (k1 + 1) / (times + k1 * (1 - b + b * length));
        r->own[row] += x;
        spread_from(r, row, x);
    }
    for (size_t i = 0; i < r->touched_count; i++) {
        uint32_t row = r->touched[i];
        r->words[row] += r->spread[row];
        r->spread[row] = 0;
    }
    r->touched_count = 0;
}

/* Names of those who speak here say who is meant, not what was said: true for such a word. */
static bool names_speaker(struct ranking *r, uint64_t term)
{
    bool names = false;
    for (size_t i = 0; i < r->talk->speaker_count; i++) {
        const struct nima_talk_speaker *speaker = &r->talk->speakers[i];
        for (size_t t = 0; t < speaker->term_count; t++) {
            if (speaker->terms[t] == term) {
                r->speakers[i + NIMA_SPEAKER_NAMED] = true;
                names = true;
            }
        }
    }
    return names;
}

static void add_terms(struct ranking *r, struct nima_words *words)
{
    struct nima_terms terms = nima_search_words_of(words, r->query->text, (nima_str){0});
    size_t count = terms.count < QUERY_TERMS_MAX ? terms.count : QUERY_TERMS_MAX;
    for (size_t i = 0; i < count; i++) {
        bool again = false;
        for (size_t k = 0; k < i && !again; k++) {
            again = terms.items[k] == terms.items[i];
        }
        if (!again && !names_speaker(r, terms.items[i])) {
            add_term(r, terms.items[i]);
        }
    }
}

static void best_of_sessions(struct ranking *r)
{
    for (size_t row = 0; row < r->talk->count; row++) {
        float *best = &r->sessions[r->talk->messages[row].session];
        *best = fmaxf(*best, r->words[row]);
    }
}

static bool is_asked_of(const struct ranking *r, uint32_t speaker)
{
    return speaker != NIMA_TALK_NONE && r->speakers[speaker];
}

static float score_of(const struct ranking *r, uint32_t number)
{
    const struct nima_talk_row *messages = r->talk->messages, *row = &messages[number];
    uint32_t before = row->before, after = row->after;
    float cosine = r->cosines[number];
    float score = w_words * r->words[number] + w_session * r->sessions[row->session];
    score += w_vector * cosine;
    score += w_before * (before != NIMA_TALK_NONE ? r->cosines[before] : cosine);
    score += w_after * (after != NIMA_TALK_NONE ? r->cosines[after] : cosine);
    if (before != NIMA_TALK_NONE && messages[before].told.question) {
        score += w_answers * r->own[before];
    }
    score += is_asked_of(r, row->speaker) ? w_speaker : 0;
    score += w_date * nima_memory_asked_date(&r->asked, row->day);
    score += row->told.question ? w_question : 0;
    score += w_content * row->content + (row->told.self ? w_self : 0);
    return score + (r->asked.when ? w_when * (float)row->told.times : 0);
}

/* What an ideal message would get: it makes scores of one question comparable with another's. */
static float bound_of(const struct ranking *r)
{
    static const float date = 5.0F;
    static const float year = 1.0F;
    static const float cosine = 0.7F; /* hardly any is nearer */
    float bound =
        (w_words + w_session + 0.07F) * r->whole + w_speaker + w_content * log1pf(100.0F) + w_self;
    bound += r->query->vector != NULL ? cosine * (w_vector + w_before + w_after) : 0;
    bound += r->asked.months != 0 ? date : r->asked.year_count > 0 ? year : 0;
    return bound + (r->asked.when ? 2 * w_when : 0);
}

static bool wanted(const struct ranking *r, uint32_t number)
{
    const struct nima_talk_row *row = &r->talk->messages[number];
    bool found = r->words[number] > 0 || r->cosines[number] > 0;
    if (!found || !nima_talk_lives(r->talk, number)) {
        return false;
    }
    if (!r->query->for_prompt) {
        return true;
    }
    bool in_window =
        row->conversation == r->excluded && (int64_t)row->position >= r->query->from_position;
    return !row->superseded && !row->told.question && !in_window;
}

static double share(float part, float whole)
{
    return whole > 0 ? fmin(1.0, (double)(part / whole)) : 0;
}

static int by_row(const void *wanted, const void *posting)
{
    uint32_t row = *(const uint32_t *)wanted, other = *(const uint32_t *)posting >> 8;
    return row < other ? -1 : row > other;
}

/* The share of the question's words that the message itself has. */
static double own_share(const struct ranking *r, uint32_t row)
{
    float part = 0, whole = 0;
    for (size_t i = 0; i < r->term_count; i++) {
        const struct nima_bm25_term *term = r->terms[i];
        whole += r->weights[i];
        if (term != NULL && bsearch(&row, nima_search_bm25_postings(term), term->count,
                                    sizeof(uint32_t), by_row) != NULL) {
            part += r->weights[i];
        }
    }
    return share(part, whole);
}

static struct nima_talk_hit hit_of(struct nima_arena *arena, const struct ranking *r,
                                   struct nima_top_hit top)
{
    float score = top.score / bound_of(r);
    return (struct nima_talk_hit){
        .id = nima_memory_id_write(arena, &r->talk->messages[top.row].id),
        .score = fmin(1.0, fmax(0.0, (double)score)),
        .vector = fmin(1.0, fmax(0.0, (double)r->cosines[top.row])),
        .keyword = share(r->words[top.row], r->whole),
        .own = own_share(r, top.row),
        .has_vector = nima_search_rows_has(&r->talk->rows, top.row),
    };
}

/* Whether a better one says the same words. */
static bool repeats(const struct nima_talk *talk, const struct nima_top *top, size_t at)
{
    uint32_t said = talk->messages[top->heap[at].row].said;
    for (size_t i = 0; i < at && said != 0; i++) {
        if (talk->messages[top->heap[i].row].said == said) {
            return true;
        }
    }
    return false;
}

static void collect(struct nima_arena *arena, const struct ranking *r, size_t k,
                    struct nima_talk_hits *out)
{
    size_t room = k + k / 2 + MORE_FOR_REPEATS;
    struct nima_top top = {.room = room < r->talk->count ? room : r->talk->count};
    top.heap = NIMA_NEW(arena, struct nima_top_hit, top.room);
    for (uint32_t row = 0; row < r->talk->count; row++) {
        if (wanted(r, row)) {
            nima_search_top_offer(&top, (struct nima_top_hit){row, score_of(r, row)});
        }
    }
    nima_search_top_sort(&top);
    out->items = NIMA_NEW(arena, struct nima_talk_hit, k < top.count ? k : top.count);
    out->count = 0;
    for (size_t i = 0; i < top.count && out->count < k; i++) {
        if (!repeats(r->talk, &top, i)) {
            out->items[out->count++] = hit_of(arena, r, top.heap[i]);
        }
    }
}

static uint32_t conversation_number(const struct nima_talk *talk, nima_str id)
{
    struct nima_id_bytes bytes;
    return id.ptr != NULL && nima_memory_id_read(id, &bytes)
               ? nima_memory_ids_get(&talk->conversation_ids, &bytes)
               : UINT32_MAX;
}

void nima_memory_talk_search(struct nima_arena *arena, const struct nima_talk *talk,
                             struct nima_words *words, const struct nima_talk_query *query,
                             size_t k, struct nima_talk_hits *out)
{
    struct ranking r = {.talk = talk, .query = query};
    nima_search_words_same(words);
    nima_memory_asked(words, query->text, &r.asked);
    r.speakers = NIMA_NEW(arena, bool, talk->speaker_count + NIMA_SPEAKER_NAMED);
    r.speakers[NIMA_SPEAKER_USER] = r.asked.user;
    r.speakers[NIMA_SPEAKER_ASSISTANT] = r.asked.assistant;
    r.own = NIMA_NEW(arena, float, talk->count);
    r.words = NIMA_NEW(arena, float, talk->count);
    r.cosines = NIMA_NEW(arena, float, talk->count);
    r.spread = NIMA_NEW(arena, float, talk->count);
    r.touched = NIMA_NEW(arena, uint32_t, talk->count);
    r.sessions = NIMA_NEW(arena, float, talk->session_count);
    r.excluded = conversation_number(talk, query->conversation_id);
    if (query->vector != NULL) {
        nima_search_rows_scan(&talk->rows, query->vector, r.cosines);
    }
    add_terms(&r, words);
    best_of_sessions(&r);
    collect(arena, &r, k, out);
}
