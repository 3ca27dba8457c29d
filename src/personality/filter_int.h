#pragma once
/*
 * Private to the filter: filter.c runs it, line.c knows how lines begin, prose.c the rules of a
 * sentence, guard.c what is never touched, repeat.c the sentences that were said before.
 *
 * The filter is a machine of small steps. A step looks at the bytes ahead through nima_filter_at,
 * decides, and only then is carried out. When it looked at a byte that has not come yet it is
 * forgotten and tried again later; so what it decides never depends on where pieces were cut. It
 * cannot see further than SIGHT bytes, however many are there.
 */
#include "personality/filter.h"
#include "personality/rules.h"
#include "util/buf.h"

enum {
    NIMA_FILTER_SIGHT = 320,
    NIMA_FILTER_END = -1, /* the text is over */
    NIMA_FILTER_FAR = -2, /* too far to be seen */
    NIMA_FILTER_GAP_MAX = 32,
    NIMA_FILTER_WORD_MAX = 15,
    NIMA_FILTER_PUT_MAX = 63,
    NIMA_REPEAT_BYTES_MAX = 160,
    NIMA_REPEAT_BYTES_MIN = 20,
    NIMA_REPEAT_WORDS_MIN = 4,
    NIMA_REPEAT_KEPT = 8
};

enum nima_filter_where {
    NIMA_AT_LINE,    /* a line begins */
    NIMA_AT_PROSE,   /* the only place where rules apply */
    NIMA_AT_FENCE,   /* in a code block */
    NIMA_AT_TICKS,   /* in inline code */
    NIMA_AT_UNTIL,   /* in a quotation, a tag or mathematics: until `close` */
    NIMA_AT_BRACKET, /* in [text] of a link */
    NIMA_AT_TARGET,  /* behind its ] */
    NIMA_AT_WORD,    /* in an address: until a blank */
    NIMA_AT_SHELTER  /* nothing is touched until a blank line */
};

struct nima_filter_state {
    enum nima_filter_where where, inside; /* inside: where the paragraph's next line goes on */
    char fence;
    int fence_len, ticks, depth;
    char close[4];
    bool line_start; /* FENCE: at the start of a line */
    bool text_seen;  /* something but blanks was written: no opening any more */
    bool sentence;   /* a sentence begins, nothing of it is written */
    bool item;       /* it is the first of a list item */
    bool term;       /* a sentence ended, only blanks and closing signs since */
    bool fresh;      /* a paragraph begins */
    bool capital;    /* the next letter is to be a capital */
    bool opening;    /* all there is so far is an opening that had to stay */
    bool inverted;   /* the sentence has a Spanish ¡ */
    int64_t number;  /* of the line's list marker; 0: none */
    char delimiter;
    int indent;
    unsigned char prev; /* the last byte written */
    char word[NIMA_FILTER_WORD_MAX + 1];
    int word_len;
    bool word_plain;
};

/* What a step does: `head` bytes go out as they are, `cut` bytes are left out, `put` goes out
 * instead, then `tail` bytes as they are. */
struct nima_filter_act {
    size_t head, cut, tail;
    char put[NIMA_FILTER_PUT_MAX + 1];
    bool guarded, opening;        /* opening: it is kept, see the state */
    const struct nima_rule *rule; /* why; NULL: nothing changed */
    const struct nima_rule *note; /* found, but not changed */
    struct nima_filter_state next;
};

struct nima_said {
    char text[NIMA_REPEAT_BYTES_MAX];
    size_t len;
};
struct nima_repeat {
    struct nima_said said[NIMA_REPEAT_KEPT]; /* sentences of this line */
    size_t said_count;
    char text[NIMA_REPEAT_BYTES_MAX + 1]; /* the sentence so far */
    size_t len;
    bool fits;    /* it can be compared */
    bool holding; /* it may be one that was said: `lead` and it are not out yet */
    char lead[NIMA_FILTER_GAP_MAX], gap[NIMA_FILTER_GAP_MAX];
    size_t lead_len, gap_len; /* gap: the blanks after what was written last */
};

struct nima_filter {
    const struct nima_texts *forbidden;
    struct nima_arena *arena; /* of changes */
    struct nima_buf in, out;
    size_t at, taken;
    bool ended, starved;
    struct nima_filter_state s;
    struct nima_repeat repeat;
    struct nima_change changes[NIMA_FILTER_CHANGES_MAX];
    size_t change_count;
    int64_t change_total, sentences;
    double weight;
};

/* filter.c */
int nima_filter_at(void *filter, size_t at); /* a byte, END or FAR */
void nima_filter_changed(struct nima_filter *f, const struct nima_rule *rule, nima_str before,
                         nima_str after);
static inline bool nima_filter_is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\r';
}
static inline bool nima_filter_is_gap(int c)
{
    return nima_filter_is_blank(c) || c == '\n';
}
static inline bool nima_filter_is_upper(int c)
{
    return c >= 'A' && c <= 'Z';
}
static inline bool nima_filter_is_lower(int c)
{
    return c >= 'a' && c <= 'z';
}
static inline bool nima_filter_is_letter(int c)
{
    return nima_filter_is_upper(c) || nima_filter_is_lower(c) || c >= 0x80;
}
static inline bool nima_filter_is_digit(int c)
{
    return c >= '0' && c <= '9';
}
/* Blanks from `at` on, GAP_MAX + 1 for more than GAP_MAX; *lines counts line ends. */
size_t nima_filter_gap(struct nima_filter *f, size_t at, int *lines);
size_t nima_filter_blanks(struct nima_filter *f, size_t at);

size_t nima_filter_character(struct nima_filter *f, size_t at); /* bytes; 1 where it is broken */

/* Each decides a step from where the state is; what it may not decide it leaves to the next, with
 * false. */
void nima_filter_line(struct nima_filter *f, struct nima_filter_act *act);
void nima_filter_fence(struct nima_filter *f, struct nima_filter_act *act);
void nima_filter_prose(struct nima_filter *f, struct nima_filter_act *act);
bool nima_filter_drop_after_gap(struct nima_filter *f, struct nima_filter_act *act);
bool nima_filter_begin_guard(struct nima_filter *f, struct nima_filter_act *act);
void nima_filter_guarded(struct nima_filter *f, struct nima_filter_act *act);

/* repeat.c: the last stage. */
void nima_repeat_line(struct nima_filter *f);
void nima_repeat_start(struct nima_filter *f);
void nima_repeat_write(struct nima_filter *f, char c, bool guarded);
void nima_repeat_end(struct nima_filter *f);
size_t nima_repeat_held(const struct nima_filter *f);
