/*
 * Workers. There are two lanes: one for handlers that are soon done, one for those that wait for
 * the model, so that a thousand waiting chats never keep a list of facts from being answered.
 * Threads are made when there is more work than threads, up to the lane's maximum; a thread that
 * waits for work costs nothing but its stack.
 */
#include <stdlib.h>

#include "http/http_int.h"
#include "util/log.h"

enum { STACK_BYTES = 1024 * 1024 };

static void *work(void *arg)
{
    struct http_lane *lane = arg;
    struct nima_exchange *exchange;
    while ((exchange = nima_queue_pop(lane->queue, -1)) != NULL) {
        nima_http_serve(exchange);
        nima_http_exchange_unref(exchange);
        pthread_mutex_lock(&lane->lock);
        lane->busy--;
        pthread_mutex_unlock(&lane->lock);
    }
    return NULL;
}

void nima_http_lane_open(struct http_lane *lane, struct nima_http *http, int threads_max,
                         int queue_max)
{
    lane->http = http;
    lane->threads_max = threads_max;
    lane->threads = NIMA_XNEW(pthread_t, (size_t)threads_max);
    lane->queue = nima_queue_new((size_t)queue_max);
    pthread_mutex_init(&lane->lock, NULL);
}

/* With lane->lock held. */
static void add_thread(struct http_lane *lane)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int rc = pthread_create(&lane->threads[lane->thread_count], &attr, work, lane);
    pthread_attr_destroy(&attr);
    if (rc == 0) {
        lane->thread_count++;
    } else {
        nima_log_warn("no further worker thread: error %d", rc);
    }
}

bool nima_http_lane_push(struct http_lane *lane, struct nima_exchange *exchange)
{
    pthread_mutex_lock(&lane->lock);
    if (lane->busy >= lane->thread_count && lane->thread_count < lane->threads_max) {
        add_thread(lane);
    }
    /* Without a single thread nobody would ever take it out. */
    bool pushed = lane->thread_count > 0 && nima_queue_push(lane->queue, exchange);
    lane->busy += pushed ? 1 : 0;
    pthread_mutex_unlock(&lane->lock);
    return pushed;
}

void nima_http_lane_close(struct http_lane *lane)
{
    if (lane->queue == NULL) {
        return;
    }
    nima_queue_close(lane->queue);
    for (int i = 0; i < lane->thread_count; i++) {
        pthread_join(lane->threads[i], NULL);
    }
    nima_queue_free(lane->queue);
    pthread_mutex_destroy(&lane->lock);
    free(lane->threads);
}
