/*
 * Which goal or milestone a topic means: all of its words, stemmed and without small ones, stand in
 * the title. "Chapter 3 of the thesis" is milestone and goal.
 */
#include <stdlib.h>
#include <string.h>

#include "goals/said_int.h"
#include "search/words.h"

enum { TERMS_MAX = 48, MATCHES_MAX = 12, WORD_MAX = 64 };

struct terms {
    uint64_t items[TERMS_MAX];
    size_t count;
};

/* How people say that they did it, and what it is called before. */
static const char *const past[][2] = {
    {"bought", "buy"},   {"built", "build"}, {"chose", "choose"},  {"chosen", "choose"},
    {"did", "do"},       {"drew", "draw"},   {"found", "find"},    {"held", "hold"},
    {"made", "make"},    {"met", "meet"},    {"paid", "pay"},      {"ran", "run"},
    {"read", "read"},    {"rode", "ride"},   {"sang", "sing"},     {"sent", "send"},
    {"sold", "sell"},    {"spoke", "speak"}, {"swam", "swim"},     {"took", "take"},
    {"taught", "teach"}, {"wrote", "write"}, {"written", "write"}, {"learnt", "learn"},
    {"handed", "hand"},  {"began", "begin"}, {"cut", "cut"},       {"put", "put"},
    {"gave", "give"},    {"went", "go"},     {"won", "win"},       {"drove", "drive"},
};

static nima_str present_of(nima_str word)
{
    for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
        if (nima_str_eq_nocase(word, nima_str_of(past[i][0]))) {
            return nima_str_of(past[i][1]);
        }
    }
    return word;
}

/* "bought", "painted": the first word tells of something that was done. */
bool nima_goal_did(nima_str topic)
{
    nima_str word;
    nima_str_next(&topic, ' ', &word);
    bool irregular = present_of(word).ptr != word.ptr;
    return irregular || (word.len > 3 && nima_str_ends(word, NIMA_STR("ed")));
}

static void add_term(struct terms *out, uint64_t term)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->items[i] == term) {
            return;
        }
    }
    if (out->count < TERMS_MAX) {
        out->items[out->count++] = term;
    }
}

static void terms_of(struct nima_words *words, nima_str text, struct terms *out)
{
    struct nima_terms found = nima_search_words_of(words, text, (nima_str){NULL, 0});
    for (size_t i = 0; i < found.count; i++) {
        add_term(out, found.items[i]);
    }
}

/* Of what the person says: its words, but for "goal" and "milestone" as such. */
static void topic_terms(struct nima_words *words, nima_str topic, struct terms *out)
{
    nima_str word;
    while (nima_str_next(&topic, ' ', &word)) {
        bool as_such = nima_str_eq_nocase(word, NIMA_STR("goal")) ||
                       nima_str_eq_nocase(word, NIMA_STR("milestone"));
        if (!as_such) {
            terms_of(words, present_of(word), out);
        }
    }
}

static size_t shared(const struct terms *a, const struct terms *b)
{
    size_t found = 0;
    for (size_t i = 0; i < a->count; i++) {
        for (size_t n = 0; n < b->count; n++) {
            found += a->items[i] == b->items[n];
        }
    }
    return found;
}

static void keep(struct nima_goal_matches *out, const struct nima_goal_match *match)
{
    size_t at = out->count;
    while (at > 0 && out->items[at - 1].score < match->score) {
        at--;
    }
    if (at == MATCHES_MAX) {
        return;
    }
    size_t last = out->count < MATCHES_MAX ? out->count++ : MATCHES_MAX - 1;
    memmove(&out->items[at + 1], &out->items[at], (last - at) * sizeof(out->items[0]));
    out->items[at] = *match;
}

static double score_of(const struct terms *topic, const struct terms *title)
{
    bool all = topic->count > 0 && shared(topic, title) == topic->count;
    return all ? (double)topic->count / (double)title->count : 0;
}

static void match_steps(struct nima_words *words, const struct nima_goal *goal,
                        const struct terms *topic, const struct terms *title,
                        struct nima_goal_matches *out)
{
    for (size_t i = 0; i < goal->milestones.count; i++) {
        struct terms own = {0};
        terms_of(words, goal->milestones.items[i].title, &own);
        double score = score_of(topic, &own);
        size_t of_own = shared(&own, topic);
        bool both = own.count > 0 && of_own == own.count;
        for (size_t t = 0; t < topic->count && both; t++) {
            struct terms one = {{topic->items[t]}, 1};
            both = shared(&one, &own) + shared(&one, title) > 0;
        }
        score = both ? 1 : score;
        if (score > 0) {
            keep(out, &(struct nima_goal_match){goal, &goal->milestones.items[i], score});
        }
    }
}

void nima_goal_match(struct nima_ctx *ctx, const struct nima_goal_rows *goals, nima_str topic,
                     enum nima_match_what what, struct nima_goal_matches *out)
{
    struct nima_words *words = nima_search_words_open();
    struct terms wanted = {0};
    *out = (struct nima_goal_matches){NIMA_NEW(ctx->arena, struct nima_goal_match, MATCHES_MAX + 1),
                                      0};
    nima_search_words_many(words);
    topic_terms(words, topic, &wanted);
    for (size_t i = 0; i < goals->count && wanted.count > 0; i++) {
        const struct nima_goal *goal = &goals->items[i];
        struct terms title = {0};
        terms_of(words, goal->title, &title);
        double score = what == NIMA_MATCH_STEPS ? 0 : score_of(&wanted, &title);
        if (score > 0) {
            keep(out, &(struct nima_goal_match){goal, NULL, score});
        }
        if (what != NIMA_MATCH_GOALS) {
            match_steps(words, goal, &wanted, &title, out);
        }
    }
    nima_search_words_close(words);
}

/* Named in a message */

static const char *const plain_verbs =
    "learn write read run get make do build start stop finish become buy save keep take go find "
    "work improve try have be reach complete more better good new day week month year hand";

static void drop_terms(struct terms *from, const struct terms *which)
{
    size_t kept = 0;
    for (size_t i = 0; i < from->count; i++) {
        struct terms one = {{from->items[i]}, 1};
        if (shared(&one, which) == 0) {
            from->items[kept++] = from->items[i];
        }
    }
    from->count = kept;
}

static double named_by(struct nima_words *words, const struct nima_goal *goal,
                       const struct terms *said, const struct terms *plain)
{
    struct terms title = {0};
    terms_of(words, goal->title, &title);
    drop_terms(&title, plain);
    double best = title.count > 0 ? (double)shared(&title, said) / (double)title.count : 0;
    for (size_t i = 0; i < goal->milestones.count; i++) {
        struct terms step = {0};
        if (!goal->milestones.items[i].completed) {
            terms_of(words, goal->milestones.items[i].title, &step);
            drop_terms(&step, plain);
        }
        /* A milestone is named by all of its words: "chapter" alone is any chapter. */
        best = step.count > 0 && shared(&step, said) == step.count ? 1 : best;
    }
    return best;
}

void nima_goal_named(const struct nima_goal_rows *goals, nima_str message, double *out)
{
    struct nima_words *words = nima_search_words_open();
    struct terms said = {0}, plain = {0};
    nima_search_words_many(words);
    terms_of(words, message, &said);
    terms_of(words, nima_str_of(plain_verbs), &plain);
    for (size_t i = 0; i < goals->count; i++) {
        out[i] = said.count > 0 ? named_by(words, &goals->items[i], &said, &plain) : 0;
    }
    nima_search_words_close(words);
}
