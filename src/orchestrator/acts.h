#pragma once
/*
 * Private to src/orchestrator: acts of a turn. What src/understand has read in the message is
 * carried out here by a table of handlers, one for each family of kinds; each tells what it did in
 * a sentence, and how it can be taken back. Room by room, handlers stand in acts_*.c.
 */
#include "language/when.h"
#include "orchestrator/turn_int.h"
#include "orchestrator/undo.h"
#include "understand/understand.h"

enum nima_act_event {
    NIMA_ACT_DONE,     /* something changed, and `undo` takes it back where it can be */
    NIMA_ACT_ANSWERED, /* nothing changed */
    NIMA_ACT_ASKED,    /* something is missing, or is to be confirmed: the text asks for it */
    NIMA_ACT_REFUSED,  /* it could not be done: the text says why */
    NIMA_ACT_UNDONE
};
struct nima_act_reply {
    enum nima_act_event event;
    nima_str text;  /* a sentence for the person */
    nima_str extra; /* members for its object in `actions`: "\"schedule\":{…}"; absent: none */
    nima_str undo;  /* id in the undo table; absent: it cannot be taken back */
    nima_str asked_slot; /* ASKED: which slot the next message gives; absent: a yes or no */
    struct nima_learned_list learned;
};
/* What a handler is given. */
struct nima_act_call {
    struct turn_state *turn;
    const struct nima_act *act;
    const struct nima_language *language; /* of the message */
    struct nima_when_setting when;        /* the person's clocks and language */
    nima_str recent_list;                 /* the list of the last acts here; absent: none */
    nima_str recent_schedule;             /* id of the one they were about; absent: none */
};
typedef nima_rc (*nima_act_handler)(struct nima_ctx *ctx, const struct nima_act_call *call,
                                    struct nima_act_reply *out);

/* The family's handler ("list" of "list.add"); NULL: nobody carries that out here. */
nima_act_handler nima_act_handler_of(enum nima_kind kind);

nima_rc nima_act_list(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out);
nima_rc nima_act_memory(struct nima_ctx *ctx, const struct nima_act_call *call,
                        struct nima_act_reply *out);
nima_rc nima_act_schedule(struct nima_ctx *ctx, const struct nima_act_call *call,
                          struct nima_act_reply *out);
nima_rc nima_act_goal(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out);
nima_rc nima_act_file(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out);
nima_rc nima_act_control(struct nima_ctx *ctx, const struct nima_act_call *call,
                         struct nima_act_reply *out);

/* The newest act of the conversation that can be taken back, as its id; absent: none. */
NIMA_MUST_USE nima_rc nima_act_newest_undo(struct nima_ctx *ctx, const struct turn_state *s,
                                           nima_str *out);

/* phrases.c: a sentence of data/phrases.yaml in the language, English where it has none. `{name}`
 * in it is replaced by the value of that name: NIMA_PHRASE(…) pairs of names and nima_str. */
struct nima_phrase_value {
    const char *name;
    nima_str value;
};
nima_str nima_phrase(struct nima_ctx *ctx, const struct nima_language *language, const char *key,
                     const struct nima_phrase_value *values, size_t count);
#define NIMA_SAY(ctx, call, key, ...)                                                              \
    nima_phrase((ctx), (call)->language, (key), (const struct nima_phrase_value[]){__VA_ARGS__},   \
                sizeof((const struct nima_phrase_value[]){__VA_ARGS__}) /                          \
                    sizeof(struct nima_phrase_value))

/* Reads the message; true: there are acts to carry out, and the turn is theirs. */
NIMA_MUST_USE nima_rc nima_turn_acts_read(struct nima_ctx *ctx, struct turn_state *s, bool *out);
/* Keeps what the message tells of the person in a language that memory has no rules for. */
NIMA_MUST_USE nima_rc nima_turn_statements(struct nima_ctx *ctx, struct turn_state *s,
                                           struct nima_learned_list *learned);
/* Carries them out in their order, and sets reply, actions and what was learned. */
NIMA_MUST_USE nima_rc nima_turn_acts_run(struct nima_ctx *ctx, struct turn_state *s,
                                         struct nima_learned_list *learned);
