#include "memory/commands.h"

#include <ctype.h>

#include "memory/decide.h"
#include "memory/forget.h"
#include "memory/learner.h"
#include "memory/memory_int.h"
#include "search/words.h"

enum { FORGET_LOOK = 8, ABOUT_BYTES_MAX = 2000 };

/* Above it a fact may be what was meant, whatever the words. */
static const double clearly_meant = 0.80;

static bool takes(nima_str text, const char *command, nima_str *about)
{
    nima_str name = nima_str_of(command);
    bool starts = nima_str_starts_nocase(text, name);
    bool ends =
        text.len == name.len || (text.len > name.len && isspace((unsigned char)text.ptr[name.len]));
    if (!starts || !ends) {
        return false;
    }
    *about = nima_str_trim(nima_str_sub(text, name.len, text.len));
    return true;
}

enum nima_command nima_memory_command(nima_str text, nima_str *about)
{
    static const char *const forgets[] = {
        "please forget that", "please forget about",      "please forget", "forget that",
        "forget about",       "forget what i said about", "forget"};
    text = nima_str_trim(text);
    if (takes(text, "/remember", about)) {
        return NIMA_COMMAND_REMEMBER;
    }
    if (takes(text, "/forget", about)) {
        return NIMA_COMMAND_FORGET;
    }
    if (nima_str_starts_nocase(text, NIMA_STR("forget that,"))) {
        return NIMA_COMMAND_NONE; /* what follows stands in its place */
    }
    bool one_sentence = nima_str_find(text, NIMA_STR("\n"), 0) == SIZE_MAX && text.len < 300 &&
                        !nima_str_ends(text, NIMA_STR("?"));
    for (size_t i = 0; one_sentence && i < sizeof(forgets) / sizeof(forgets[0]); i++) {
        if (takes(text, forgets[i], about)) {
            return NIMA_COMMAND_FORGET;
        }
    }
    return NIMA_COMMAND_NONE;
}

static void keep_raw(struct nima_ctx *ctx, nima_str text, struct nima_candidates *out)
{
    if (out->count < NIMA_CANDIDATES_MAX) {
        out->items[out->count++] = (struct nima_candidate){.text = nima_str_copy(ctx->arena, text),
                                                           .category = NIMA_STR("note"),
                                                           .value = NIMA_STR(""),
                                                           .confidence = 1.0};
    }
}

/* A text of more sentences than facts are made of at once is one note, word for word. */
static nima_rc sentence_by_sentence(struct nima_ctx *ctx, nima_str about,
                                    struct nima_candidates *out)
{
    struct nima_sentence *sentences =
        NIMA_NEW(ctx->arena, struct nima_sentence, NIMA_SENTENCES_MAX);
    struct nima_candidates *some = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    size_t count = nima_memory_said_sentences(about, sentences);
    for (size_t i = 0; i < count && count < NIMA_CANDIDATES_MAX / 2; i++) {
        nima_str asked = nima_fmt(ctx, "remember that " NIMA_FMT, NIMA_ARG(sentences[i].text));
        NIMA_TRY(nima_memory_extract(ctx, asked, some));
        for (size_t k = 0; k < some->count && out->count < NIMA_CANDIDATES_MAX; k++) {
            out->items[out->count++] = some->items[k];
        }
        if (some->count == 0) {
            keep_raw(ctx, sentences[i].text, out);
        }
    }
    if (out->count == 0 || out->count == NIMA_CANDIDATES_MAX) {
        out->count = 0;
        keep_raw(ctx, about, out);
    }
    return NIMA_OK;
}

nima_rc nima_memory_remember(struct nima_ctx *ctx, nima_str about, struct nima_candidates *out)
{
    out->count = 0;
    const char *secret = nima_memory_secret(about);
    if (secret != NULL) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "text",
                               "this looks like %s; secrets are never remembered", secret);
    }
    if (about.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "text", "say what to remember: /remember …");
    }
    size_t chars = nima_utf8_count(about);
    if (chars > NIMA_FACT_CHARS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "text",
                               "I can keep %d characters at once, and this has %zu; tell it to me "
                               "in parts",
                               NIMA_FACT_CHARS_MAX, chars);
    }
    NIMA_TRY(sentence_by_sentence(ctx, about, out));
    for (size_t i = 0; i < out->count; i++) {
        out->items[i].explicit_wish = true;
        out->items[i].confidence = 1.0;
    }
    return NIMA_OK;
}

/* Facts that may be meant, the surest kind of them alone. */
struct gathering {
    struct nima_words *words;
    nima_str about;
    enum nima_meant best;
    struct nima_fact *items; /* FORGET_LOOK of them */
    size_t count;
};

static void gather(struct gathering *g, struct nima_ctx *ctx, const struct nima_fact *fact,
                   enum nima_meant meant)
{
    if (meant == NIMA_MEANT_NOT || meant < g->best) {
        return;
    }
    g->count = meant > g->best ? 0 : g->count;
    g->best = meant;
    for (size_t i = 0; i < g->count; i++) {
        if (nima_str_eq(g->items[i].id, fact->id)) {
            return;
        }
    }
    if (g->count < FORGET_LOOK) {
        struct nima_fact *kept = &g->items[g->count++];
        *kept = (struct nima_fact){.id = nima_str_copy(ctx->arena, fact->id),
                                   .fact = nima_str_copy(ctx->arena, fact->fact)};
    }
}

static nima_rc look_at(struct nima_ctx *ctx, void *user, const struct nima_fact *fact)
{
    struct gathering *g = user;
    gather(g, ctx, fact, nima_memory_meant(ctx, g->words, g->about, fact->fact));
    return nima_ctx_stopped(ctx);
}

/* Facts of another wording, by meaning: they are asked about, never taken. */
static nima_rc look_by_meaning(struct nima_ctx *ctx, struct nima_memory *memory,
                               struct gathering *g)
{
    struct nima_vectors vectors;
    struct nima_memory_hits hits;
    struct nima_find find = {.limit = FORGET_LOOK, .probe_count = 1};
    NIMA_TRY(nima_memory_embed(ctx, memory, &g->about, 1, &vectors, &find.model));
    struct nima_probe probe = {.text = g->about,
                               .vector = vectors.items,
                               .dims = vectors.items != NULL ? vectors.dims : 0};
    find.probes = &probe;
    NIMA_TRY(nima_memory_find(ctx, memory, &find, &hits));
    struct nima_candidates *meant = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    NIMA_TRY(nima_memory_extract(ctx, g->about, meant));
    nima_str asked = meant->count > 0 ? meant->items[0].text : g->about;
    for (size_t i = 0; i < hits.count; i++) {
        const struct nima_memory_hit *hit = &hits.items[i];
        if (hit->vector >= clearly_meant && !nima_memory_beyond_latin(hit->fact.fact) &&
            nima_memory_same_details(asked, hit->fact.fact) &&
            nima_memory_same_sense(ctx, g->about, hit->fact.fact)) {
            gather(g, ctx, &hit->fact, NIMA_MEANT_MAYBE);
        }
    }
    return NIMA_OK;
}

nima_rc nima_memory_forget_find(struct nima_ctx *ctx, struct nima_memory *memory, nima_str about,
                                struct nima_forget_found *out)
{
    *out = (struct nima_forget_found){0};
    if (about.len == 0 || !nima_utf8_valid(about)) {
        return NIMA_OK;
    }
    about = nima_utf8_prefix(nima_str_trim(about), ABOUT_BYTES_MAX);
    out->everything = nima_memory_means_everything(about);
    if (out->everything) {
        return NIMA_OK;
    }
    struct gathering g = {.about = nima_memory_forget_topic(about),
                          .items = NIMA_NEW(ctx->arena, struct nima_fact, FORGET_LOOK)};
    int64_t change;
    g.words = nima_search_words_open();
    nima_rc rc = nima_facts_scan(ctx, memory->store, look_at, &g, &change);
    nima_search_words_close(g.words);
    NIMA_TRY(rc);
    if (g.count == 0 && !nima_memory_beyond_latin(g.about)) {
        NIMA_TRY(look_by_meaning(ctx, memory, &g));
    }
    nima_str ids[FORGET_LOOK];
    for (size_t i = 0; i < g.count; i++) {
        ids[i] = g.items[i].id;
    }
    if (g.count > 0) {
        NIMA_TRY(nima_facts_get_many(ctx, memory->store, ids, g.count, &out->facts));
    }
    bool sure = g.best == NIMA_MEANT_EXACT || (g.best == NIMA_MEANT_CLEAR && g.count == 1);
    out->sure = sure && out->facts.count > 0;
    return NIMA_OK;
}

nima_rc nima_memory_forget_about(struct nima_ctx *ctx, struct nima_memory *memory, nima_str about,
                                 struct nima_learned_list *out)
{
    struct nima_forget_found found;
    *out = (struct nima_learned_list){0};
    nima_memory_learner_drop(memory->learner, ctx->user_id);
    NIMA_TRY(nima_memory_forget_find(ctx, memory, about, &found));
    out->everything = found.everything;
    if (!found.sure) {
        out->asked = found.facts;
        return NIMA_OK;
    }
    out->items = NIMA_NEW(ctx->arena, struct nima_learned, found.facts.count);
    for (size_t i = 0; i < found.facts.count; i++) {
        nima_str token;
        NIMA_TRY(nima_memory_forget_fact(ctx, memory, found.facts.items[i].id, &token));
        out->items[out->count++] =
            (struct nima_learned){.fact = found.facts.items[i], .event = NIMA_LEARNED_FORGOTTEN};
    }
    return NIMA_OK;
}

nima_rc nima_memory_forget_candidates(struct nima_ctx *ctx, struct nima_memory *memory,
                                      nima_str message, struct nima_fact_rows *out)
{
    nima_str about;
    struct nima_forget_found found = {0};
    if (nima_memory_command(message, &about) == NIMA_COMMAND_FORGET) {
        NIMA_TRY(nima_memory_forget_find(ctx, memory, about, &found));
    }
    *out = found.facts;
    return NIMA_OK;
}

/* "forget that I have a dog": it says whose; "forget it" may be about anything. */
static bool of_the_person(nima_str about)
{
    static const char *const words[] = {"i", "my", "me", "i'm", "our", "we", "mine"};
    nima_str word;
    while (nima_str_next(&about, ' ', &word)) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (nima_str_eq_nocase(word, nima_str_of(words[i]))) {
                return true;
            }
        }
    }
    return false;
}

bool nima_memory_is_command(nima_str message)
{
    nima_str about = {0};
    enum nima_command command = nima_memory_command(message, &about);
    bool slash = nima_str_starts(nima_str_trim(message), NIMA_STR("/"));
    return command != NIMA_COMMAND_NONE && about.len > 0 &&
           (slash || (command == NIMA_COMMAND_FORGET &&
                      (of_the_person(about) || nima_memory_means_everything(about))));
}
