#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "support/test.h"
#include "util/clock.h"
#include "util/queue.h"

TEST(items_come_out_in_the_order_they_went_in)
{
    int items[5];
    struct nima_queue *queue = nima_queue_new(3);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) {
            assert_true(nima_queue_push(queue, &items[i]));
        }
        assert_int_equal(nima_queue_count(queue), 3);
        for (int i = 0; i < 3; i++) {
            assert_ptr_equal(nima_queue_pop(queue, 0), &items[i]);
        }
        assert_true(nima_queue_push(queue, &items[4])); /* moves the ring on */
        assert_ptr_equal(nima_queue_pop(queue, -1), &items[4]);
    }
    nima_queue_free(queue);
}

TEST(a_full_queue_refuses)
{
    int item;
    struct nima_queue *queue = nima_queue_new(2);
    assert_true(nima_queue_push(queue, &item));
    assert_true(nima_queue_push(queue, &item));
    assert_false(nima_queue_push(queue, &item));
    assert_int_equal(nima_queue_count(queue), 2);
    nima_queue_free(queue);
}

TEST(waiting_for_nothing_takes_as_long_as_was_said)
{
    struct nima_queue *queue = nima_queue_new(1);
    int64_t start = nima_mono_ms();
    assert_null(nima_queue_pop(queue, 0));
    assert_true(nima_mono_ms() - start < 1000);
    start = nima_mono_ms();
    assert_null(nima_queue_pop(queue, 60));
    int64_t took = nima_mono_ms() - start;
    assert_true(took >= 59 && took < 5000);
    nima_queue_free(queue);
}

TEST(after_closing_what_is_in_comes_out_and_nothing_goes_in)
{
    int item;
    struct nima_queue *queue = nima_queue_new(2);
    assert_true(nima_queue_push(queue, &item));
    assert_false(nima_queue_closed(queue));
    nima_queue_close(queue);
    nima_queue_close(queue);
    assert_true(nima_queue_closed(queue));
    assert_false(nima_queue_push(queue, &item));
    assert_ptr_equal(nima_queue_pop(queue, -1), &item);
    assert_null(nima_queue_pop(queue, -1)); /* does not wait for ever */
    nima_queue_free(queue);
}

static void *wait_for_ever(void *queue)
{
    return nima_queue_pop(queue, -1);
}

TEST(closing_wakes_everybody_who_waits)
{
    struct nima_queue *queue = nima_queue_new(2);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_ever, queue), 0);
    }
    assert_null(nima_queue_pop(queue, 20)); /* they wait by now */
    nima_queue_close(queue);
    for (int i = 0; i < 4; i++) {
        void *item = &threads;
        pthread_join(threads[i], &item);
        assert_null(item);
    }
    nima_queue_free(queue);
}

enum { PRODUCERS = 4, CONSUMERS = 4, EACH = 5000 };

struct crowd {
    struct nima_queue *queue;
    atomic_int taken[PRODUCERS * EACH + 1];
    atomic_int next;
};

static void *produce(void *user)
{
    struct crowd *crowd = user;
    for (int i = 0; i < EACH; i++) {
        int number = atomic_fetch_add(&crowd->next, 1);
        while (!nima_queue_push(crowd->queue, &crowd->taken[number])) {
            sched_yield();
        }
    }
    return NULL;
}

static void *consume(void *user)
{
    struct crowd *crowd = user;
    atomic_int *item;
    while ((item = nima_queue_pop(crowd->queue, -1)) != NULL) {
        atomic_fetch_add(item, 1);
    }
    return NULL;
}

TEST(with_many_threads_each_item_is_taken_once)
{
    struct crowd *crowd = test_calloc(1, sizeof(*crowd));
    crowd->queue = nima_queue_new(7);
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++) {
        assert_int_equal(pthread_create(&consumers[i], NULL, consume, crowd), 0);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_create(&producers[i], NULL, produce, crowd), 0);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i], NULL);
    }
    nima_queue_close(crowd->queue);
    for (int i = 0; i < CONSUMERS; i++) {
        pthread_join(consumers[i], NULL);
    }
    for (int i = 0; i < PRODUCERS * EACH; i++) {
        assert_int_equal(atomic_load(&crowd->taken[i]), 1);
    }
    nima_queue_free(crowd->queue);
    nima_queue_free(NULL);
    test_free(crowd);
}

TEST_MAIN
