/*
 * What is never touched inside a paragraph: inline code, quotations, links, tags, mathematics,
 * addresses. A sign whose meaning is not clear shelters the rest of the paragraph.
 */
#include <string.h>

#include "personality/filter_int.h"

/* A whole character, so that what goes out is whole; 1 for a byte that begins none. */
size_t nima_filter_character(struct nima_filter *f, size_t at)
{
    int c = nima_filter_at(f, at);
    size_t len = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    for (size_t i = 1; i < len; i++) {
        int next = nima_filter_at(f, at + i);
        if (next < 0x80 || next > 0xBF) {
            return 1;
        }
    }
    return len;
}

static bool same_text(struct nima_filter *f, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (nima_filter_at(f, i) != (unsigned char)text[i]) {
            return false;
        }
    }
    return true;
}

static void guard(struct nima_filter_act *act, size_t head, enum nima_filter_where where)
{
    act->head = head;
    act->guarded = true;
    act->next.where = where;
}

static void until(struct nima_filter_act *act, size_t head, const char *close)
{
    guard(act, head, NIMA_AT_UNTIL);
    memcpy(act->next.close, close, strlen(close) + 1);
}

static void shelter(struct nima_filter_act *act, size_t head)
{
    guard(act, head, NIMA_AT_SHELTER);
}

/* What a quotation may stand behind. */
static bool opens_after(unsigned char prev)
{
    return nima_filter_is_gap(prev) || strchr("([{-/=:,>*_", prev) != NULL || prev >= 0x80;
}

static bool begins_here(struct nima_filter *f)
{
    int after = nima_filter_at(f, 1);
    return opens_after(f->s.prev) && after >= 0 && !nima_filter_is_gap(after);
}

/* Signs that open something up to another sign. */
static bool begin_pair(struct nima_filter *f, struct nima_filter_act *act)
{
    static const struct {
        const char *open, *close;
    } pairs[] = {{"\xE2\x80\x9C", "\xE2\x80\x9D"},
                 {"\xC2\xAB", "\xC2\xBB"},
                 {"\xE2\x80\x98", "\xE2\x80\x99"},
                 {"\xE3\x80\x8C", "\xE3\x80\x8D"},
                 {"$$", "$$"},
                 {"\\(", "\\)"},
                 {"\\[", "\\]"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (same_text(f, pairs[i].open)) {
            until(act, strlen(pairs[i].open), pairs[i].close);
            return true;
        }
    }
    if (same_text(f, "\xE2\x80\x9E")) { /* „ ends in “ or ” */
        shelter(act, 3);
        return true;
    }
    return false;
}

static bool begin_address(struct nima_filter *f, struct nima_filter_act *act)
{
    static const char *const begins[] = {"http://", "https://", "www.",   "ftp://",
                                         "file://", "mailto:",  "ssh://", "git@"};
    if (nima_filter_is_letter(f->s.prev) || nima_filter_is_digit(f->s.prev)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (nima_rule_match(begins[i], nima_filter_at, f, 0, NULL) > 0) {
            guard(act, 1, NIMA_AT_WORD);
            return true;
        }
    }
    return false;
}

static bool begin_quote(struct nima_filter *f, struct nima_filter_act *act)
{
    int c = nima_filter_at(f, 0);
    if (c == '"') {
        if (begins_here(f)) {
            until(act, 1, "\"");
        } else {
            shelter(act, 1); /* inches, or the end of what we did not see begin */
        }
        return true;
    }
    if (c == '\'' && begins_here(f)) {
        until(act, 1, "'");
        return true;
    }
    return false;
}

static bool is_tag(int after)
{
    return nima_filter_is_letter(after) || after == '/' || after == '!';
}

static bool is_formula(int after)
{
    return nima_filter_is_letter(after) || after == '\\' || after == '{';
}

bool nima_filter_begin_guard(struct nima_filter *f, struct nima_filter_act *act)
{
    int c = nima_filter_at(f, 0);
    if (c == '`') {
        size_t count = 0;
        while (nima_filter_at(f, count) == '`') {
            count++;
        }
        guard(act, count, NIMA_AT_TICKS);
        act->next.ticks = (int)count;
    } else if (c == '[') {
        guard(act, 1, NIMA_AT_BRACKET);
        act->next.depth = 1;
    } else if (c == '<' && is_tag(nima_filter_at(f, 1))) {
        until(act, 1, ">");
    } else if (begin_pair(f, act)) {
        return true;
    } else if (c == '\\') { /* \` begins no code */
        int after = nima_filter_at(f, 1);
        guard(act, after >= '!' && after < 0x7F ? 2 : 1, NIMA_AT_PROSE);
    } else if (c == '$' && is_formula(nima_filter_at(f, 1))) {
        until(act, 1, "$");
    } else {
        return begin_quote(f, act) || begin_address(f, act);
    }
    return true;
}

static void in_ticks(struct nima_filter *f, struct nima_filter_act *act)
{
    size_t count = 0;
    while (nima_filter_at(f, count) == '`') {
        count++;
    }
    if (count > 0) {
        act->head = count;
        act->next.where = (int)count == f->s.ticks ? NIMA_AT_PROSE : NIMA_AT_TICKS;
    }
}

static bool is_word(int c)
{
    return nima_filter_is_letter(c) || nima_filter_is_digit(c);
}

static void in_until(struct nima_filter *f, struct nima_filter_act *act)
{
    const char *close = f->s.close;
    if (!same_text(f, close)) {
        return;
    }
    size_t len = strlen(close);
    bool opens_again = close[0] == '"' && nima_filter_is_gap(f->s.prev) &&
                       !nima_filter_is_gap(nima_filter_at(f, 1));
    bool apostrophe =
        (close[0] == '\'' || strcmp(close, "\xE2\x80\x99") == 0) && is_word(nima_filter_at(f, len));
    if (opens_again) {
        shelter(act, 1); /* a quotation in a quotation, or one that was never closed */
    } else if (!apostrophe) {
        act->head = len;
        act->next.where = NIMA_AT_PROSE;
    }
}

static void in_bracket(struct nima_filter *f, struct nima_filter_act *act)
{
    int c = nima_filter_at(f, 0);
    if (c == '\\' && nima_filter_at(f, 1) >= '!' && nima_filter_at(f, 1) < 0x7F) {
        act->head = 2;
    } else if (c == '[') {
        act->next.depth++;
    } else if (c == ']') {
        act->next.depth--;
        act->next.where = act->next.depth == 0 ? NIMA_AT_TARGET : NIMA_AT_BRACKET;
    }
}

/* Behind the ] of a link: its address, another name, or nothing. */
static void in_target(struct nima_filter *f, struct nima_filter_act *act)
{
    int c = nima_filter_at(f, 0);
    act->head = c == '(' || c == '[' ? 1 : 0;
    if (c == '(') {
        until(act, 1, ")");
    } else if (c == '[') {
        act->next.where = NIMA_AT_BRACKET;
        act->next.depth = 1;
    } else {
        act->next.where = NIMA_AT_PROSE;
    }
}

void nima_filter_guarded(struct nima_filter *f, struct nima_filter_act *act)
{
    int c = nima_filter_at(f, 0);
    act->guarded = true;
    act->head = nima_filter_character(f, 0);
    if (c == '\n' && f->s.where != NIMA_AT_TARGET) {
        act->next.inside = f->s.where == NIMA_AT_WORD ? NIMA_AT_PROSE : f->s.where;
        act->next.where = NIMA_AT_LINE;
        return;
    }
    switch (f->s.where) {
    case NIMA_AT_TICKS:
        in_ticks(f, act);
        break;
    case NIMA_AT_UNTIL:
        in_until(f, act);
        break;
    case NIMA_AT_BRACKET:
        in_bracket(f, act);
        break;
    case NIMA_AT_TARGET:
        in_target(f, act);
        break;
    case NIMA_AT_WORD:
        if (nima_filter_is_gap(c)) {
            act->head = 0;
            act->next.where = NIMA_AT_PROSE;
        }
        break;
    default: /* SHELTER */
        break;
    }
}
