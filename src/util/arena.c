#include "util/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/rc.h"

#if defined(__SANITIZE_ADDRESS__)
#define BLOCK_BYTES 0 /* each piece in a block of its own */
#else
#define BLOCK_BYTES ((size_t)32 * 1024)
#endif

struct block {
    struct block *older;
    size_t size;
    size_t used;
    max_align_t data[];
};

struct nima_arena {
    struct block *newest;
    size_t bytes;
};

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(stderr, "nima: out of memory (asked for %zu bytes)\n", bytes);
    abort();
}

void *nima_xcalloc(size_t count, size_t bytes)
{
    void *ptr = calloc(count > 0 ? count : 1, bytes > 0 ? bytes : 1);
    if (ptr == NULL) {
        out_of_memory(count * bytes);
    }
    return ptr;
}

void *nima_xrealloc(void *ptr, size_t bytes)
{
    void *grown = realloc(ptr, bytes > 0 ? bytes : 1);
    if (grown == NULL) {
        out_of_memory(bytes);
    }
    return grown;
}

char *nima_xstrdup(nima_str s)
{
    char *copy = nima_xcalloc(s.len + 1, 1);
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

struct nima_arena *nima_arena_new(void)
{
    return NIMA_XNEW(struct nima_arena, 1);
}

static void drop_newest(struct nima_arena *arena)
{
    struct block *block = arena->newest;
    arena->newest = block->older;
    arena->bytes -= sizeof(*block) + block->size;
    free(block);
}

void nima_arena_free(struct nima_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    while (arena->newest != NULL) {
        drop_newest(arena);
    }
    free(arena);
}

void nima_arena_reset(struct nima_arena *arena)
{
    while (arena->newest != NULL && (arena->newest->older != NULL || BLOCK_BYTES == 0)) {
        drop_newest(arena);
    }
    if (arena->newest != NULL) {
        arena->newest->used = 0;
    }
}

/* What the system gives for a large piece is zero already, and is not touched twice. */
static struct block *new_block(struct nima_arena *arena, size_t need, bool zeroed)
{
    size_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;
    struct block *block =
        zeroed && need == size ? calloc(1, sizeof(*block) + size) : malloc(sizeof(*block) + size);
    if (block == NULL) {
        out_of_memory(size);
    }
    block->older = arena->newest;
    block->size = size;
    block->used = 0;
    arena->newest = block;
    arena->bytes += sizeof(*block) + size;
    return block;
}

static void *take(struct nima_arena *arena, size_t bytes, bool zeroed)
{
    size_t align = sizeof(max_align_t);
    if (bytes > SIZE_MAX / 2) {
        out_of_memory(bytes);
    }
    /* Of no bytes, too, a piece of its own. */
    size_t need = bytes > 0 ? (bytes + align - 1) / align * align : align;
    struct block *block = arena->newest;
    bool fresh = block == NULL || block->size - block->used < need || BLOCK_BYTES == 0;
    block = fresh ? new_block(arena, need, zeroed) : block;
    char *piece = (char *)block->data + block->used;
    block->used += need;
    if (zeroed && !(fresh && need == block->size)) {
        memset(piece, 0, need);
    }
    return piece;
}

void *nima_alloc(struct nima_arena *arena, size_t bytes)
{
    return take(arena, bytes, true);
}

void *nima_alloc_unset(struct nima_arena *arena, size_t bytes)
{
    return take(arena, bytes, false);
}

void *nima_alloc_array(struct nima_arena *arena, size_t count, size_t item_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, item_bytes, &bytes)) {
        out_of_memory(SIZE_MAX);
    }
    return nima_alloc(arena, bytes);
}

struct nima_arena_mark nima_arena_mark(struct nima_arena *arena)
{
    struct block *block = arena->newest;
    return (struct nima_arena_mark){block, block != NULL ? block->used : 0};
}

void nima_arena_rewind(struct nima_arena *arena, struct nima_arena_mark mark)
{
    while (arena->newest != NULL && arena->newest != mark.block) {
        drop_newest(arena);
    }
    if (arena->newest != NULL) {
        arena->newest->used = mark.used;
    }
}

size_t nima_arena_bytes(const struct nima_arena *arena)
{
    return arena->bytes;
}

char *nima_arena_cstr(struct nima_arena *arena, nima_str s)
{
    char *copy = nima_alloc_unset(arena, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    return copy;
}

nima_str nima_str_copy(struct nima_arena *arena, nima_str s)
{
    if (s.ptr == NULL) {
        return s;
    }
    return (nima_str){nima_arena_cstr(arena, s), s.len};
}
