#pragma once
/*
 * talk_embed: gives messages their vectors in the background. Who stores a message does nothing
 * for that; messages without a vector of the present model are looked for in the store, so that
 * those of an import, of another process or of before a restart get theirs too.
 *
 * Threads    One of its own, begun when first woken. Texts go to the model in small batches, which
 *            it serves between what people wait for.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct nima_memory;

struct nima_talk_embedder {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    pthread_t thread;
    bool running, woken;
    atomic_bool stop;
};

void nima_memory_embedder_init(struct nima_talk_embedder *embedder);
void nima_memory_embedder_done(struct nima_talk_embedder *embedder);
void nima_memory_embedder_wake(struct nima_memory *memory);
