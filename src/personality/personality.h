#pragma once
/*
 * personality: who Nima is. A persona file (configs/personality.yaml, and more of them in
 * configs/personas/) becomes the first part of the system prompt: always the same text for the same
 * file and model, so that its model state can be kept. Files are looked at again by _tick; a broken
 * one keeps the last good persona and is told in _problem.
 *
 * Lifetime   One per process; borrows the llm.
 * Ownership  Results live in ctx->arena.
 * Threads    Any; _tick from one thread.
 * Errors     INVALID with file, line and key for a file that does not fit, or naming the personas
 *            there are for a name that is none of them; TOO_LARGE, STORE for one that cannot be
 *            read.
 */
#include "util/ctx.h"

struct nima_llm;
struct nima_personality;

enum { NIMA_PERSONA_NAME_MAX = 64, NIMA_PERSONA_TOKENS_PRESET = 400 };

struct nima_texts {
    nima_str *items;
    size_t count;
};
struct nima_persona_value {
    nima_str name, description; /* description may be absent */
};
struct nima_persona_example {
    nima_str user, reply;
};

/* A persona as its file has it; what is not given is absent or empty. */
struct nima_persona {
    nima_str id;   /* what a request asks for: the file's name, or the voice of the main file */
    nima_str file; /* where it is from */
    nima_str name, voice, tone, system_prompt;
    struct nima_texts style, rules, forbidden, format;
    struct nima_texts memory; /* what it cares to remember of a person */
    struct {
        struct nima_persona_value *items;
        size_t count;
    } values;
    struct {
        struct nima_persona_example *items;
        size_t count;
    } examples;
};

/* What a persona says to the model. */
struct nima_persona_prompt {
    nima_str id, text;
    int tokens, tokens_max;
    bool counted;                /* by the model's own tokenizer; else estimated */
    struct nima_texts dropped;   /* what did not fit, least important first */
    struct nima_texts forbidden; /* what it never says */
};

struct nima_personality_options {
    nima_str file;        /* the main persona; absent, or not there: the built-in Zen engineer */
    nima_str folder;      /* NAME.yaml for each further persona; absent, or not there: none */
    nima_str persona;     /* which one speaks where none is asked for; absent: the main one */
    struct nima_llm *llm; /* counts tokens; NULL: they are estimated */
    int prompt_tokens;    /* of a persona's prompt at most; 0: 400 */
    bool rules;           /* replies go through the filter (filter.h) */
};
NIMA_MUST_USE nima_rc nima_personality_open(struct nima_ctx *ctx,
                                            const struct nima_personality_options *options,
                                            struct nima_personality **out);
void nima_personality_close(struct nima_personality *personality);

/* Reads the files again when one of them changed; *changed tells whether. A file that is broken
 * now is the result, and its persona stays as it was. */
NIMA_MUST_USE nima_rc nima_personality_tick(struct nima_ctx *ctx,
                                            struct nima_personality *personality, bool *changed);
/* What is wrong with the files; absent when all is well. */
nima_str nima_personality_problem(struct nima_ctx *ctx, struct nima_personality *personality);

/* The names there are, the one that speaks by default first. */
void nima_personality_names(struct nima_ctx *ctx, struct nima_personality *personality,
                            struct nima_texts *out);
bool nima_personality_has(struct nima_personality *personality, nima_str name);
/* An absent name is the default one. Names are the same whatever their case, - or _. */
NIMA_MUST_USE nima_rc nima_personality_get(struct nima_ctx *ctx,
                                           struct nima_personality *personality, nima_str name,
                                           struct nima_persona *out);
/* The system prompt, without anything about the person. */
NIMA_MUST_USE nima_rc nima_personality_prompt(struct nima_ctx *ctx,
                                              struct nima_personality *personality, nima_str name,
                                              struct nima_persona_prompt *out);

/* Whether replies go through the filter. */
bool nima_personality_rules(const struct nima_personality *personality);

/* A text held against a persona: what the rules make of it, and how well it fits. */
struct nima_change {
    nima_str rule, before, after;
};
struct nima_persona_check {
    nima_str persona, text; /* after the rules */
    struct {
        struct nima_change *items;
        size_t count;
    } changes;
    double rules;     /* 0..1: 1 less what the rules found by sentence */
    double closeness; /* 0..1: to the nearest of the persona's examples, by meaning */
    bool has_closeness;
    double score; /* of both, see docs/personality.md */
};
NIMA_MUST_USE nima_rc nima_personality_check(struct nima_ctx *ctx,
                                             struct nima_personality *personality, nima_str name,
                                             nima_str text, struct nima_persona_check *out);

/* How replies did since the start, for /metrics. */
enum { NIMA_PERSONALITY_BUCKETS = 6 };
extern const double nima_personality_bounds[NIMA_PERSONALITY_BUCKETS];
struct nima_personality_stats {
    int64_t replies, changes;
    double score_sum;
    int64_t within[NIMA_PERSONALITY_BUCKETS]; /* replies of a score up to each bound */
};
void nima_personality_count(struct nima_personality *personality, double score, int64_t changes);
void nima_personality_stats(struct nima_personality *personality,
                            struct nima_personality_stats *out);
