#pragma once
/*
 * rules: from clauses to candidate facts, in the third person ("The user lives in Lisbon").
 *
 * Each candidate names what it is about (`attribute`): "home", "age", "taste:mushrooms". Two facts
 * with one attribute speak of one thing; where a person can have only one value of it (`single`)
 * the later one takes the place of the earlier. How to add a rule: docs/memory.md.
 */
#include "memory/said.h"

enum { NIMA_CANDIDATES_MAX = 24 };

/* What a statement ends: which facts it takes the place of, whatever their attribute. */
enum nima_ends {
    NIMA_ENDS_NOTHING,
    NIMA_ENDS_STATEMENT,  /* `ends` is the fact that is true no longer */
    NIMA_ENDS_POSSESSION, /* … is what one had */
    NIMA_ENDS_CREATURE,   /* … is who died: "dog rex" */
    NIMA_ENDS_ACTIVITY,   /* … is what one did: "tennis" */
    NIMA_ENDS_WORK,       /* … is where; "": the work, wherever */
    NIMA_ENDS_PLACE,      /* … is what one left: a place or an employer */
    NIMA_ENDS_STUDIES
};
struct nima_candidate {
    nima_str text;
    nima_str ends;
    enum nima_ends ends_kind;
    nima_str category;
    nima_str attribute; /* absent: none */
    nima_str value;     /* what tells two statements on one attribute apart; lower case */
    double confidence;
    bool single;        /* one value at a time */
    bool inferred;      /* concluded rather than said outright */
    bool ended;         /* "no longer": takes the place of what it denies, is never alone right */
    bool explicit_wish; /* "remember that …" */
};
struct nima_candidates {
    struct nima_candidate items[NIMA_CANDIDATES_MAX];
    size_t count;
};

/* What the person states about themselves in this message. */
NIMA_MUST_USE nima_rc nima_memory_extract(struct nima_ctx *ctx, nima_str text,
                                          struct nima_candidates *out);
/* The same; *left_out is what of it is about the person and no rule understood, sentence by
 * sentence ("" when nothing is): for a model to read. */
NIMA_MUST_USE nima_rc nima_memory_extract_left(struct nima_ctx *ctx, nima_str text,
                                               struct nima_candidates *out, nima_str *left_out);
/* Why the text must not be kept ("a password"), or NULL. */
const char *nima_memory_secret(nima_str text);

/* What the files of rules share. */
struct nima_rule_run {
    struct nima_ctx *ctx;
    const struct nima_clause *clause;
    struct nima_candidates *out;
    const char *scope;    /* before the attribute when somebody of theirs is meant: "sister:" */
    const char *category; /* of facts about somebody of theirs; NULL: the rule's own */
    struct nima_said_word
        who; /* the last person spoken of, "sister"; low is "" when there is none */
};
struct nima_rule_fact {
    const char *category;
    const char *attribute; /* NULL: none; "taste:*" puts the object's key for the star */
    bool single;
    double confidence; /* 0: 0.9 */
    bool inferred, ended;
};
/* Adds the fact "<lead> <tokens from..end> <the clause's tail>", fillers at the end taken off.
 * `object` is where the object begins that value and star are made of. */
void nima_memory_rule_add(const struct nima_rule_run *run, const struct nima_rule_fact *fact,
                          const char *lead, size_t from, size_t end, size_t object);
/* "works" for work, "studies" for study, "has" for have. */
void nima_memory_third_person(const char *base, char *out, size_t room);
/* Tokens [from, end) as the words of a fact: my is their, I'm is they are. */
nima_str nima_memory_third_text(struct nima_ctx *ctx, const char *lead,
                                const struct nima_said_word *tokens, size_t from, size_t end);
/* The end of the tokens that belong to the statement: before a comma that begins no list, and
 * without "by the way", "too" and the like. */
size_t nima_memory_rule_end(const struct nima_clause *clause, size_t from);
/* An object that says nothing outside its conversation: this, it, the thing, your. */
bool nima_memory_vague(const struct nima_clause *clause, size_t from);
/* Whether a token of [from, end), or its singular, is in the list. */
bool nima_memory_any_listed(const struct nima_clause *clause, size_t from, size_t end, int list);

/* Each takes the clause if it is one of its kind; false: not mine. */
bool nima_memory_rule_am(const struct nima_rule_run *run, const char *who, size_t from);
bool nima_memory_rule_verb(const struct nima_rule_run *run, size_t from);
bool nima_memory_rule_past(const struct nima_rule_run *run, const char *who, size_t from);
bool nima_memory_rule_have(const struct nima_rule_run *run, size_t from);
bool nima_memory_rule_goal(const struct nima_rule_run *run, size_t from);
bool nima_memory_rule_not(const struct nima_rule_run *run, size_t from);
bool nima_memory_rule_mine(const struct nima_rule_run *run);
/* "I am no longer …", "I quit …", "I sold …": what is true no longer. */
bool nima_memory_rule_ended(const struct nima_rule_run *run);
/* All rules about oneself, for a clause that begins with I or we. */
void nima_memory_rule_self(const struct nima_rule_run *run);
/* The verb of which the word is the -ing form ("playing": play); NULL: none that is known. */
const char *nima_memory_verb_of_gerund(const char *gerund);
/* The verb table's row for the third person form ("plays"), as a category; NULL: none. */
const char *nima_memory_verb_category(const struct nima_said_word *third);
