/* A message to candidates: sentence by sentence, clause by clause, rule by rule. */
#include "memory/rules.h"
#include "memory/clause_int.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "memory/left.h"
#include "memory/lexicon.h"

/* "I am not vegetarian any more", "I am no longer married". */
static bool am_no_longer(const struct nima_rule_run *run)
{
    const struct nima_clause *c = run->clause;
    bool no_longer = is(c, 2, "no") && is(c, 3, "longer");
    bool any_more =
        is(c, 2, "not") && (is(c, c->count - 1, "anymore") ||
                            (is(c, c->count - 2, "any") &&
                             (is(c, c->count - 1, "more") || is(c, c->count - 1, "longer"))));
    size_t state = no_longer ? 4 : 3;
    bool known = nima_memory_listed(NIMA_LIST_STATES, at(c, state)->low);
    if ((!no_longer && !any_more) || !known) {
        return false;
    }
    bool diet = nima_memory_listed(NIMA_LIST_DIETS, at(c, state)->low);
    bool marital = nima_memory_listed(NIMA_LIST_MARITAL, at(c, state)->low);
    struct nima_rule_fact fact = {.category = diet      ? "preference"
                                              : marital ? "family"
                                                        : "identity",
                                  .attribute = diet      ? "diet"
                                               : marital ? "marital"
                                                         : NULL,
                                  .single = true,
                                  .ended = true};
    nima_memory_rule_add(run, &fact, "The user is no longer", state, state + 1, state);
    return true;
}

static bool we_fits(const struct nima_clause *c)
{
    return nima_memory_token_in(at(c, 1), " live have own moved are lived ");
}

/* "have just moved" says what "moved" does. */
static size_t moved_at(const struct nima_clause *c)
{
    size_t i = 2;
    while (in(c, i, " just now recently finally already since also ")) {
        i++;
    }
    return is(c, 1, "have") && is(c, i, "moved") ? i : 1;
}

void nima_memory_rule_self(const struct nima_rule_run *run)
{
    const struct nima_clause *c = run->clause;
    if (is(c, 0, "we") && !we_fits(c)) {
        return;
    }
    if (nima_memory_rule_ended(run)) {
        return;
    }
    size_t verb = 1;
    while (nima_memory_listed(NIMA_LIST_ADVERBS, at(c, verb)->low)) {
        verb++;
    }
    if (is(c, verb, "am") || (is(c, 0, "we") && is(c, verb, "are"))) {
        (void)(am_no_longer(run) || nima_memory_rule_am(run, "The user", verb + 1));
        return;
    }
    if (moved_at(c) > 1 && nima_memory_rule_past(run, "The user", moved_at(c))) {
        return;
    }
    (void)(nima_memory_rule_have(run, 1) || nima_memory_rule_not(run, verb) ||
           nima_memory_rule_goal(run, 1) || nima_memory_rule_past(run, "The user", 1) ||
           nima_memory_rule_verb(run, 1));
}

/* "Call me Sam": a command that tells a name. */
static bool call_me(const struct nima_rule_run *run, const struct nima_said_word *t, size_t count)
{
    size_t i = 0;
    while (i + 3 <= count && nima_memory_token_in(&t[i], " please just you can ")) {
        i++;
    }
    bool fits = i + 3 <= count && i + 4 >= count && nima_memory_token_is(&t[i], "call") &&
                nima_memory_token_is(&t[i + 1], "me") && t[i + 2].capital;
    if (!fits) {
        return false;
    }
    struct nima_clause clause = {.count = count - i};
    memcpy(clause.t, t + i, clause.count * sizeof(*t));
    struct nima_rule_run named = *run;
    named.clause = &clause;
    struct nima_rule_fact fact = {
        .category = "identity", .attribute = "name", .single = true, .confidence = 0.95};
    nima_memory_rule_add(&named, &fact, "The user's name is", 2, clause.count, 2);
    return true;
}

/* "Remember that my flight is on June 12": kept as it was said when no rule knows it. */
static void keep_as_said(const struct nima_rule_run *run, const struct nima_clauses *clauses)
{
    const struct nima_said_word *t = clauses->rest;
    size_t count = clauses->rest_count;
    if (count < 3 || run->out->count == NIMA_CANDIDATES_MAX) {
        return;
    }
    nima_str text;
    if (nima_memory_token_in(&t[0], " my our ")) {
        text = nima_memory_third_text(run->ctx, "The user's", t, 1, count);
    } else if (nima_memory_token_in(&t[0], " i we ")) {
        char verb[NIMA_TOKEN_CHARS + 4];
        char lead[NIMA_TOKEN_CHARS + 24];
        size_t len = strlen(t[1].low);
        bool past = len > 3 && strcmp(t[1].low + len - 2, "ed") == 0;
        bool fixed = past || nima_memory_token_in(&t[1], " can will must was had did got went ");
        if (fixed) {
            snprintf(verb, sizeof(verb), "%s", t[1].low);
        } else if (nima_memory_token_is(&t[1], "am")) {
            snprintf(verb, sizeof(verb), "is");
        } else {
            nima_memory_third_person(t[1].low, verb, sizeof(verb));
        }
        snprintf(lead, sizeof(lead), "The user %s", verb);
        text = nima_memory_third_text(run->ctx, lead, t, 2, count);
    } else {
        text = nima_memory_third_text(run->ctx, "", t, 0, count);
    }
    if (text.len == 0 || nima_memory_secret(text) != NULL) {
        return;
    }
    run->out->items[run->out->count++] = (struct nima_candidate){.text = text,
                                                                 .category = NIMA_STR("note"),
                                                                 .value = NIMA_STR(""),
                                                                 .confidence = 1.0,
                                                                 .explicit_wish = true};
}

/* The noun of "my sister", "our old dog", "a brother" that begins at i; NULL: none does. */
static const struct nima_said_word *kin_at(const struct nima_said_word *t, size_t count, size_t i)
{
    bool led = nima_memory_token_in(&t[i], " my our ") ||
               (nima_memory_token_in(&t[i], " a an one ") && i > 0 &&
                nima_memory_token_in(&t[i - 1], " have got "));
    for (size_t k = i + 1; led && k < count && k <= i + 3; k++) {
        char noun[NIMA_TOKEN_CHARS];
        size_t len = strlen(t[k].low);
        bool of = len > 2 && strcmp(t[k].low + len - 2, "'s") == 0;
        snprintf(noun, sizeof(noun), "%.*s", (int)(of ? len - 2 : len), t[k].low);
        if (nima_memory_listed(NIMA_LIST_FAMILY, noun) ||
            nima_memory_listed(NIMA_LIST_PEOPLE, noun) ||
            nima_memory_listed(NIMA_LIST_PETS, noun)) {
            return &t[k];
        }
    }
    return NULL;
}

/* Puts "my sister" in the place of a "she" that begins a clause: "My sister's name is Rosa, and
 * she …". Only while a single person was spoken of; `who` is who that was, also in the sentence
 * before. */
static size_t name_pronouns(struct nima_said_word *t, size_t count, struct nima_said_word *who)
{
    static const struct nima_said_word my = {.raw = NIMA_STR_INIT("my"), .low = "my"};
    static const struct nima_said_word copula = {.raw = NIMA_STR_INIT("is"), .low = "is"};
    struct nima_said_word known = *who;
    *who = (struct nima_said_word){0};
    for (size_t i = 0; i < count; i++) {
        const struct nima_said_word *kin = kin_at(t, count, i);
        bool other = kin != NULL && known.low[0] != '\0' &&
                     strncmp(kin->low, known.low, strlen(known.low)) != 0;
        if (other) {
            return count; /* two of them: whose "she" it is, is not sure */
        }
        if (kin != NULL) {
            known = *kin;
            size_t len = strlen(known.low);
            bool of = len > 2 && strcmp(known.low + len - 2, "'s") == 0;
            known.low[of ? len - 2 : len] = '\0';
            known.raw = nima_str_sub(known.raw, 0, strlen(known.low));
            known.comma = false;
        }
        bool begins = i == 0 || t[i - 1].comma || nima_memory_token_in(&t[i - 1], " and but ");
        bool is_short = nima_memory_token_in(&t[i], " she's he's shes hes ");
        bool pronoun = is_short || nima_memory_token_in(&t[i], " she he ");
        size_t more = is_short ? 2 : 1;
        if (begins && pronoun && known.low[0] != '\0' && count + more <= NIMA_TOKENS_MAX) {
            memmove(t + i + 1 + more, t + i + 1, (count - i - 1) * sizeof(*t));
            t[i] = my;
            t[i + 1] = known;
            if (is_short) {
                t[i + 2] = copula;
            }
            count += more;
            i += more;
        }
    }
    *who = known;
    return count;
}

/* Asks the rules about each clause; how many of them no rule understood. */
static size_t take_clauses(struct nima_rule_run *run, const struct nima_clauses *clauses)
{
    size_t unknown = 0;
    for (size_t i = 0; i < clauses->count; i++) {
        size_t before = run->out->count;
        run->clause = &clauses->items[i];
        if (run->clause->count < 2) {
            continue;
        }
        if (nima_memory_token_in(&run->clause->t[0], " my our ")) {
            (void)nima_memory_rule_mine(run);
        } else {
            nima_memory_rule_self(run);
        }
        unknown += run->out->count == before;
    }
    return unknown;
}

/* False when the rest of the message is somebody's text, not the person's own words. */
static bool take_sentence(struct nima_rule_run *run, const struct nima_sentence *sentence,
                          struct nima_clauses *clauses, struct nima_left *left)
{
    struct nima_said_word tokens[NIMA_TOKENS_MAX];
    size_t count = nima_memory_said_tokens(run->ctx, sentence->text, tokens);
    if (count < 2) {
        return true;
    }
    if (nima_memory_said_begins_text(tokens, count)) {
        return false;
    }
    count = name_pronouns(tokens, count, &run->who);
    size_t before = run->out->count;
    if (!sentence->question && call_me(run, tokens, count)) {
        return true;
    }
    nima_memory_said_clauses(tokens, count, sentence->question, clauses);
    size_t unknown = take_clauses(run, clauses);
    bool understood = run->out->count > before && unknown == 0;
    nima_memory_left_note(left, sentence, tokens, count, understood);
    for (size_t i = before; clauses->asked_to_remember && i < run->out->count; i++) {
        run->out->items[i].explicit_wish = true;
        run->out->items[i].confidence = 1.0;
    }
    if (clauses->asked_to_remember && run->out->count == before) {
        keep_as_said(run, clauses);
    }
    return true;
}

/* What stands before a colon speaks for itself only when it leads in: "About me: …". */
static nima_str without_quoted_rest(nima_str text)
{
    static const char *const intros[] = {"quick intro",
                                         "intro",
                                         "about me",
                                         "a bit about me",
                                         "context",
                                         "fyi",
                                         "background",
                                         "some background",
                                         "note",
                                         "info",
                                         "btw",
                                         "for context",
                                         "update",
                                         "remember",
                                         "please remember",
                                         "hi",
                                         "ps",
                                         "correction",
                                         "my details",
                                         "details",
                                         "facts",
                                         "some facts",
                                         "two things",
                                         "a few things",
                                         "one thing",
                                         "one more thing",
                                         "one question",
                                         "heads up",
                                         "news",
                                         "good news",
                                         "bad news",
                                         "big news",
                                         "quick update",
                                         "listen",
                                         "look",
                                         "confession",
                                         "disclaimer",
                                         "the thing is",
                                         "info about me"};
    size_t colon = 0;
    while ((colon = nima_str_find(text, NIMA_STR(":"), colon)) != SIZE_MAX) {
        bool in_time = colon > 0 && isdigit((unsigned char)text.ptr[colon - 1]) &&
                       colon + 1 < text.len && isdigit((unsigned char)text.ptr[colon + 1]);
        if (!in_time) {
            break;
        }
        colon++;
    }
    if (colon == SIZE_MAX) {
        return text;
    }
    nima_str head = nima_str_trim(nima_str_sub(text, 0, colon));
    size_t comma = nima_str_find(head, NIMA_STR(","), 0);
    nima_str last =
        comma != SIZE_MAX ? nima_str_trim(nima_str_sub(head, comma + 1, head.len)) : head;
    for (size_t i = 0; i < sizeof(intros) / sizeof(intros[0]); i++) {
        if (nima_str_eq_nocase(last, nima_str_of(intros[i]))) {
            return nima_str_sub(text, colon + 1, text.len);
        }
    }
    return head;
}

/* "Remember: the plumber comes on Tuesday" asks as "remember that …" does. */
static nima_str with_wish(struct nima_ctx *ctx, nima_str text)
{
    static const char *const wishes[] = {
        "remember",           "please remember",     "remember this",   "please remember this",
        "don't forget",       "please don't forget", "do not forget",   "keep in mind",
        "bear in mind",       "please keep in mind", "make a note",     "please make a note",
        "take note",          "please note",         "take a note",     "save this",
        "please save this",   "memorize this",       "memorise this",   "write this down",
        "note this",          "note this down",      "for your memory", "to remember",
        "things to remember", "keep this in mind",   "don’t forget",    "nima, remember"};
    size_t colon = nima_str_find(text, NIMA_STR(":"), 0);
    if (colon == SIZE_MAX || colon + 1 >= text.len || text.ptr[colon + 1] != ' ') {
        return text;
    }
    nima_str head = nima_str_trim(nima_str_sub(text, 0, colon));
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        if (nima_str_eq_nocase(head, nima_str_of(wishes[i]))) {
            return nima_fmt(ctx, "remember that " NIMA_FMT,
                            NIMA_ARG(nima_str_trim(nima_str_sub(text, colon + 1, text.len))));
        }
    }
    return text;
}

nima_rc nima_memory_extract(struct nima_ctx *ctx, nima_str text, struct nima_candidates *out)
{
    nima_str left;
    return nima_memory_extract_left(ctx, text, out, &left);
}

nima_rc nima_memory_extract_left(struct nima_ctx *ctx, nima_str text, struct nima_candidates *out,
                                 nima_str *left_out)
{
    struct nima_left left = {0};
    out->count = 0;
    nima_str plain = nima_memory_said_plain(ctx, text);
    struct nima_sentence *sentences =
        NIMA_NEW(ctx->arena, struct nima_sentence, NIMA_SENTENCES_MAX);
    struct nima_clauses *clauses = NIMA_NEW(ctx->arena, struct nima_clauses, 1);
    struct nima_rule_run run = {.ctx = ctx, .out = out};
    size_t count = nima_memory_said_sentences(plain, sentences);
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(nima_ctx_stopped(ctx));
        if (nima_memory_secret(sentences[i].text) != NULL) {
            continue;
        }
        struct nima_sentence sentence = sentences[i];
        sentence.text = with_wish(ctx, sentence.text);
        bool colon = nima_str_find(sentence.text, NIMA_STR(":"), 0) != SIZE_MAX;
        sentence.text = without_quoted_rest(sentence.text);
        sentence.question = sentence.question && !colon;
        if (!take_sentence(&run, &sentence, clauses, &left)) {
            break;
        }
    }
    *left_out = nima_memory_left_text(ctx, &left);
    return NIMA_OK;
}
