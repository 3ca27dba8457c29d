#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "orchestrator/orchestrator_int.h"
#include "util/uuid.h"

enum { AT_WORK_MAX = 1024, WAIT_MS = 100 };

struct nima_order {
    pthread_mutex_t lock; /* guards the list of conversations at work */
    pthread_cond_t left;
    char ids[AT_WORK_MAX][NIMA_UUID_CHARS + 1];
    size_t count;
};

struct nima_order *nima_order_new(void)
{
    struct nima_order *order = NIMA_XNEW(struct nima_order, 1);
    pthread_mutex_init(&order->lock, NULL);
    pthread_cond_init(&order->left, NULL);
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

static size_t find(const struct nima_order *order, nima_str id)
{
    size_t i = 0;
    while (i < order->count && !nima_str_eq(id, nima_str_of(order->ids[i]))) {
        i++;
    }
    return i;
}

/* Waits a moment; short, since a client that leaves is only seen between waits. */
static void wait_left(struct nima_order *order)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(&order->left, &order->lock, &until);
}

nima_rc nima_order_enter(struct nima_ctx *ctx, struct nima_order *order, nima_str conversation_id)
{
    if (conversation_id.ptr == NULL) {
        return NIMA_OK;
    }
    nima_assert(conversation_id.len == NIMA_UUID_CHARS);
    nima_rc rc = NIMA_OK;
    pthread_mutex_lock(&order->lock);
    while (find(order, conversation_id) < order->count && rc == NIMA_OK) {
        wait_left(order);
        rc = nima_ctx_stopped(ctx);
    }
    if (rc == NIMA_OK && order->count == AT_WORK_MAX) {
        rc = nima_fail(ctx, NIMA_E_BUSY, "%d conversations are at work; try again in a moment",
                       AT_WORK_MAX);
    }
    if (rc == NIMA_OK) {
        memcpy(order->ids[order->count++], conversation_id.ptr, NIMA_UUID_CHARS);
    }
    pthread_mutex_unlock(&order->lock);
    return rc;
}

void nima_order_leave(struct nima_order *order, nima_str conversation_id)
{
    if (conversation_id.ptr == NULL) {
        return;
    }
    pthread_mutex_lock(&order->lock);
    size_t at = find(order, conversation_id);
    nima_assert(at < order->count);
    memcpy(order->ids[at], order->ids[--order->count], sizeof(order->ids[at]));
    pthread_cond_broadcast(&order->left);
    pthread_mutex_unlock(&order->lock);
}
