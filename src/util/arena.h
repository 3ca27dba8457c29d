#pragma once
/*
 * arena: memory that ends all at once.
 * Lifetime   _new/_free; everything taken from it ends with it, or with _rewind to an earlier mark.
 * Threads    One thread at a time.
 * Errors     Allocation never returns NULL: out of memory ends the process, so bound inputs first.
 * Under AddressSanitizer every piece is a malloc of its own, so use after the end is caught.
 */
#include <stddef.h>

#include "util/str.h"

struct nima_arena;
struct nima_arena_mark {
    void *block;
    size_t used;
};

struct nima_arena *nima_arena_new(void);
void nima_arena_free(struct nima_arena *arena);
void nima_arena_reset(struct nima_arena *arena); /* keeps the first block for the next use */
void *nima_alloc(struct nima_arena *arena, size_t bytes); /* zeroed, aligned for any type */
/* The same as it comes, for who fills all of it at once. */
void *nima_alloc_unset(struct nima_arena *arena, size_t bytes);
struct nima_arena_mark nima_arena_mark(struct nima_arena *arena);
void nima_arena_rewind(struct nima_arena *arena, struct nima_arena_mark mark);
size_t nima_arena_bytes(const struct nima_arena *arena); /* taken from the system */

/* Zeroed room for `count` items; the product is checked against overflow. */
void *nima_alloc_array(struct nima_arena *arena, size_t count, size_t item_bytes);
#define NIMA_NEW(arena, type, count) ((type *)nima_alloc_array((arena), (count), sizeof(type)))

nima_str nima_str_copy(struct nima_arena *arena, nima_str s); /* absent stays absent */
char *nima_arena_cstr(struct nima_arena *arena, nima_str s);  /* copy with a NUL, for borders */

/* Heap memory for _new/_open in the rooms above: zeroed, never NULL. Pair with free(). */
void *nima_xcalloc(size_t count, size_t bytes);
void *nima_xrealloc(void *ptr, size_t bytes);
char *nima_xstrdup(nima_str s);
#define NIMA_XNEW(type, count) ((type *)nima_xcalloc((count), sizeof(type)))
