#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/orchestrator_int.h"
#include "util/clock.h"
#include "util/uuid.h"

enum { PLACES_MAX = 1024, WAIT_MS = 100 };

/* A turn in line. The first place of a conversation is at work, the others wait behind it. */
struct place {
    char id[NIMA_UUID_CHARS + 1];
    uint64_t ticket;
};

struct nima_order {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t left;
    struct place places[PLACES_MAX]; /* in order of arrival */
    size_t count;
    uint64_t last_ticket;
};

struct nima_order *nima_order_new(void)
{
    struct nima_order *order = NIMA_XNEW(struct nima_order, 1);
    pthread_mutex_init(&order->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&order->left, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return order;
}

void nima_order_free(struct nima_order *order)
{
    if (order == NULL) {
        return;
    }
    pthread_cond_destroy(&order->left);
    pthread_mutex_destroy(&order->lock);
    free(order);
}

/* The conversation's first place; `count` when it has none. */
static size_t find(const struct nima_order *order, nima_str id)
{
    size_t i = 0;
    while (i < order->count && !nima_str_eq(id, nima_str_of(order->places[i].id))) {
        i++;
    }
    return i;
}

static size_t find_ticket(const struct nima_order *order, uint64_t ticket)
{
    size_t i = 0;
    while (order->places[i].ticket != ticket) {
        i++;
        nima_assert(i < order->count);
    }
    return i;
}

static void remove_at(struct nima_order *order, size_t at)
{
    order->count--;
    memmove(&order->places[at], &order->places[at + 1],
            (order->count - at) * sizeof(order->places[0]));
    pthread_cond_broadcast(&order->left);
}

static uint64_t add(struct nima_order *order, nima_str id)
{
    struct place *place = &order->places[order->count++];
    *place = (struct place){.ticket = ++order->last_ticket};
    memcpy(place->id, id.ptr, NIMA_UUID_CHARS);
    return place->ticket;
}

/* Waits a moment; short, since a client that leaves is only seen between waits. */
static void wait_left(struct nima_order *order)
{
    struct timespec until = nima_mono_after(WAIT_MS);
    pthread_cond_timedwait(&order->left, &order->lock, &until);
}

nima_rc nima_order_enter(struct nima_ctx *ctx, struct nima_order *order, nima_str conversation_id)
{
    if (conversation_id.ptr == NULL) {
        return NIMA_OK;
    }
    nima_assert(conversation_id.len == NIMA_UUID_CHARS);
    pthread_mutex_lock(&order->lock);
    if (order->count == PLACES_MAX) {
        pthread_mutex_unlock(&order->lock);
        return nima_fail(ctx, NIMA_E_BUSY, "%d turns are at work; try again in a moment",
                         PLACES_MAX);
    }
    uint64_t ticket = add(order, conversation_id);
    nima_rc rc = NIMA_OK;
    while (rc == NIMA_OK && order->places[find(order, conversation_id)].ticket != ticket) {
        wait_left(order);
        rc = nima_ctx_stopped(ctx);
    }
    if (rc != NIMA_OK) {
        remove_at(order, find_ticket(order, ticket));
    }
    pthread_mutex_unlock(&order->lock);
    return rc;
}

bool nima_order_try(struct nima_order *order, nima_str conversation_id)
{
    nima_assert(conversation_id.len == NIMA_UUID_CHARS);
    pthread_mutex_lock(&order->lock);
    bool free = order->count < PLACES_MAX && find(order, conversation_id) == order->count;
    if (free) {
        add(order, conversation_id);
    }
    pthread_mutex_unlock(&order->lock);
    return free;
}

void nima_order_leave(struct nima_order *order, nima_str conversation_id)
{
    if (conversation_id.ptr == NULL) {
        return;
    }
    pthread_mutex_lock(&order->lock);
    size_t at = find(order, conversation_id);
    nima_assert(at < order->count);
    remove_at(order, at);
    pthread_mutex_unlock(&order->lock);
}
