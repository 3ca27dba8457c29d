#include "search/top.h"

#include <stdlib.h>

static bool worse(struct nima_top_hit a, struct nima_top_hit b)
{
    return a.score < b.score || (a.score == b.score && a.row > b.row);
}

static void swap(struct nima_top_hit *a, struct nima_top_hit *b)
{
    struct nima_top_hit kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_down(struct nima_top *top, size_t at)
{
    for (;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < top->count; child++) {
            if (worse(top->heap[child], top->heap[worst])) {
                worst = child;
            }
        }
        if (worst == at) {
            return;
        }
        swap(&top->heap[at], &top->heap[worst]);
        at = worst;
    }
}

void nima_search_top_offer(struct nima_top *top, struct nima_top_hit hit)
{
    if (top->count < top->room) {
        size_t at = top->count++;
        top->heap[at] = hit;
        while (at > 0 && worse(top->heap[at], top->heap[(at - 1) / 2])) {
            swap(&top->heap[at], &top->heap[(at - 1) / 2]);
            at = (at - 1) / 2;
        }
    } else if (top->room > 0 && worse(top->heap[0], hit)) {
        top->heap[0] = hit;
        sift_down(top, 0);
    }
}

static int best_first(const void *a, const void *b)
{
    const struct nima_top_hit *x = a;
    const struct nima_top_hit *y = b;
    return worse(*x, *y) ? 1 : worse(*y, *x) ? -1 : 0;
}

void nima_search_top_sort(struct nima_top *top)
{
    qsort(top->heap, top->count, sizeof(*top->heap), best_first);
}
