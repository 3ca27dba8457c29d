/*
 * How lines begin, after CommonMark: what a block is decides what may be touched. When in doubt a
 * line is sheltered: nothing in it is touched until a blank line.
 */
#include <string.h>

#include "personality/filter_int.h"

enum {
    CODE_COLUMNS = 4,
    TAB_COLUMNS = 4,
    FENCE_LEAST = 3,
    MARKER_DIGITS_MAX = 9,
    LANGUAGE_MAX = 120
};

/* Where the line stands: its blanks, and what comes after them. */
struct line {
    size_t blanks;
    int columns;
    int first;
};

static struct line look(struct nima_filter *f)
{
    struct line line = {.blanks = nima_filter_blanks(f, 0)};
    for (size_t i = 0; i < line.blanks; i++) {
        line.columns += nima_filter_at(f, i) == '\t' ? TAB_COLUMNS : 1;
    }
    line.first = nima_filter_at(f, line.blanks);
    return line;
}

static size_t run_of(struct nima_filter *f, size_t at, int c)
{
    size_t count = 0;
    while (nima_filter_at(f, at + count) == c) {
        count++;
    }
    return count;
}

/* The end of a line, or where we can see no further. */
static size_t line_end(struct nima_filter *f, size_t at)
{
    int c = nima_filter_at(f, at);
    while (c >= 0 && c != '\n') {
        c = nima_filter_at(f, ++at);
    }
    return at;
}

/* Three or more ` or ~; a line of ` with another ` in it is text. 0: none. */
static size_t fence_at(struct nima_filter *f, size_t at)
{
    int c = nima_filter_at(f, at);
    if (c != '`' && c != '~') {
        return 0;
    }
    size_t count = run_of(f, at, c);
    size_t end = count >= FENCE_LEAST ? line_end(f, at + count) : 0;
    for (size_t i = at + count; c == '`' && i < end; i++) {
        if (nima_filter_at(f, i) == '`') {
            return 0;
        }
    }
    return count >= FENCE_LEAST ? count : 0;
}

static bool same_text(struct nima_filter *f, size_t at, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (nima_filter_at(f, at + i) != (unsigned char)text[i]) {
            return false;
        }
    }
    return true;
}

/* The language of the code from `at` on, where that is evident; NULL. */
static const char *language_at(struct nima_filter *f, size_t at)
{
    for (const struct nima_rule_language *l = nima_rule_languages; l->name != NULL; l++) {
        if (!same_text(f, at, l->begin)) {
            continue;
        }
        if (l->end == NULL) {
            return l->name;
        }
        size_t end = at, len = strlen(l->end);
        while (end - at < LANGUAGE_MAX && nima_filter_at(f, end) >= 0 &&
               nima_filter_at(f, end) != '\n') {
            end++;
        }
        if (nima_filter_at(f, end) == '\n' && end - at >= len && same_text(f, end - len, l->end)) {
            return l->name;
        }
    }
    return NULL;
}

static void open_fence(struct nima_filter *f, struct nima_filter_act *act, size_t at, size_t count)
{
    act->head = at + count;
    act->guarded = true;
    act->next.where = NIMA_AT_FENCE;
    act->next.inside = NIMA_AT_PROSE;
    act->next.fence = (char)nima_filter_at(f, at);
    act->next.fence_len = (int)count;
    act->next.line_start = false;
    act->next.sentence = act->next.item = false;
    act->next.number = 0;
    const char *name = nima_filter_at(f, act->head) == '\n' ? language_at(f, act->head + 1) : NULL;
    if (name != NULL) {
        memcpy(act->put, name, strlen(name) + 1);
        act->rule = &nima_rule_language;
    }
}

/* "- ", "* ", "+ ", "1. " or "1) ": the bytes up to its blank; 0: none. */
static size_t marker_at(struct nima_filter *f, size_t at, int64_t *number, char *delimiter)
{
    int c = nima_filter_at(f, at);
    size_t end = at + 1;
    *number = 0;
    if (nima_filter_is_digit(c)) {
        for (end = at; nima_filter_is_digit(nima_filter_at(f, end)); end++) {
            if (end - at == MARKER_DIGITS_MAX) {
                return 0;
            }
            *number = 10 * *number + nima_filter_at(f, end) - '0';
        }
        *delimiter = (char)nima_filter_at(f, end);
        if (*delimiter != '.' && *delimiter != ')') {
            return 0;
        }
        end++;
    } else if (c != '-' && c != '*' && c != '+') {
        return 0;
    }
    int after = nima_filter_at(f, end);
    return nima_filter_is_gap(after) || after == NIMA_FILTER_END ? end - at : 0;
}

/* Headings, quotations, tables and rules; false for a line of text. */
static bool other_block(struct nima_filter *f, struct nima_filter_act *act, const struct line *line)
{
    int c = line->first;
    act->head = line->blanks;
    act->next.sentence = act->next.item = false;
    act->next.number = 0;
    if (c == '>' || c == '|' || line->columns >= CODE_COLUMNS) {
        act->guarded = true;
        act->next.where = act->next.inside = NIMA_AT_SHELTER;
        return true;
    }
    size_t count = c == '#' ? run_of(f, line->blanks, '#') : 0;
    bool heading = count > 0 && nima_filter_is_gap(nima_filter_at(f, line->blanks + count));
    bool rule =
        (c == '-' || c == '*' || c == '_' || c == '=') && run_of(f, line->blanks, c) >= FENCE_LEAST;
    if (heading || rule) {
        act->head += heading ? count : 0;
        act->guarded = heading;
        act->next.where = act->next.inside = NIMA_AT_PROSE;
        return true;
    }
    return false;
}

static bool list_item(struct nima_filter *f, struct nima_filter_act *act, const struct line *line)
{
    int64_t number;
    char delimiter = '\0';
    size_t marker = marker_at(f, line->blanks, &number, &delimiter);
    if (marker == 0 || line->columns >= CODE_COLUMNS) {
        return false;
    }
    size_t at = line->blanks + marker;
    size_t text = at + nima_filter_blanks(f, at);
    size_t fence = fence_at(f, text);
    if (fence > 0) {
        open_fence(f, act, text, fence);
        return true;
    }
    act->head = at;
    act->guarded = true;
    act->next.where = act->next.inside = NIMA_AT_PROSE;
    act->next.sentence = act->next.item = true;
    act->next.number = number;
    act->next.delimiter = delimiter;
    act->next.indent = (int)line->blanks;
    return true;
}

static void text_line(struct nima_filter *f, struct nima_filter_act *act, const struct line *line)
{
    act->head = line->blanks;
    act->next.where = f->s.inside;
    act->next.number = 0;
    bool prose = f->s.inside == NIMA_AT_PROSE;
    act->guarded = !prose;
    act->next.sentence = prose && (f->s.fresh || f->s.term);
    act->next.item = false;
    act->next.fresh = false;
}

void nima_filter_line(struct nima_filter *f, struct nima_filter_act *act)
{
    struct line line = look(f);
    size_t fence = fence_at(f, line.blanks);
    if (line.blanks > NIMA_FILTER_GAP_MAX) {
        act->head = 1; /* the rest is looked at again; so far in it is code in any case */
        act->guarded = true;
        act->next.where = act->next.inside = NIMA_AT_SHELTER;
    } else if (line.first == '\n') {
        if (f->s.inside == NIMA_AT_PROSE && nima_filter_drop_after_gap(f, act)) {
            return;
        }
        act->head = line.blanks + 1;
        act->next.inside = NIMA_AT_PROSE;
        act->next.fresh = true;
    } else if (fence > 0) {
        open_fence(f, act, line.blanks, fence);
    } else if (list_item(f, act, &line) || other_block(f, act, &line)) {
        act->next.fresh = false;
    } else {
        text_line(f, act, &line);
    }
}

/* A line of nothing but the fence again. */
static size_t closing_fence(struct nima_filter *f)
{
    size_t blanks = nima_filter_blanks(f, 0);
    size_t count = run_of(f, blanks, f->s.fence);
    if (blanks > NIMA_FILTER_GAP_MAX || count < (size_t)f->s.fence_len) {
        return 0;
    }
    size_t end = blanks + count + nima_filter_blanks(f, blanks + count);
    int after = nima_filter_at(f, end);
    if (after == NIMA_FILTER_END) {
        return end;
    }
    return after == '\n' ? end + 1 : 0;
}

void nima_filter_fence(struct nima_filter *f, struct nima_filter_act *act)
{
    act->guarded = true;
    size_t closing = f->s.line_start ? closing_fence(f) : 0;
    if (closing > 0) {
        act->head = closing;
        act->next.where = NIMA_AT_LINE;
        act->next.inside = NIMA_AT_PROSE;
        act->next.fresh = true;
        return;
    }
    act->head = nima_filter_character(f, 0);
    act->next.line_start = nima_filter_at(f, 0) == '\n';
}
