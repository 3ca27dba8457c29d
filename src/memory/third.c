/* From "I" to "the user": the words of facts. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "memory/lexicon.h"
#include "memory/rules.h"
#include "util/buf.h"

enum { FACT_BYTES_MAX = 600, FACT_TOKENS_MAX = 26, KEY_TOKENS_MAX = 5 };
static const double usual_confidence = 0.9;

void nima_memory_third_person(const char *base, char *out, size_t room)
{
    size_t len = strlen(base);
    char last = len > 0 ? base[len - 1] : '\0';
    char before = len > 1 ? base[len - 2] : '\0';
    bool hisses = last == 's' || last == 'x' || last == 'z' || last == 'o' ||
                  (last == 'h' && (before == 's' || before == 'c'));
    if (strcmp(base, "have") == 0) {
        snprintf(out, room, "has");
    } else if (last == 'y' && strchr("aeiou", before) == NULL) {
        snprintf(out, room, "%.*sies", (int)len - 1, base);
    } else {
        snprintf(out, room, "%s%s", base, hisses ? "es" : "s");
    }
}

struct swap {
    const char *from, *to;
};

static const char *third_word(const struct nima_said_word *token)
{
    static const struct swap swaps[] = {
        {"my", "their"},    {"our", "their"},   {"me", "them"},           {"us", "them"},
        {"mine", "theirs"}, {"ours", "theirs"}, {"myself", "themselves"}, {"i", "they"},
        {"we", "they"},     {"am", "are"},      {"i'm", "they are"},
    };
    for (size_t i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++) {
        if (nima_memory_token_is(token, swaps[i].from)) {
            return swaps[i].to;
        }
    }
    return NULL;
}

static void add_tokens(struct nima_buf *buf, const struct nima_said_word *tokens, size_t from,
                       size_t end)
{
    for (size_t i = from; i < end; i++) {
        const char *swapped = third_word(&tokens[i]);
        if (buf->len > 0) {
            nima_buf_add_char(buf, ' ');
        }
        bool lower = i == 0 && !tokens[i].capital && !nima_memory_token_is(&tokens[i], "");
        nima_str as_is = lower ? nima_str_of(tokens[i].low) : tokens[i].raw;
        nima_buf_add(buf, swapped != NULL ? nima_str_of(swapped) : as_is);
        if (tokens[i].comma && i + 1 < end) {
            nima_buf_add_char(buf, ',');
        }
    }
}

nima_str nima_memory_third_text(struct nima_ctx *ctx, const char *lead,
                                const struct nima_said_word *tokens, size_t from, size_t end)
{
    struct nima_buf buf;
    nima_buf_init(&buf, FACT_BYTES_MAX);
    nima_buf_add(&buf, nima_str_of(lead));
    add_tokens(&buf, tokens, from, end);
    nima_str text = buf.overflowed ? NIMA_STR("") : nima_buf_view(&buf);
    text = nima_str_copy(ctx->arena, text);
    nima_buf_done(&buf);
    return text;
}

static bool filler(const struct nima_said_word *t)
{
    return nima_memory_token_in(t, " btw too actually though please thanks now currently haha lol"
                                   " anyway right ok okay nima still well instead again already"
                                   " and but or so then also yet plus because with of to in for"
                                   " the a an at today tonight yesterday ");
}

static size_t without_end(const struct nima_clause *clause, size_t from, size_t end)
{
    static const char *const phrases[][3] = {{"by", "the", "way"},   {"at", "the", "moment"},
                                             {"as", "well", NULL},   {"right", "now", NULL},
                                             {"you", "know", NULL},  {"of", "course", NULL},
                                             {"these", "days", NULL}};
    for (bool cut = true; cut && end > from;) {
        cut = false;
        for (size_t p = 0; p < sizeof(phrases) / sizeof(phrases[0]); p++) {
            size_t len = phrases[p][2] != NULL ? 3 : 2;
            bool same = end >= from + len;
            for (size_t i = 0; same && i < len; i++) {
                same = nima_memory_token_is(&clause->t[end - len + i], phrases[p][i]);
            }
            if (same) {
                end -= len;
                cut = true;
            }
        }
        if (!cut && end > from && filler(&clause->t[end - 1])) {
            end--;
            cut = true;
        }
    }
    return end;
}

/* Where another statement begins that has no subject of ours: "and need sources", "but it hurts".
 */
static bool turns_away(const struct nima_clause *clause, size_t i)
{
    static const char verbs[] = " need want get got am is are was were has have can will would do"
                                " does did it he she they you your looking trying wondering ";
    const struct nima_said_word *t = &clause->t[i];
    bool more = i + 1 < clause->count;
    return (nima_memory_token_is(t, "but") && more) ||
           (nima_memory_token_is(t, "and") && more && nima_memory_token_in(t + 1, verbs));
}

size_t nima_memory_rule_end(const struct nima_clause *clause, size_t from)
{
    size_t end = clause->count;
    if (end > from + FACT_TOKENS_MAX) {
        end = from + FACT_TOKENS_MAX;
    }
    bool list = false;
    for (size_t i = end; i > from; i--) {
        list = list || nima_memory_token_in(&clause->t[i - 1], " and or ");
        if (clause->t[i - 1].comma && !list && i < end) {
            end = i; /* no list goes on behind this comma */
        }
    }
    for (size_t i = from; i < end; i++) {
        if (nima_memory_token_is(&clause->t[i], NIMA_SAID_QUOTED) || turns_away(clause, i)) {
            end = i;
        }
    }
    return without_end(clause, from, end);
}

bool nima_memory_vague(const struct nima_clause *clause, size_t from)
{
    if (from >= clause->count) {
        return true;
    }
    const struct nima_said_word *t = &clause->t[from];
    if (nima_memory_token_is(t, "the")) {
        return from + 1 >= clause->count ||
               !(clause->t[from + 1].capital ||
                 nima_memory_listed_noun(NIMA_LIST_THE, clause->t[from + 1].low));
    }
    return nima_memory_listed(NIMA_LIST_DEICTIC, t->low);
}

bool nima_memory_any_listed(const struct nima_clause *clause, size_t from, size_t end, int list)
{
    for (size_t i = from; i < end && i < clause->count; i++) {
        if (nima_memory_listed_noun((enum nima_word_list)list, clause->t[i].low)) {
            return true;
        }
    }
    return false;
}

/* The object's words that count, lower case: "a 2009 Toyota in red" is "2009 toyota". */
static nima_str key_of(struct nima_ctx *ctx, const struct nima_clause *clause, size_t from,
                       size_t end, size_t tokens_max)
{
    static const char skipped[] = " a an the some any my our really very much lots lot of at all"
                                  " to in on near for with as ";
    static const char ends[] = " in on with for over than called named every because since from"
                               " near at anymore when ";
    struct nima_buf buf;
    nima_buf_init(&buf, FACT_BYTES_MAX);
    size_t taken = 0;
    for (size_t i = from; i < end && taken < tokens_max; i++) {
        if (taken > 0 && nima_memory_token_in(&clause->t[i], ends)) {
            break;
        }
        if (nima_memory_token_in(&clause->t[i], skipped)) {
            continue;
        }
        if (taken++ > 0) {
            nima_buf_add_char(&buf, ' ');
        }
        nima_buf_add(&buf, nima_str_of(clause->t[i].low));
    }
    nima_str key = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return key.ptr != NULL ? key : NIMA_STR("");
}

/* What is had, however many of it: "two cats" and "another cat" are of one thing. */
static nima_str thing_of(struct nima_ctx *ctx, nima_str key)
{
    static const char counts[] = " one two three four five six seven eight nine ten eleven twelve"
                                 " several many few another other couple only ";
    nima_str rest = key, word;
    while (nima_str_next(&rest, ' ', &word) && rest.len > 0) {
        struct nima_said_word token = {.raw = word};
        snprintf(token.low, sizeof(token.low), NIMA_FMT, NIMA_ARG(word));
        if (!nima_memory_token_in(&token, counts) && !nima_memory_token_number(&token)) {
            break;
        }
        key = rest;
    }
    if (nima_str_eq(key, NIMA_STR("children")) || nima_str_eq(key, NIMA_STR("kids")) ||
        nima_str_eq(key, NIMA_STR("kid"))) {
        return NIMA_STR("child");
    }
    bool many = key.len > 3 && key.ptr[key.len - 1] == 's' && key.ptr[key.len - 2] != 's';
    if (many && nima_str_ends(key, NIMA_STR("ies"))) {
        return nima_fmt(ctx, NIMA_FMT "y", NIMA_ARG(nima_str_sub(key, 0, key.len - 3)));
    }
    return many ? nima_str_sub(key, 0, key.len - 1) : key;
}

static nima_str attribute_of(const struct nima_rule_run *run, const char *attribute, nima_str key)
{
    if (attribute == NULL) {
        return (nima_str){0};
    }
    if (strcmp(attribute, "have:*") == 0) {
        key = thing_of(run->ctx, key);
    }
    const char *star = strchr(attribute, '*');
    size_t plain = star != NULL ? (size_t)(star - attribute) : strlen(attribute);
    nima_str rest = star != NULL ? key : NIMA_STR("");
    return nima_fmt(run->ctx, "%s%.*s" NIMA_FMT, run->scope != NULL ? run->scope : "", (int)plain,
                    attribute, NIMA_ARG(rest));
}

/* "this app", "your answer": it says nothing outside its conversation; "this year" does. */
static bool points_away(const struct nima_clause *clause, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        bool time = i + 1 < end &&
                    nima_memory_token_in(&clause->t[i + 1], " year month week summer winter spring"
                                                            " autumn fall season term semester ");
        if (nima_memory_token_in(&clause->t[i], " this that these those your you here it ") &&
            !time) {
            return true;
        }
    }
    return false;
}

/* "also", "as well": it stands beside what is known. */
static bool beside(const struct nima_clause *clause)
{
    for (size_t i = 1; i < clause->count; i++) {
        bool as_well = i + 1 < clause->count && nima_memory_token_is(&clause->t[i], "as") &&
                       nima_memory_token_is(&clause->t[i + 1], "well");
        if (nima_memory_token_in(&clause->t[i], " also too additionally ") || as_well) {
            return true;
        }
    }
    return false;
}

void nima_memory_rule_add(const struct nima_rule_run *run, const struct nima_rule_fact *fact,
                          const char *lead, size_t from, size_t end, size_t object)
{
    struct nima_ctx *ctx = run->ctx;
    if (run->out->count == NIMA_CANDIDATES_MAX || points_away(run->clause, from, end)) {
        return;
    }
    nima_str text = nima_memory_third_text(ctx, lead, run->clause->t, from, end);
    if (run->clause->tail_count > 0) {
        nima_str tail =
            nima_memory_third_text(ctx, "", run->clause->tail, 0, run->clause->tail_count);
        text = nima_fmt(ctx, NIMA_FMT " " NIMA_FMT, NIMA_ARG(text), NIMA_ARG(tail));
    }
    if (text.len == 0 || nima_memory_secret(text) != NULL) {
        return;
    }
    bool starred = fact->attribute != NULL && strchr(fact->attribute, '*') != NULL;
    nima_str key = key_of(ctx, run->clause, object, end, KEY_TOKENS_MAX);
    nima_str value = starred ? nima_str_of(lead) : key_of(ctx, run->clause, object, end, 20);
    run->out->items[run->out->count++] = (struct nima_candidate){
        .text = text,
        .category = nima_str_of(run->category != NULL ? run->category : fact->category),
        .attribute = attribute_of(run, fact->attribute, key),
        .value = nima_str_copy(ctx->arena, value),
        .confidence = fact->confidence > 0 ? fact->confidence : usual_confidence,
        .single = (fact->single && !beside(run->clause)) || starred,
        .inferred = fact->inferred,
        .ended = fact->ended,
    };
}
