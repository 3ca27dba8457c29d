#pragma once
/*
 * understand: what a message asks for. A message is cut into sentences and clauses, each is given
 * a kind out of the table in kinds.def by a classifier that was trained on data/understanding, and
 * the slots of that kind are found in its words. Nothing is done here: the caller carries acts out.
 *
 * Lifetime   One per process: _open after llm, _close before it. Weights are part of the binary;
 *            those that do not fit the table of kinds leave a problem to tell, and every message
 *            then reads as talk.
 * Ownership  Results live in ctx->arena; texts in them are views of the message, which must
 *            outlive them. Borrows llm.
 * Threads    Any worker may call at any time.
 * Errors     INVALID for a message above NIMA_READ_BYTES_MAX or that is not UTF-8; CANCELLED and
 *            TIMEOUT. Without an embedding model acts are found by words alone, fewer of them.
 */
#include "llm/llm.h"

enum {
    NIMA_READ_BYTES_MAX = 256 * 1024, /* of one message */
    NIMA_READ_PARTS_MAX = 128,        /* sentences and clauses that are read; the rest is talk */
    NIMA_READ_PART_BYTES_MAX = 600,   /* a longer clause is talk: nobody asks so */
    NIMA_KIND_SLOTS_MAX = 6,
    NIMA_EXAMPLES_MAX = 500 /* of one person */
};

enum nima_effect { /* what an act of a kind changes */
                   NIMA_EFFECT_TALK,
                   NIMA_EFFECT_ASK,    /* nothing: it is answered from what is kept */
                   NIMA_EFFECT_OWN,    /* what is the person's own and can be undone */
                   NIMA_EFFECT_OUTSIDE /* files, other services */
};
enum nima_slot_type {
    NIMA_SLOT_TYPE_TEXT,
    NIMA_SLOT_TYPE_WHEN,     /* to be read with language/when.h */
    NIMA_SLOT_TYPE_DURATION, /* the same */
    NIMA_SLOT_TYPE_NUMBER,   /* to be read with language/numbers.h */
    NIMA_SLOT_TYPE_PATH
};

#define NIMA_SLOT(id, ...) NIMA_SLOT_##id,
enum nima_slot {
    NIMA_SLOT_NONE,
#include "understand/kinds.def"
    NIMA_SLOTS
};
#define NIMA_KIND(id, ...) NIMA_KIND_##id,
enum nima_kind {
#include "understand/kinds.def"
    NIMA_KINDS
};

struct nima_slot_row {
    nima_str name; /* "when" */
    enum nima_slot_type type;
    nima_str doc;
};
struct nima_kind_slot {
    enum nima_slot slot;
    bool required, many;
};
struct nima_kind_row {
    nima_str name;  /* "reminder.set" */
    nima_str owner; /* who carries it out: "schedules"; "" nobody */
    enum nima_effect effect;
    struct nima_kind_slot slots[NIMA_KIND_SLOTS_MAX + 1]; /* ends with NIMA_SLOT_NONE */
    nima_str doc;
};
const struct nima_kind_row *nima_kind_row(enum nima_kind kind);
const struct nima_slot_row *nima_slot_row(enum nima_slot slot);
bool nima_kind_by_name(nima_str name, enum nima_kind *out); /* false: no such kind */
bool nima_slot_by_name(nima_str name, enum nima_slot *out);
const char *nima_effect_name(enum nima_effect effect);     /* "own" */
const char *nima_slot_type_name(enum nima_slot_type type); /* "when" */

enum nima_sureness {
    NIMA_SURE_TALK, /* too unsure to do anything about it: the message is talked about */
    NIMA_SURE_ASK,  /* unsure: one short question first */
    NIMA_SURE_DO    /* sure: may be done, when nothing is missing */
};
const char *nima_sureness_name(enum nima_sureness sure); /* "talk" "ask" "do" */

struct nima_slot_value {
    enum nima_slot slot;
    nima_str text;    /* a view of the message */
    size_t from, end; /* where in the message */
};
struct nima_act {
    enum nima_kind kind; /* never NONE */
    double share;        /* calibrated, 0..1: how many of such readings are right */
    enum nima_sureness sure;
    size_t from, end;              /* of the clause, in the message */
    nima_str text;                 /* the same */
    struct nima_slot_value *slots; /* in the order of the message; `many` slots repeat */
    size_t slot_count;
    enum nima_slot missing[NIMA_KIND_SLOTS_MAX]; /* required ones that were not said */
    size_t missing_count;
};
/* The first value of a slot; NULL: it was not said. */
const struct nima_slot_value *nima_act_slot(const struct nima_act *act, enum nima_slot slot);
/* Its text, absent when it was not said. */
nima_str nima_act_text(const struct nima_act *act, enum nima_slot slot);

struct nima_sentence { /* of the message, in order; a clause of its own where it has an act */
    size_t from, end;
    nima_str text;
    size_t act_from, act_count; /* its acts in nima_reading.acts */
};
struct nima_reading {
    nima_str language; /* code: "en" */
    struct nima_sentence *sentences;
    size_t sentence_count;
    struct nima_act
        *acts; /* in their order; those of sureness TALK, CANNOT, STATEMENT, YES … too */
    size_t act_count;
    bool cut; /* the message was longer than what is read */
};
/* Whether the caller is to do or ask something: not TALK by its sureness or its kind's effect. */
bool nima_act_counts(const struct nima_act *act);

/* How a person's corrections weigh in: what they once said, and what it was (or was not). */
struct nima_example {
    nima_str text;
    enum nima_kind kind;
    bool wrong;          /* it was read as `kind` and was not that: undone or rejected */
    const float *vector; /* of nima_understand_vector; NULL: compared by its words */
    size_t dims;
};
struct nima_read_query {
    nima_str text;
    nima_str language;            /* code of the profile or of the message before; may be absent */
    enum nima_kind asked;         /* kind that Nima just asked about or proposed; NONE: nothing */
    enum nima_slot asked_slot;    /* the slot of it that it asked for; NONE: for none */
    const enum nima_kind *recent; /* kinds of the last turns' acts, newest first */
    size_t recent_count;
    const struct nima_example *examples; /* of the person, newest first; at most
                                            NIMA_EXAMPLES_MAX are looked at */
    size_t example_count;
    bool words_only; /* do not ask the embedding model */
};

struct nima_understand;
NIMA_MUST_USE nima_rc nima_understand_open(struct nima_ctx *ctx, struct nima_llm *llm,
                                           struct nima_understand **out);
void nima_understand_close(struct nima_understand *understand);
/* Why nothing is understood ("the weights were made for another table of kinds: …"), or "". */
const char *nima_understand_problem(const struct nima_understand *understand);
/* Whether the embedding model is the one whose vectors the weights know: others of as many
 * dimensions mean something else by them. */
bool nima_understand_has_vectors(const struct nima_understand *understand);

NIMA_MUST_USE nima_rc nima_understand_read(struct nima_ctx *ctx, struct nima_understand *understand,
                                           const struct nima_read_query *query,
                                           struct nima_reading *out);
/* The vector to keep with an example; dims 0 when there is no embedding model. */
NIMA_MUST_USE nima_rc nima_understand_vector(struct nima_ctx *ctx,
                                             struct nima_understand *understand, nima_str text,
                                             const float **vector_out, size_t *dims_out);
