/*
 * Lead-ins and orders. A lead-in is a short clause that ends in a colon, a question mark or at a
 * line's end, and speaks of a text: what somebody said or wrote, or what is to be done with it.
 * What follows it is that text. An order that points back ("translate the above") makes a text of
 * what stands before it.
 */
#include <ctype.h>
#include <string.h>

#include "language/passages_int.h"

enum { LEAD_BYTES_MAX = 160, BEHIND_WORDS_MAX = 14, BARE_WORDS_MAX = 5 };

struct sentence {
    size_t from, end; /* the end is behind its mark */
    char mark;        /* : ? . ! or '\n' */
    size_t next;      /* where what follows begins, blanks skipped */
    bool block;       /* a line break stands before that */
    bool last;        /* nothing follows */
    bool paragraph;   /* an empty line, or nothing, stands before it */
};

static bool blank(char c)
{
    return isspace((unsigned char)c) != 0;
}

/* Whether the sentence ends with the byte at `at`; a colon does when it leads in to something. */
static bool ends_at(nima_str t, size_t at)
{
    char c = t.ptr[at];
    bool open = at + 1 >= t.len || blank(t.ptr[at + 1]);
    bool quoted = at + 1 < t.len && strchr("\"'*", t.ptr[at + 1]) != NULL;
    return c == '\n' || (strchr(".!?", c) != NULL && open) || (c == ':' && (open || quoted));
}

static bool next_sentence(const struct nima_marked *m, size_t *at, struct sentence *out)
{
    nima_str t = m->text;
    size_t from = *at, breaks = from == 0 ? 2 : 0;
    while (from < t.len && (blank(t.ptr[from]) || m->other[from])) {
        breaks += t.ptr[from] == '\n';
        from++;
    }
    if (from >= t.len) {
        return false;
    }
    size_t end = from;
    while (end < t.len && !m->other[end] && !ends_at(t, end)) {
        end++;
    }
    char mark = end < t.len && !m->other[end] ? t.ptr[end] : '\n';
    size_t after = mark == '\n' ? end : end + 1;
    size_t next = after;
    bool block = false;
    while (next < t.len && blank(t.ptr[next])) {
        block = block || t.ptr[next] == '\n';
        next++;
    }
    *out = (struct sentence){.from = from,
                             .end = after,
                             .mark = mark,
                             .next = next,
                             .block = block,
                             .last = next >= t.len,
                             .paragraph = breaks >= 2};
    *at = after > from ? after : from + 1;
    return true;
}

struct reading {        /* of a clause that may be a lead-in or an order */
    bool strict, loose; /* begins with such an order */
    bool asks;          /* begins as a question */
    bool reports, texts, points, judges, third, above, own, labelled;
    bool announces; /* "I got the following from …" */
    bool bare;      /* an order without an object: "translate to Spanish" */
    size_t count;
};

/* What the clause speaks of; of one that `must_order` and does not, nothing else is read. */
static void read_clause(nima_str text, bool must_order, struct reading *out)
{
    const struct nima_word_lists *l = nima_language_word_lists();
    struct nima_lead_words w;
    *out = (struct reading){0};
    nima_language_lead_words(text, &w);
    if (w.cut || w.count == 0) {
        return;
    }
    size_t at = 0;
    while (at + 1 < w.count && nima_language_word_in(l->polite, w.items[at]) &&
           !nima_language_word_in(l->orders_strict, w.items[at])) {
        at++;
    }
    out->strict = nima_language_word_in(l->orders_strict, w.items[at]);
    if (must_order && !out->strict) {
        return;
    }
    out->loose = nima_language_word_in(l->orders_loose, w.items[at]);
    size_t first = nima_language_word_in(" so and ok now hey hi ", w.items[0]) && w.count > 1;
    out->asks = nima_language_word_in(l->questions, w.items[first]);
    out->reports = nima_language_any_in(l->reports, &w);
    for (size_t i = 0; i < w.count; i++) { /* in "reply to this" it is the order */
        bool order = i == at && out->loose;
        out->texts = out->texts || (!order && nima_language_word_in(l->texts, w.items[i]));
    }
    for (size_t i = 0; i < w.count; i++) { /* "say that I am ill" points at nothing */
        bool joins = strcmp(w.items[i], "that") == 0 && i + 1 < w.count &&
                     !nima_language_word_in(l->texts, w.items[i + 1]) &&
                     !nima_language_word_in(" to into in as for please ", w.items[i + 1]);
        out->points = out->points || (!joins && nima_language_word_in(l->pointing, w.items[i]));
    }
    out->judges = nima_language_any_in(l->judged, &w);
    out->above = nima_language_any_in(" above ", &w);
    out->third = nima_language_any_in(l->third, &w);
    out->announces = out->reports && nima_language_any_in(" following below ", &w);
    const char *next = at + 1 < w.count ? w.items[at + 1] : "please";
    out->bare = out->strict && w.count - at <= BARE_WORDS_MAX &&
                nima_language_word_in(" to into in as please briefly for again shortly now ", next);
    bool mine = nima_language_any_in(" i my me myself our we ", &w);
    char whole[LEAD_BYTES_MAX + NIMA_LEAD_WORDS_MAX];
    size_t len = 0;
    for (size_t i = 0; i < w.count; i++) {
        size_t word = strlen(w.items[i]);
        out->third = out->third || (word > 2 && strcmp(w.items[i] + word - 2, "'s") == 0);
        bool fits = len + word + 2 < sizeof(whole);
        memcpy(whole + len, w.items[i], fits ? word : 0);
        len += fits ? word : 0;
        whole[len] = i + 1 < w.count ? ' ' : '\0';
        len += i + 1 < w.count && fits;
    }
    whole[len] = '\0';
    const char *last = w.items[w.count - 1];
    bool labelled = nima_language_word_in(l->own_labels, whole) ||
                    (nima_language_word_in(l->own_labels, last) && !out->third && !out->reports);
    out->labelled = labelled && !out->points;
    out->own =
        labelled ||
        (w.count >= 2 && strcmp(last, "me") == 0 && strcmp(w.items[w.count - 2], "about") == 0) ||
        (mine && !out->reports && !out->third && !out->strict && !out->loose &&
         (!out->texts || (w.count == 2 && nima_language_word_in(" my our ", w.items[0]))));
    out->count = w.count;
}

/* "fyi" alone before a block passes something on. */
static bool passes_on(nima_str text)
{
    static const char *const words[] = {
        "fyi", "for your information", "see below", "as below", "forwarding", "fwd",
        "fw",  "found this",           "tl;dr",     "tldr"};
    while (text.len > 0 && strchr(":,.- ", text.ptr[text.len - 1]) != NULL) {
        text.len--;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (nima_str_eq_nocase(nima_str_trim(text), nima_str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static bool greets(nima_str text)
{
    struct nima_lead_words w;
    nima_language_lead_words(nima_str_sub(text, 0, LEAD_BYTES_MAX), &w);
    return w.count > 0 && nima_language_word_in(nima_language_word_lists()->greetings, w.items[0]);
}

static bool leads_in(nima_str text, const struct sentence *s)
{
    nima_str clause = nima_str_sub(text, s->from, s->end);
    struct reading r;
    if (s->last || s->end - s->from > LEAD_BYTES_MAX) {
        return false;
    }
    if (s->block && passes_on(clause)) {
        return true;
    }
    bool must_order = !s->block && strchr(":?", s->mark) == NULL &&
                      nima_str_find_nocase(clause, NIMA_STR("following"), 0) == SIZE_MAX;
    read_clause(clause, must_order, &r);
    bool loose = r.loose && (r.points || r.texts || r.judges);
    if (r.count == 0) {
        return false;
    }
    if (s->mark == ':') {
        bool other = r.reports || r.texts;
        bool voice = s->block && greets(nima_str_sub(text, s->next, text.len));
        return r.strict || (loose && !r.labelled) || (!r.own && (other || voice)) ||
               (r.asks && r.points && (r.judges || other));
    }
    bool points = r.points && (r.texts || r.judges || r.reports);
    if (s->block && (r.strict || (r.loose && points) || (r.asks && points))) {
        return true;
    }
    bool passed_on = r.reports && (r.points || (r.texts && s->mark != '?')) && !r.own;
    if ((s->block && passed_on) || r.announces) {
        return true;
    }
    bool demanding = r.strict && nima_str_find_nocase(clause, NIMA_STR("\""), 0) == SIZE_MAX;
    return (demanding && r.points) || (s->mark == '?' && r.asks && r.points && r.judges);
}

/* "Translate the above to French", "is this spam?" */
static bool points_back(nima_str clause)
{
    struct reading r;
    if (clause.len > LEAD_BYTES_MAX) {
        return false;
    }
    read_clause(clause, false, &r);
    if (r.count == 0 || r.count > BEHIND_WORDS_MAX) {
        return false;
    }
    bool ordered = r.strict && (r.points || r.texts || r.bare);
    bool loosely = r.loose && (r.above || (r.points && (r.texts || r.judges)));
    bool asked = r.asks && (r.above || (r.points && (r.texts || r.judges)));
    return ordered || loosely || asked;
}

/* Where the quotation that begins at `at` ends; `at`: none begins there, or it has no end. */
static size_t quoted_end(nima_str t, size_t at)
{
    static const struct {
        const char *open, *close;
    } marks[] = {{"\"", "\""}, {"“", "”"}, {"„", "“"}, {"«", "»"}};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        nima_str open = nima_str_of(marks[i].open);
        if (nima_str_starts(nima_str_sub(t, at, t.len), open)) {
            size_t end = nima_str_find(t, nima_str_of(marks[i].close), at + open.len);
            return end != SIZE_MAX ? end + strlen(marks[i].close) : at;
        }
    }
    return at;
}

/* The last sentence of ours when it stands in a paragraph of its own or ends its line; SIZE_MAX:
 * there is none. */
static size_t last_sentence(const struct nima_marked *m, size_t from, struct sentence *out)
{
    size_t at = from;
    struct sentence s;
    size_t found = SIZE_MAX;
    while (next_sentence(m, &at, &s)) {
        *out = s;
        found = s.from;
    }
    return found;
}

static void keep_last_order(struct nima_marked *m, size_t from)
{
    struct sentence last;
    if (last_sentence(m, from, &last) != SIZE_MAX && last.paragraph &&
        points_back(nima_str_sub(m->text, last.from, last.end))) {
        nima_language_mark(m, from, last.from);
    } else {
        nima_language_mark(m, from, m->text.len);
    }
}

void nima_language_mark_leads(struct nima_ctx *ctx, struct nima_marked *m)
{
    (void)ctx;
    bool blocks = m->text.len > 0 && memchr(m->other, 1, m->text.len) != NULL;
    size_t at = 0;
    struct sentence s;
    while (next_sentence(m, &at, &s)) {
        if (!leads_in(m->text, &s)) {
            continue;
        }
        if (m->other[s.next]) { /* the text that it announces is marked already */
            continue;
        }
        size_t quoted = quoted_end(m->text, s.next);
        if (quoted > s.next) {
            nima_language_mark(m, s.next, quoted);
            at = quoted;
            blocks = true;
            continue;
        }
        keep_last_order(m, s.next);
        return;
    }
    struct sentence last;
    if (!blocks && last_sentence(m, 0, &last) != SIZE_MAX && last.from > 0 &&
        points_back(nima_str_sub(m->text, last.from, last.end))) {
        nima_language_mark(m, 0, last.from);
    }
}
