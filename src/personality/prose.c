/*
 * The rules of a sentence. Each is tried in its turn; the first that applies is the step, else the
 * next character goes out as it is. What a rule leaves is never what another one waits for, so that
 * a second pass finds nothing: a rule that drops something leaves the state where it was, and
 * what it asks of the text behind it no other rule changes.
 */
#include <string.h>

#include "personality/filter_int.h"

enum { CHAIN_MAX = 1, CLOSERS_MAX = 3 };

static bool at_is_gap_or_end(struct nima_filter *f, size_t at)
{
    int c = nima_filter_at(f, at);
    return nima_filter_is_gap(c) || c == NIMA_FILTER_END;
}

static bool matches_any(struct nima_filter *f, const char *const *patterns, size_t at)
{
    for (; *patterns != NULL; patterns++) {
        if (nima_rule_match(*patterns, nima_filter_at, f, at, NULL) > 0) {
            return true;
        }
    }
    return false;
}

/* A word that may be written with a capital: names and code keep their own. */
static bool may_be_capital(struct nima_filter *f, size_t at)
{
    for (const char *const *word = nima_rule_capitals; *word != NULL; word++) {
        size_t end = nima_rule_match(*word, nima_filter_at, f, at, NULL);
        int after = end > 0 ? nima_filter_at(f, end) : NIMA_FILTER_FAR;
        if (end > 0 && (nima_filter_is_gap(after) || after == ',')) {
            return true;
        }
    }
    return false;
}

/* Whether the text from here on may begin a sentence in place of what stood before it. */
static bool may_begin(struct nima_filter *f, size_t at)
{
    int c = nima_filter_at(f, at);
    return nima_filter_is_upper(c) || (nima_filter_is_lower(c) && may_be_capital(f, at));
}

/* A sentence that begins here does so with a capital. */
static bool is_capital(struct nima_filter *f, size_t at)
{
    int c = nima_filter_at(f, at);
    return nima_filter_is_upper(c) || (at == 0 && f->s.capital && nima_filter_is_lower(c));
}

static void drop(struct nima_filter_act *act, size_t cut, const struct nima_rule *rule)
{
    act->cut = cut;
    act->rule = rule;
}

/* Openings */

/* Behind "Sure": its sign, or 0. A comma is followed by one blank. */
static size_t opening_sign(struct nima_filter *f, size_t at)
{
    if (nima_filter_at(f, at) == ',') {
        return nima_filter_at(f, at + 1) == ' ' ? at + 1 : 0;
    }
    size_t end = nima_rule_match("$", nima_filter_at, f, at, NULL);
    return end > 0 && nima_filter_is_gap(nima_filter_at(f, end)) ? end : 0;
}

static size_t opening_at(struct nima_filter *f, size_t at, int depth, const struct nima_rule **rule,
                         bool *found);

/* Behind what would be dropped there for being a prefix. */
static size_t behind_prefixes(struct nima_filter *f, size_t at)
{
    for (size_t i = 0; i < nima_rule_count; i++) {
        const struct nima_rule *r = &nima_rules[i];
        size_t end = r->kind == NIMA_RULE_PREFIX
                         ? nima_rule_match(r->pattern, nima_filter_at, f, at, NULL)
                         : 0;
        if (end > 0 && may_begin(f, end)) {
            at = end;
            i = 0;
        }
    }
    return at;
}

static bool offers(struct nima_filter *f, size_t at, int depth)
{
    const struct nima_rule *unused;
    bool found = false;
    return matches_any(f, nima_rule_offers, behind_prefixes(f, at)) ||
           (depth < CHAIN_MAX && opening_at(f, at, depth + 1, &unused, &found) > 0);
}

/* Where the reply goes on when the opening is dropped: at a line's begin with its blanks, or in the
 * same line where a sentence may begin; 0: it may not be dropped. */
static size_t opening_rest(struct nima_filter *f, size_t sign, bool yes, int depth)
{
    int lines = 0;
    size_t gap = nima_filter_gap(f, sign, &lines), at = sign + gap;
    int c = nima_filter_at(f, at);
    if (gap == 0 || gap > NIMA_FILTER_GAP_MAX || c < 0) {
        return 0;
    }
    if (lines == 0 && !may_begin(f, at)) {
        return 0;
    }
    if (yes && nima_filter_is_letter(c) && !offers(f, at, depth)) {
        return 0;
    }
    while (lines > 0 && nima_filter_at(f, at - 1) != '\n') {
        at--;
    }
    return at;
}

/* *found tells whether an opening stands here at all. */
static size_t opening_at(struct nima_filter *f, size_t at, int depth, const struct nima_rule **rule,
                         bool *found)
{
    for (size_t i = 0; i < nima_rule_count; i++) {
        const struct nima_rule *r = &nima_rules[i];
        bool sentence = r->kind == NIMA_RULE_SENTENCE;
        if (!sentence && r->kind != NIMA_RULE_OPENING && r->kind != NIMA_RULE_YES) {
            continue;
        }
        size_t end = nima_rule_match(r->pattern, nima_filter_at, f, at, NULL);
        if (end > 0 && !sentence) {
            end = opening_sign(f, end);
        }
        *found = *found || end > 0;
        size_t rest = end > 0 ? opening_rest(f, end, r->kind == NIMA_RULE_YES, depth) : 0;
        if (rest > 0) {
            *rule = r;
            return rest;
        }
    }
    return 0;
}

static bool drop_opening(struct nima_filter *f, struct nima_filter_act *act)
{
    const struct nima_rule *rule = NULL;
    if (f->s.text_seen ? !f->s.opening : !is_capital(f, 0)) {
        return false;
    }
    size_t rest = opening_at(f, 0, 0, &rule, &act->opening);
    if (rest == 0 || f->s.text_seen) {
        return false; /* behind an opening that stayed another one stays too */
    }
    act->opening = false;
    drop(act, rest, rule);
    bool line = nima_filter_at(f, rest - 1) == '\n';
    act->next.where = line ? NIMA_AT_LINE : NIMA_AT_PROSE;
    act->next.fresh = act->next.fresh || line;
    act->next.capital = !line && nima_filter_is_lower(nima_filter_at(f, rest));
    return true;
}

/* Whole sentences */

static size_t sentence_at(struct nima_filter *f, size_t at, const struct nima_rule **rule)
{
    for (size_t i = 0; i < nima_rule_count; i++) {
        const struct nima_rule *r = &nima_rules[i];
        if (r->kind == NIMA_RULE_SENTENCE || r->kind == NIMA_RULE_CLOSING) {
            size_t end = nima_rule_match(r->pattern, nima_filter_at, f, at, NULL);
            if (end > 0 && at_is_gap_or_end(f, end)) {
                *rule = r;
                return end;
            }
        }
    }
    return 0;
}

/* What may follow a sentence that ended: what may begin one. */
static bool may_follow(int c)
{
    return c >= 0 && !nima_filter_is_lower(c);
}

/* "… done. I hope this helps!": the gap goes with the sentence, where what follows has one too. */
bool nima_filter_drop_after_gap(struct nima_filter *f, struct nima_filter_act *act)
{
    int lines = 0;
    size_t gap = nima_filter_gap(f, 0, &lines);
    bool ended = f->s.term || lines > 1 || f->s.where == NIMA_AT_LINE;
    if (gap == 0 || gap > NIMA_FILTER_GAP_MAX || !ended || !f->s.text_seen || f->s.opening ||
        !nima_filter_is_upper(nima_filter_at(f, gap))) {
        return false;
    }
    if (lines > 0 && nima_filter_at(f, gap - 1) != '\n') {
        return false; /* an indented line may be code */
    }
    const struct nima_rule *rule = NULL, *unused;
    size_t end = sentence_at(f, gap, &rule);
    size_t rest = end > 0 ? end + nima_filter_blanks(f, end) : 0;
    size_t second = end > 0 && rest > end ? sentence_at(f, rest, &unused) : 0;
    if (second > 0 && lines > 0) { /* "I hope this helps! Let me know if …" */
        end = second;
        rest = end + nima_filter_blanks(f, end);
    }
    int after = nima_filter_at(f, rest);
    bool line_over = after == '\n' || after == NIMA_FILTER_END;
    if (end == 0 || (lines > 0 && !line_over) || (lines == 0 && !line_over && !may_follow(after))) {
        return false;
    }
    drop(act, end, rule);
    return true;
}

/* The same where a line begins with it: the gap before it stays. */
static bool drop_sentence(struct nima_filter *f, struct nima_filter_act *act)
{
    const struct nima_rule *rule = NULL;
    if (!f->s.text_seen || f->s.item || f->s.opening || f->s.prev != '\n' || !is_capital(f, 0)) {
        return false;
    }
    size_t end = sentence_at(f, 0, &rule);
    size_t rest = end > 0 ? end + nima_filter_blanks(f, end) : 0;
    int after = nima_filter_at(f, rest);
    bool line_over = after == '\n' || after == NIMA_FILTER_END;
    if (end == 0 || (!line_over && !nima_filter_is_upper(after))) {
        return false;
    }
    drop(act, rest, rule);
    if (line_over) {
        act->next.where = NIMA_AT_LINE;
        act->next.sentence = false;
    }
    return true;
}

/* Where a sentence begins */
static bool change_begin(struct nima_filter *f, struct nima_filter_act *act)
{
    if (!f->s.sentence || !is_capital(f, 0)) {
        return false;
    }
    for (size_t i = 0; i < nima_rule_count; i++) {
        const struct nima_rule *r = &nima_rules[i];
        bool first = r->kind == NIMA_RULE_FIRST;
        size_t end = first || r->kind == NIMA_RULE_PREFIX
                         ? nima_rule_match(r->pattern, nima_filter_at, f, 0, NULL)
                         : 0;
        bool fits = first ? nima_filter_is_lower(nima_filter_at(f, end)) : may_begin(f, end);
        if (end > 0 && fits) {
            drop(act, end, r);
            memcpy(act->put, r->with, strlen(r->with) + 1);
            act->next.capital = true;
            return true;
        }
    }
    return false;
}

/* Words */

static bool word_begins(const struct nima_filter *f)
{
    return nima_filter_is_gap(f->s.prev) || f->s.prev == '(' || f->s.prev == '*';
}

/* Letters of one case, but for the first where a sentence begins. */
static bool plain_case(struct nima_filter *f, size_t end)
{
    for (size_t i = 0; i < end; i++) {
        if (nima_filter_is_upper(nima_filter_at(f, i)) && (i > 0 || !f->s.sentence)) {
            return false;
        }
    }
    return true;
}

static bool word_ends(struct nima_filter *f, size_t at)
{
    int c = nima_filter_at(f, at);
    return c == NIMA_FILTER_END || (c > 0 && strchr(" \t\r\n.,;:!?)*", c) != NULL);
}

/* `with`, its \1 … \4 filled in. */
static void fill(struct nima_filter *f, const char *with, const struct nima_rule_group *groups,
                 char put[NIMA_FILTER_PUT_MAX + 1])
{
    size_t len = 0;
    for (const char *p = with; *p != '\0' && len < NIMA_FILTER_PUT_MAX; p++) {
        if (*p != '\\') {
            put[len++] = *p;
            continue;
        }
        const struct nima_rule_group *group = &groups[*++p - '1'];
        for (size_t i = 0; i < group->len && len < NIMA_FILTER_PUT_MAX; i++) {
            put[len++] = (char)nima_filter_at(f, group->from + i);
        }
    }
    put[len] = '\0';
}

static bool change_words(struct nima_filter *f, struct nima_filter_act *act)
{
    for (size_t i = 0; i < nima_rule_count; i++) {
        const struct nima_rule *r = &nima_rules[i];
        if (r->kind != NIMA_RULE_WORDS) {
            continue;
        }
        struct nima_rule_group groups[NIMA_RULE_GROUPS_MAX] = {{0, 0}};
        size_t end = nima_rule_match(r->pattern, nima_filter_at, f, 0, groups);
        if (end == 0 || !plain_case(f, end)) {
            continue;
        }
        bool open = nima_filter_at(f, end - 1) == ' ';
        if (open ? nima_filter_is_lower(nima_filter_at(f, end)) : word_ends(f, end)) {
            drop(act, end, r);
            fill(f, r->with, groups, act->put);
            act->next.capital = f->s.capital || nima_filter_is_upper(nima_filter_at(f, 0));
            return true;
        }
    }
    return false;
}

static bool says_forbidden(struct nima_filter *f)
{
    for (size_t i = 0; f->forbidden != NULL && i < f->forbidden->count; i++) {
        nima_str phrase = f->forbidden->items[i];
        size_t at = 0;
        while (at < phrase.len) {
            int c = nima_filter_at(f, at), p = (unsigned char)phrase.ptr[at];
            c = nima_filter_is_upper(c) ? c - 'A' + 'a' : c;
            p = nima_filter_is_upper(p) ? p - 'A' + 'a' : p;
            if (c != p) {
                break;
            }
            at++;
        }
        bool open =
            phrase.len > 0 && nima_filter_is_letter((unsigned char)phrase.ptr[at - (at > 0)]);
        if (at == phrase.len && at > 0 && (!open || word_ends(f, at))) {
            return true;
        }
    }
    return false;
}

/* What is only counted. */
static const struct nima_rule *note_at(struct nima_filter *f)
{
    bool emoji = nima_filter_at(f, 0) == 0xF0 && nima_filter_at(f, 1) == 0x9F;
    if (emoji) {
        return &nima_rule_emoji;
    }
    if (!word_begins(f)) {
        return NULL;
    }
    for (size_t i = 0; i < nima_rule_count; i++) {
        const struct nima_rule *r = &nima_rules[i];
        size_t end =
            r->kind == NIMA_RULE_NOTE ? nima_rule_match(r->pattern, nima_filter_at, f, 0, NULL) : 0;
        if (end > 0 && word_ends(f, end)) {
            return r;
        }
    }
    return says_forbidden(f) ? &nima_rule_forbidden : NULL;
}

/* Exclamation marks */

static bool shouted_word(const struct nima_filter_state *s)
{
    int len = s->word_len <= NIMA_FILTER_WORD_MAX ? s->word_len : 0;
    for (const char *const *word = nima_rule_shouts; *word != NULL; word++) {
        if (nima_str_eq((nima_str){s->word, (size_t)len}, nima_str_of(*word))) {
            return true;
        }
    }
    return false;
}

static bool change_marks(struct nima_filter *f, struct nima_filter_act *act)
{
    size_t count = 0;
    bool asks = false, shouts = false;
    for (int c = nima_filter_at(f, 0); (c == '!' || c == '?') && count <= NIMA_RULE_MARKS_MAX;
         c = nima_filter_at(f, count)) {
        asks = asks || c == '?';
        shouts = shouts || c == '!';
        count++;
    }
    bool word = f->s.word_plain && f->s.word_len > 1 && !f->s.inverted && !shouted_word(&f->s) &&
                (nima_filter_is_letter(f->s.prev) || f->s.prev == ')' || f->s.prev == '*');
    if (!shouts || !word || count > NIMA_RULE_MARKS_MAX) {
        return false;
    }
    size_t end = count, closers = 0;
    while (closers < CLOSERS_MAX &&
           (nima_filter_at(f, end) == '*' || nima_filter_at(f, end) == ')')) {
        closers++;
        end++;
    }
    int lines = 0;
    size_t gap = nima_filter_gap(f, end, &lines);
    int after = nima_filter_at(f, end + gap);
    bool over = after == NIMA_FILTER_END || lines > 0;
    if (!over && (gap == 0 || gap > NIMA_FILTER_GAP_MAX || nima_filter_is_lower(after))) {
        return false;
    }
    drop(act, count, &nima_rule_exclamation);
    act->put[0] = asks ? '?' : '.';
    return true;
}

/* "1. Do this. 2. Do that.": each step gets its line. */
static bool break_steps(struct nima_filter *f, struct nima_filter_act *act)
{
    size_t gap = nima_filter_blanks(f, 0), at = gap;
    int64_t number = 0;
    if (f->s.number == 0 || !f->s.term || gap > NIMA_FILTER_GAP_MAX ||
        nima_filter_is_gap(f->s.prev)) {
        return false;
    }
    while (nima_filter_is_digit(nima_filter_at(f, at)) && at - gap < 9) {
        number = 10 * number + nima_filter_at(f, at++) - '0';
    }
    int after = nima_filter_at(f, at + 2);
    if (number != f->s.number + 1 || nima_filter_at(f, at) != f->s.delimiter ||
        nima_filter_at(f, at + 1) != ' ' || !nima_filter_is_upper(after)) {
        return false;
    }
    drop(act, gap, &nima_rule_steps);
    memset(act->put, ' ', (size_t)f->s.indent + 1);
    act->put[0] = '\n';
    act->put[f->s.indent + 1] = '\0';
    act->next.where = NIMA_AT_LINE;
    act->next.sentence = false;
    return true;
}

static void copy(struct nima_filter *f, struct nima_filter_act *act)
{
    int c = nima_filter_at(f, 0);
    act->head = nima_filter_character(f, 0);
    if (c == '\n') {
        act->next.where = NIMA_AT_LINE;
        act->next.inside = NIMA_AT_PROSE;
        act->next.sentence = false;
    }
    act->note = note_at(f);
}

static bool at_gap(struct nima_filter *f, struct nima_filter_act *act)
{
    return nima_filter_drop_after_gap(f, act) ||
           (nima_filter_at(f, 0) != '\n' && break_steps(f, act));
}

void nima_filter_prose(struct nima_filter *f, struct nima_filter_act *act)
{
    int c = nima_filter_at(f, 0);
    if (nima_filter_is_gap(c)) {
        if (!at_gap(f, act)) {
            copy(f, act);
        }
        return;
    }
    bool after_sentence = f->s.term && nima_filter_is_gap(f->s.prev) && !nima_filter_is_lower(c);
    if (after_sentence && !f->s.sentence && f->s.prev != '\n') {
        f->s.sentence = act->next.sentence = true;
    }
    if (f->s.sentence && (drop_opening(f, act) || drop_sentence(f, act) || change_begin(f, act))) {
        return;
    }
    if (nima_filter_begin_guard(f, act) || (word_begins(f) && change_words(f, act)) ||
        ((c == '!' || c == '?') && change_marks(f, act))) {
        return;
    }
    copy(f, act);
}
