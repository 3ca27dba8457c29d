/* Runs the filter's machine: its steps, what they change, and what that says of the reply. */
#include "personality/filter_int.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 << 20, SHOWN_BYTES_MAX = 200 };

struct nima_filter *nima_filter_new(const struct nima_texts *forbidden)
{
    struct nima_filter *f = NIMA_XNEW(struct nima_filter, 1);
    f->forbidden = forbidden;
    f->arena = nima_arena_new();
    nima_buf_init(&f->in, TEXT_BYTES_MAX);
    nima_buf_init(&f->out, TEXT_BYTES_MAX);
    f->s = (struct nima_filter_state){.where = NIMA_AT_LINE,
                                      .inside = NIMA_AT_PROSE,
                                      .fresh = true,
                                      .prev = '\n',
                                      .word_plain = true};
    nima_repeat_line(f);
    return f;
}

void nima_filter_free(struct nima_filter *filter)
{
    if (filter == NULL) {
        return;
    }
    nima_arena_free(filter->arena);
    nima_buf_done(&filter->in);
    nima_buf_done(&filter->out);
    free(filter);
}

int nima_filter_at(void *filter, size_t at)
{
    struct nima_filter *f = filter;
    if (at >= NIMA_FILTER_SIGHT) {
        return NIMA_FILTER_FAR;
    }
    if (f->at + at < f->in.len) {
        return (unsigned char)f->in.ptr[f->at + at];
    }
    f->starved = f->starved || !f->ended;
    return NIMA_FILTER_END;
}

size_t nima_filter_gap(struct nima_filter *f, size_t at, int *lines)
{
    size_t count = 0;
    while (count <= NIMA_FILTER_GAP_MAX && nima_filter_is_gap(nima_filter_at(f, at + count))) {
        *lines += nima_filter_at(f, at + count) == '\n';
        count++;
    }
    return count;
}

size_t nima_filter_blanks(struct nima_filter *f, size_t at)
{
    size_t count = 0;
    while (count <= NIMA_FILTER_GAP_MAX && nima_filter_is_blank(nima_filter_at(f, at + count))) {
        count++;
    }
    return count;
}

static nima_str shown(struct nima_filter *f, nima_str text)
{
    return nima_str_copy(f->arena, nima_utf8_prefix(nima_str_trim(text), SHOWN_BYTES_MAX));
}

void nima_filter_changed(struct nima_filter *f, const struct nima_rule *rule, nima_str before,
                         nima_str after)
{
    bool sentence = rule->kind == NIMA_RULE_OPENING || rule->kind == NIMA_RULE_YES ||
                    rule->kind == NIMA_RULE_SENTENCE || rule->kind == NIMA_RULE_CLOSING;
    f->sentences += sentence; /* it was one, though it is not written */
    f->weight += rule->weight;
    f->change_total++;
    if (f->change_count < NIMA_FILTER_CHANGES_MAX) {
        f->changes[f->change_count++] =
            (struct nima_change){nima_str_of(rule->id), shown(f, before), shown(f, after)};
    }
}

static void track_word(struct nima_filter_state *s, unsigned char c)
{
    if (nima_filter_is_gap(c) || c == '(') {
        s->word_len = 0;
        s->word_plain = true;
    } else if (nima_filter_is_letter(c) || c == '\'' || c == '-') {
        if (s->word_len < NIMA_FILTER_WORD_MAX) {
            s->word[s->word_len] = (char)(nima_filter_is_upper(c) ? c - 'A' + 'a' : c);
        }
        s->word_len += s->word_len <= NIMA_FILTER_WORD_MAX;
    } else if (c != '*' && c != ')') {
        s->word_plain = false;
    }
}

/* What every byte that goes out says about what follows. */
static void track(struct nima_filter_state *s, unsigned char c)
{
    bool closes = strchr(")*_\"'", c) != NULL || c >= 0x80;
    if (c == '.' || c == '!' || c == '?') {
        s->term = true;
    } else if (!nima_filter_is_gap(c) && !closes) {
        s->term = false;
    }
    s->text_seen = s->text_seen || !nima_filter_is_gap(c);
    s->inverted = s->inverted || (s->prev == 0xC2 && c == 0xA1); /* ¡ */
    s->prev = c;
    track_word(s, c);
}

static void write_byte(struct nima_filter *f, struct nima_filter_state *next, char c, bool guarded)
{
    if (f->s.sentence && !nima_filter_is_gap(c)) {
        f->s.sentence = next->sentence = false;
        f->s.item = next->item = next->inverted = next->opening = false;
        f->sentences++;
        nima_repeat_start(f);
    }
    if (next->capital && !nima_filter_is_gap(c)) {
        c = (char)(nima_filter_is_lower(c) ? c - 'a' + 'A' : c);
        next->capital = false;
    }
    nima_repeat_write(f, c, guarded);
    track(next, (unsigned char)c);
    if (c == '\n') {
        nima_repeat_line(f);
    }
}

static void write_out(struct nima_filter *f, struct nima_filter_act *act)
{
    nima_str in = nima_str_sub(nima_buf_view(&f->in), f->at, f->in.len);
    size_t put = strlen(act->put);
    for (size_t i = 0; i < act->head; i++) {
        write_byte(f, &act->next, in.ptr[i], act->guarded);
    }
    for (size_t i = 0; i < put; i++) {
        write_byte(f, &act->next, act->put[i], act->guarded);
    }
    for (size_t i = 0; i < act->tail; i++) {
        write_byte(f, &act->next, in.ptr[act->head + act->cut + i], act->guarded);
    }
}

/* An exclamation mark alone says little: its word goes with it. */
static void report_change(struct nima_filter *f, const struct nima_filter_act *act)
{
    nima_str in = nima_str_sub(nima_buf_view(&f->in), f->at, f->in.len);
    nima_str before = nima_str_sub(in, act->head, act->head + act->cut);
    nima_str after = nima_str_of(act->put);
    if (act->rule != &nima_rule_exclamation) {
        nima_filter_changed(f, act->rule, before, after);
        return;
    }
    char text[2][NIMA_FILTER_WORD_MAX + NIMA_FILTER_PUT_MAX + 2];
    int len = f->s.word_len < NIMA_FILTER_WORD_MAX ? f->s.word_len : NIMA_FILTER_WORD_MAX;
    before = nima_utf8_prefix(before, NIMA_FILTER_PUT_MAX);
    snprintf(text[0], sizeof(text[0]), "%.*s" NIMA_FMT, len, f->s.word, NIMA_ARG(before));
    snprintf(text[1], sizeof(text[1]), "%.*s" NIMA_FMT, len, f->s.word, NIMA_ARG(after));
    bool whole = nima_utf8_valid(nima_str_of(text[0]));
    nima_filter_changed(f, act->rule, whole ? nima_str_of(text[0]) : before,
                        whole ? nima_str_of(text[1]) : after);
}

static void apply(struct nima_filter *f, struct nima_filter_act *act)
{
    if (act->rule != NULL) {
        report_change(f, act);
    }
    if (act->note != NULL) {
        f->weight += act->note->weight;
    }
    write_out(f, act);
    act->next.opening = act->next.opening || act->opening;
    f->s = act->next;
    f->at += act->head + act->cut + act->tail;
}

static void decide(struct nima_filter *f, struct nima_filter_act *act)
{
    act->next = f->s;
    switch (f->s.where) {
    case NIMA_AT_LINE:
        nima_filter_line(f, act);
        return;
    case NIMA_AT_FENCE:
        nima_filter_fence(f, act);
        return;
    case NIMA_AT_PROSE:
        nima_filter_prose(f, act);
        return;
    default:
        nima_filter_guarded(f, act);
        return;
    }
}

static void run(struct nima_filter *f)
{
    while (f->at < f->in.len) {
        struct nima_filter_act act = {0};
        f->starved = false;
        decide(f, &act);
        if (f->starved) {
            break;
        }
        apply(f, &act);
    }
    nima_buf_drop(&f->in, f->at);
    f->at = 0;
}

void nima_filter_add(struct nima_filter *filter, nima_str piece)
{
    nima_assert(!filter->ended);
    nima_buf_add(&filter->in, piece);
    run(filter);
}

void nima_filter_end(struct nima_filter *filter)
{
    if (filter->ended) {
        return;
    }
    filter->ended = true;
    run(filter);
    nima_repeat_end(filter);
}

nima_str nima_filter_take(struct nima_filter *filter)
{
    nima_buf_drop(&filter->out, filter->taken);
    filter->taken = filter->out.len;
    return nima_buf_view(&filter->out);
}

size_t nima_filter_held(const struct nima_filter *filter)
{
    return filter->in.len + nima_repeat_held(filter);
}

void nima_filter_report(struct nima_ctx *ctx, const struct nima_filter *filter,
                        struct nima_filter_report *out)
{
    int64_t sentences = filter->sentences > 0 ? filter->sentences : 1;
    double lost = filter->weight / (double)sentences;
    *out = (struct nima_filter_report){
        .items = NIMA_NEW(ctx->arena, struct nima_change, filter->change_count),
        .count = filter->change_count,
        .changes = filter->change_total,
        .sentences = filter->sentences,
        .score = lost < 1 ? 1 - lost : 0};
    for (size_t i = 0; i < filter->change_count; i++) {
        const struct nima_change *change = &filter->changes[i];
        out->items[i] = (struct nima_change){nima_str_copy(ctx->arena, change->rule),
                                             nima_str_copy(ctx->arena, change->before),
                                             nima_str_copy(ctx->arena, change->after)};
    }
}
