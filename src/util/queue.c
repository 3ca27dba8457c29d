#include "util/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/arena.h"
#include "util/clock.h"
#include "util/rc.h"

struct nima_queue {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t filled;
    void **items; /* a ring */
    size_t max;
    size_t first;
    size_t count;
    bool closed;
};

struct nima_queue *nima_queue_new(size_t max)
{
    nima_assert(max > 0);
    struct nima_queue *queue = NIMA_XNEW(struct nima_queue, 1);
    queue->items = NIMA_XNEW(void *, max);
    queue->max = max;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return queue;
}

void nima_queue_free(struct nima_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    free(queue->items);
    free(queue);
}

bool nima_queue_push(struct nima_queue *queue, void *item)
{
    nima_assert(item != NULL);
    pthread_mutex_lock(&queue->lock);
    bool room = !queue->closed && queue->count < queue->max;
    if (room) {
        queue->items[(queue->first + queue->count) % queue->max] = item;
        queue->count++;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    return room;
}

static void wait_filled(struct nima_queue *queue, int64_t timeout_ms)
{
    struct timespec until = nima_mono_after(timeout_ms > 0 ? timeout_ms : 0);
    int rc = 0;
    while (queue->count == 0 && !queue->closed && rc == 0) {
        rc = timeout_ms < 0 ? pthread_cond_wait(&queue->filled, &queue->lock)
                            : pthread_cond_timedwait(&queue->filled, &queue->lock, &until);
    }
}

void *nima_queue_pop(struct nima_queue *queue, int64_t timeout_ms)
{
    void *item = NULL;
    pthread_mutex_lock(&queue->lock);
    wait_filled(queue, timeout_ms);
    if (queue->count > 0) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->max;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

size_t nima_queue_count(struct nima_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}

void nima_queue_close(struct nima_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

bool nima_queue_closed(struct nima_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}
