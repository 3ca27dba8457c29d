/*
 * The last stage of the filter: a sentence that stands twice in a line is written once. The second
 * one is held back only as long as it goes on like one that was said.
 */
#include <string.h>

#include "personality/filter_int.h"

static void flush(struct nima_filter *f, char *bytes, size_t *len)
{
    nima_buf_add(&f->out, (nima_str){bytes, *len});
    *len = 0;
}

/* What was held goes out after all. */
static void release(struct nima_filter *f)
{
    struct nima_repeat *r = &f->repeat;
    if (r->holding) {
        flush(f, r->lead, &r->lead_len);
        nima_buf_add(&f->out, (nima_str){r->text, r->len});
        r->holding = false;
    }
}

/* Whether a sentence was said that begins so; `whole`: that is it. */
static bool was_said(const struct nima_repeat *r, bool whole)
{
    for (size_t i = 0; i < r->said_count; i++) {
        const struct nima_said *said = &r->said[i];
        bool begins = r->len <= said->len && memcmp(r->text, said->text, r->len) == 0;
        if (begins && (!whole || r->len == said->len)) {
            return true;
        }
    }
    return false;
}

static bool worth(const struct nima_repeat *r)
{
    int blanks = 0;
    for (size_t i = 0; i < r->len; i++) {
        blanks += r->text[i] == ' ';
    }
    return r->fits && r->len >= NIMA_REPEAT_BYTES_MIN && r->len <= NIMA_REPEAT_BYTES_MAX &&
           blanks >= NIMA_REPEAT_WORDS_MIN - 1;
}

/* The sentence is over: it was said before, or is remembered. */
static void close_sentence(struct nima_filter *f)
{
    struct nima_repeat *r = &f->repeat;
    if (r->holding && worth(r) && was_said(r, true)) {
        nima_filter_changed(f, &nima_rule_repeat, (nima_str){r->text, r->len}, NIMA_STR(""));
        r->lead_len = 0;
        r->holding = false;
    } else {
        release(f);
        if (worth(r)) {
            size_t keep = r->said_count < NIMA_REPEAT_KEPT ? r->said_count : NIMA_REPEAT_KEPT - 1;
            memmove(&r->said[1], &r->said[0], keep * sizeof(r->said[0]));
            memcpy(r->said[0].text, r->text, r->len);
            r->said[0].len = r->len;
            r->said_count = keep + 1;
        }
    }
    r->len = 0;
    r->fits = false;
}

void nima_repeat_line(struct nima_filter *f)
{
    close_sentence(f);
    flush(f, f->repeat.gap, &f->repeat.gap_len);
    f->repeat.said_count = 0;
}

void nima_repeat_start(struct nima_filter *f)
{
    struct nima_repeat *r = &f->repeat;
    close_sentence(f);
    memcpy(r->lead, r->gap, r->gap_len);
    r->lead_len = r->gap_len;
    r->gap_len = 0;
    r->fits = true;
    r->holding = true;
}

/* A byte of the sentence itself, and the gap before it. */
static void write_text(struct nima_filter *f, const char *bytes, size_t len)
{
    struct nima_repeat *r = &f->repeat;
    if (r->fits && r->len + len > NIMA_REPEAT_BYTES_MAX) {
        r->fits = false;
    }
    if (!r->fits) {
        release(f);
        nima_buf_add(&f->out, (nima_str){bytes, len});
        return;
    }
    memcpy(r->text + r->len, bytes, len);
    r->len += len;
    if (!r->holding) {
        nima_buf_add(&f->out, (nima_str){bytes, len});
    } else if (!was_said(r, false)) {
        release(f);
    }
}

void nima_repeat_write(struct nima_filter *f, char c, bool guarded)
{
    struct nima_repeat *r = &f->repeat;
    if (c == '\n') {
        close_sentence(f);
        flush(f, r->gap, &r->gap_len);
        nima_buf_add_char(&f->out, c);
        return;
    }
    if (nima_filter_is_blank(c) && r->gap_len < NIMA_FILTER_GAP_MAX) {
        r->gap[r->gap_len++] = c;
        return;
    }
    if (guarded || nima_filter_is_digit(c)) {
        release(f);
        r->fits = false;
    }
    char gap[NIMA_FILTER_GAP_MAX + 1];
    size_t len = r->gap_len;
    memcpy(gap, r->gap, len);
    gap[len++] = c;
    r->gap_len = 0;
    write_text(f, gap, len);
}

void nima_repeat_end(struct nima_filter *f)
{
    close_sentence(f);
    flush(f, f->repeat.gap, &f->repeat.gap_len);
}

size_t nima_repeat_held(const struct nima_filter *f)
{
    const struct nima_repeat *r = &f->repeat;
    return r->gap_len + (r->holding ? r->lead_len + r->len : 0);
}
