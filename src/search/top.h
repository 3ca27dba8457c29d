#pragma once
/*
 * top: the k best of many rows, kept in a heap whose root is the worst of them.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nima_top_hit {
    uint32_t row;
    float score;
};
struct nima_top {
    struct nima_top_hit *heap; /* room for `room`, the caller's */
    size_t count, room;
};

void nima_search_top_offer(struct nima_top *top, struct nima_top_hit hit);
/* Best first; ties: lower row first. */
void nima_search_top_sort(struct nima_top *top);
/* What a score must exceed to get in. */
static inline float nima_search_top_bar(const struct nima_top *top)
{
    return top->count < top->room ? -INFINITY : top->room > 0 ? top->heap[0].score : INFINITY;
}
