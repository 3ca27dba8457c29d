/*
 * What has left the window, in a few lines that stay in sight. Made here from the sentences that
 * say most (by the rarity of their words; statements of the person and decisions first): it costs
 * milliseconds, and a window moves rarely. It changes only when the window moves, never in between:
 * a summary that changed would cost the model's cache.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/orchestrator_int.h"
#include "search/words.h"
#include "util/buf.h"

enum {
    SENTENCES_MAX = 800,
    TERMS_MAX = 32,
    SENTENCE_BYTES_MIN = 12,
    SENTENCE_BYTES_MAX = 280,
    MESSAGES_MAX = 400, /* that are looked at when a window moves over more at once */
    LINES_MAX = 48,
    SUMMARY_BYTES_MAX = 64 * 1024
};

struct sentence {
    nima_str text; /* with who said it: a line of the summary */
    uint64_t terms[TERMS_MAX];
    size_t term_count;
    double weight; /* before rarity counts */
    double score;
    bool chosen;
};

struct sentences {
    struct sentence *items;
    size_t count;
    struct nima_words *words;
};

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void set_terms(struct sentences *all, struct sentence *s, nima_str said)
{
    struct nima_terms terms = nima_search_words_of(all->words, said, (nima_str){NULL, 0});
    uint64_t sorted[TERMS_MAX] = {0};
    size_t count = terms.count < TERMS_MAX ? terms.count : TERMS_MAX;
    if (count > 0) {
        memcpy(sorted, terms.items, count * sizeof(*sorted));
    }
    qsort(sorted, count, sizeof(*sorted), by_value);
    for (size_t i = 0; i < count; i++) {
        if (s->term_count == 0 || s->terms[s->term_count - 1] != sorted[i]) {
            s->terms[s->term_count++] = sorted[i];
        }
    }
}

static bool has_any(nima_str text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (nima_str_find_nocase(text, nima_str_of(*words), 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static double weight_of(nima_str said, bool by_user)
{
    static const char *const own[] = {"I ", "my ", "we ", "our ", "I'm", "I'd", NULL};
    static const char *const decided[] = {"decide",   "agree",  "let's",  "plan",   "must",
                                          "deadline", "prefer", "want",   "should", "promise",
                                          "remember", "never",  "always", NULL};
    double weight = by_user ? 1.0 : 0.6;
    weight *= by_user && has_any(said, own) ? 1.4 : 1;
    weight *= has_any(said, decided) ? 1.3 : 1;
    weight *= strpbrk(said.ptr, "0123456789") != NULL ? 1.1 : 1;
    return nima_str_ends(said, NIMA_STR("?")) ? weight * 0.4 : weight;
}

static void add_sentence(struct nima_ctx *ctx, struct sentences *all, nima_str said, bool by_user)
{
    said = nima_str_trim(said);
    if (said.len < SENTENCE_BYTES_MIN || said.len > SENTENCE_BYTES_MAX ||
        all->count == SENTENCES_MAX) {
        return;
    }
    struct sentence *s = &all->items[all->count];
    said = nima_str_of(nima_cstr(ctx, said));
    set_terms(all, s, said);
    if (s->term_count < 2) {
        return;
    }
    s->text = nima_fmt(ctx, "%s: " NIMA_FMT, by_user ? "The user" : "You", NIMA_ARG(said));
    s->weight = weight_of(said, by_user);
    all->count++;
}

static bool ends_sentence(nima_str text, size_t at)
{
    char c = text.ptr[at];
    bool space_next = at + 1 == text.len || text.ptr[at + 1] == ' ' || text.ptr[at + 1] == '\n';
    return c == '\n' || ((c == '.' || c == '!' || c == '?') && space_next);
}

/* Code says little in a summary: fenced blocks are passed over. */
static void add_message(struct nima_ctx *ctx, struct sentences *all, nima_str content, bool by_user)
{
    size_t from = 0;
    for (size_t at = 0; at < content.len; at++) {
        nima_str rest = nima_str_sub(content, at, content.len);
        if (nima_str_starts(rest, NIMA_STR("```"))) {
            add_sentence(ctx, all, nima_str_sub(content, from, at), by_user);
            size_t end = nima_str_find(content, NIMA_STR("```"), at + 3);
            at = end == SIZE_MAX ? content.len : end + 2;
            from = at + 1;
        } else if (ends_sentence(content, at)) {
            add_sentence(ctx, all, nima_str_sub(content, from, at + 1), by_user);
            from = at + 1;
        }
    }
    add_sentence(ctx, all, nima_str_sub(content, from, content.len), by_user);
}

/* The lines of the summary so far compete with what is new. */
static void add_summary(struct sentences *all, nima_str summary)
{
    nima_str line;
    while (nima_str_next(&summary, '\n', &line) && all->count < SENTENCES_MAX) {
        nima_str said = nima_str_starts(line, NIMA_STR("- ")) ? nima_str_sub(line, 2, line.len)
                                                              : nima_str_trim(line);
        if (said.len == 0) {
            continue;
        }
        struct sentence *s = &all->items[all->count++];
        set_terms(all, s, said);
        s->text = said;
        s->weight = 1.5;
    }
}

/* Rare words say most: each counts by in how few of the sentences it stands. */
static void score_all(struct nima_ctx *ctx, struct sentences *all)
{
    size_t total = 0;
    uint64_t *terms = NIMA_NEW(ctx->arena, uint64_t, all->count * TERMS_MAX);
    for (size_t i = 0; i < all->count; i++) {
        memcpy(terms + total, all->items[i].terms, all->items[i].term_count * sizeof(*terms));
        total += all->items[i].term_count;
    }
    qsort(terms, total, sizeof(*terms), by_value);
    for (size_t i = 0; i < all->count; i++) {
        struct sentence *s = &all->items[i];
        double mass = 0;
        for (size_t t = 0; t < s->term_count; t++) {
            const uint64_t *hit = bsearch(&s->terms[t], terms, total, sizeof(*terms), by_value);
            size_t low = (size_t)(hit - terms), high = low;
            while (low > 0 && terms[low - 1] == s->terms[t]) {
                low--;
            }
            while (high + 1 < total && terms[high + 1] == s->terms[t]) {
                high++;
            }
            mass += log(1 + (double)all->count / (double)(high - low + 1));
        }
        s->score = s->weight * mass / sqrt((double)s->term_count + 4);
    }
}

static bool is_told(const struct sentences *all, const struct sentence *candidate)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct sentence *s = &all->items[i];
        size_t common = 0;
        for (size_t t = 0; s->chosen && t < candidate->term_count; t++) {
            common += bsearch(&candidate->terms[t], s->terms, s->term_count, sizeof(*s->terms),
                              by_value) != NULL;
        }
        if (common * 10 >= candidate->term_count * 7 && common > 0) {
            return true;
        }
    }
    return false;
}

static nima_rc choose(struct nima_ctx *ctx, struct nima_orchestrator *o, struct sentences *all,
                      int64_t tokens_max)
{
    int64_t left = tokens_max;
    for (int lines = 0; lines < LINES_MAX; lines++) {
        struct sentence *best = NULL;
        for (size_t i = 0; i < all->count; i++) {
            struct sentence *s = &all->items[i];
            if (s->score > 0 && (best == NULL || s->score > best->score)) {
                best = s;
            }
        }
        if (best == NULL) {
            break;
        }
        int64_t tokens = NIMA_NOTE_TOKENS;
        NIMA_TRY(nima_count_tokens(ctx, o, best->text, &tokens));
        bool fits = tokens <= left && !is_told(all, best);
        best->chosen = fits;
        best->score = 0;
        left -= fits ? tokens : 0;
    }
    return NIMA_OK;
}

static void write_chosen(struct nima_ctx *ctx, const struct sentences *all, nima_str *out)
{
    struct nima_buf text;
    nima_buf_init(&text, SUMMARY_BYTES_MAX);
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].chosen) {
            nima_buf_fmt(&text, "%s- " NIMA_FMT, text.len > 0 ? "\n" : "",
                         NIMA_ARG(all->items[i].text));
        }
    }
    *out = text.len > 0 ? nima_str_copy(ctx->arena, nima_buf_view(&text)) : (nima_str){NULL, 0};
    nima_buf_done(&text);
}

nima_rc nima_summary_extract(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str so_far,
                             const struct nima_message_rows *rows, int64_t tokens_max,
                             nima_str *out)
{
    struct sentences all = {.items = NIMA_NEW(ctx->arena, struct sentence, SENTENCES_MAX),
                            .words = nima_search_words_open()};
    if (so_far.ptr != NULL) {
        add_summary(&all, so_far);
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct nima_message_row *row = &rows->items[i];
        bool by_user = nima_str_eq(row->role, NIMA_STR("user"));
        /* What was asked to be forgotten, or is not so any more, is not told again. */
        if (!row->left && row->withheld.ptr == NULL &&
            (by_user || nima_str_eq(row->role, NIMA_STR("assistant")))) {
            add_message(ctx, &all, row->content, by_user);
        }
    }
    nima_search_words_close(all.words);
    score_all(ctx, &all);
    NIMA_TRY(choose(ctx, o, &all, tokens_max));
    write_chosen(ctx, &all, out);
    return NIMA_OK;
}

nima_rc nima_summary_move(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          nima_str conversation_id, int64_t tokens_max,
                          struct nima_history *history)
{
    nima_str so_far = history->summary;
    int64_t from = history->summary_position;
    if (history->next_summary.len > 0 && history->next_position > from &&
        history->next_position <= history->trimmed) {
        so_far = history->next_summary;
        from = history->next_position;
    }
    if (history->trimmed - from > MESSAGES_MAX) {
        from = history->trimmed - MESSAGES_MAX;
    }
    struct nima_message_rows rows = {0};
    if (from < history->trimmed) {
        NIMA_TRY(nima_messages_between(ctx, o->store, conversation_id, from, history->trimmed, 0,
                                       &rows));
    }
    NIMA_TRY(nima_summary_extract(ctx, o, so_far, &rows, tokens_max, &history->summary));
    history->summary_position = history->trimmed;
    history->next_summary = (nima_str){NULL, 0};
    history->next_position = 0;
    history->summary_moved = true;
    return NIMA_OK;
}
