#include "memory/commands.h"

#include <ctype.h>

#include "memory/learner.h"
#include "memory/memory_int.h"

enum { FORGET_LOOK = 8, TERMS_MAX = 64, NOTE_CHARS_MAX = 2000 };

/* Above it a fact is what was meant, whatever the words. */
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
        out->items[out->count++] = (struct nima_candidate){
            .text = nima_str_copy(ctx->arena, nima_utf8_prefix(text, NOTE_CHARS_MAX)),
            .category = NIMA_STR("note"),
            .value = NIMA_STR(""),
            .confidence = 1.0};
    }
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
    struct nima_sentence *sentences =
        NIMA_NEW(ctx->arena, struct nima_sentence, NIMA_SENTENCES_MAX);
    struct nima_candidates *some = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    size_t count = nima_memory_said_sentences(about, sentences);
    for (size_t i = 0; i < count; i++) {
        nima_str asked = nima_fmt(ctx, "remember that " NIMA_FMT, NIMA_ARG(sentences[i].text));
        NIMA_TRY(nima_memory_extract(ctx, asked, some));
        for (size_t k = 0; k < some->count && out->count < NIMA_CANDIDATES_MAX; k++) {
            out->items[out->count++] = some->items[k];
        }
        if (some->count == 0) {
            keep_raw(ctx, sentences[i].text, out);
        }
    }
    for (size_t i = 0; i < out->count; i++) {
        out->items[i].explicit_wish = true;
        out->items[i].confidence = 1.0;
    }
    return NIMA_OK;
}

/* Whether all that was said to be forgotten stands in the fact, by its stems. */
static bool all_terms_in(struct nima_words *words, nima_str about, nima_str fact)
{
    uint64_t wanted[TERMS_MAX];
    struct nima_terms terms = nima_search_words_of(words, about, (nima_str){0});
    size_t count = terms.count < TERMS_MAX ? terms.count : TERMS_MAX;
    for (size_t i = 0; i < count; i++) {
        wanted[i] = terms.items[i];
    }
    terms = nima_search_words_of(words, fact, (nima_str){0});
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < terms.count; k++) {
            found = found || terms.items[k] == wanted[i];
        }
        if (!found) {
            return false;
        }
    }
    return count > 0;
}

static nima_rc look(struct nima_ctx *ctx, struct nima_memory *memory, nima_str about,
                    struct nima_memory_hits *out)
{
    struct nima_candidates *meant = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    NIMA_TRY(nima_memory_extract(ctx, about, meant));
    nima_str texts[2] = {about, meant->count > 0 ? meant->items[0].text : about};
    size_t count = meant->count > 0 ? 2 : 1;
    struct nima_vectors vectors;
    struct nima_find find = {.limit = FORGET_LOOK, .probe_count = count};
    NIMA_TRY(nima_memory_embed(ctx, memory, texts, count, &vectors, &find.model));
    struct nima_probe probes[2];
    for (size_t i = 0; i < count; i++) {
        bool have = vectors.items != NULL;
        probes[i] = (struct nima_probe){.text = texts[i],
                                        .vector = have ? vectors.items + i * vectors.dims : NULL,
                                        .dims = have ? vectors.dims : 0};
    }
    find.probes = probes;
    return nima_memory_find(ctx, memory, &find, out);
}

nima_rc nima_memory_forget_about(struct nima_ctx *ctx, struct nima_memory *memory, nima_str about,
                                 struct nima_learned_list *out)
{
    *out = (struct nima_learned_list){0};
    if (about.len == 0 || !nima_utf8_valid(about)) {
        return NIMA_OK;
    }
    about = nima_utf8_prefix(about, NOTE_CHARS_MAX);
    nima_memory_learner_drop(memory->learner, ctx->user_id);
    struct nima_memory_hits hits;
    NIMA_TRY(look(ctx, memory, about, &hits));
    out->items = NIMA_NEW(ctx->arena, struct nima_learned, hits.count);
    struct nima_words *words = nima_search_words_open();
    nima_rc rc = NIMA_OK;
    for (size_t i = 0; i < hits.count && rc == NIMA_OK; i++) {
        const struct nima_memory_hit *hit = &hits.items[i];
        bool meant = hit->vector >= clearly_meant || all_terms_in(words, about, hit->fact.fact);
        if (!meant) {
            continue;
        }
        rc = nima_memory_delete(ctx, memory, hit->fact.id);
        if (rc == NIMA_OK) {
            out->items[out->count++] =
                (struct nima_learned){.fact = hit->fact, .event = NIMA_LEARNED_FORGOTTEN};
        }
    }
    nima_search_words_close(words);
    return rc;
}
