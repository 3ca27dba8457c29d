#pragma once
/*
 * Private to the rules_*.c files: the words of a clause, by place. The names are short since a rule
 * is read as a sentence; nobody else includes this.
 */
#include "memory/said.h"

/* Behind the end stands a word that is none. */
static inline const struct nima_said_word *at(const struct nima_clause *c, size_t i)
{
    static const struct nima_said_word none = {.raw = NIMA_STR_INIT(""), .low = ""};
    return i < c->count ? &c->t[i] : &none;
}

static inline bool is(const struct nima_clause *c, size_t i, const char *word)
{
    return nima_memory_token_is(at(c, i), word);
}

static inline bool in(const struct nima_clause *c, size_t i, const char *list)
{
    return nima_memory_token_in(at(c, i), list);
}
