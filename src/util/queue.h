#pragma once
/*
 * queue: a bounded queue of pointers between threads.
 * Lifetime   _new/_free; _free only when no thread uses it any more. _close wakes everybody.
 * Ownership  What is in it belongs to nobody until it is taken out.
 * Threads    Any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nima_queue;

struct nima_queue *nima_queue_new(size_t max);
void nima_queue_free(struct nima_queue *queue);
bool nima_queue_push(struct nima_queue *queue, void *item); /* false: full or closed */
/* Waits up to timeout_ms (negative: for ever). NULL: nothing came, or closed and empty. */
void *nima_queue_pop(struct nima_queue *queue, int64_t timeout_ms);
size_t nima_queue_count(struct nima_queue *queue);
void nima_queue_close(struct nima_queue *queue); /* no more pushes; what is in can be popped */
bool nima_queue_closed(struct nima_queue *queue);
