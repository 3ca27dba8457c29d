#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "orchestrator/orchestrator_int.h"
#include "support/test.h"
#include "util/clock.h"

static const nima_str one = NIMA_STR_INIT("00000000-0000-7000-8000-000000000001");
static const nima_str two = NIMA_STR_INIT("00000000-0000-7000-8000-000000000002");

static void pause_ms(long ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

enum { TURNS = 6 };

struct turns {
    struct nima_order *order;
    atomic_int arrived, at_work, done;
    atomic_bool cancelled[TURNS];
    int64_t deadline_ms[TURNS];
    nima_rc results[TURNS];
    int places[TURNS]; /* in which order they were served, from 1; 0: not */
};
struct one_turn {
    struct turns *turns;
    int number;
};

static void *take_turn(void *user)
{
    struct one_turn *turn = user;
    struct turns *turns = turn->turns;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ctx.cancelled = &turns->cancelled[turn->number];
    ctx.deadline_ms = turns->deadline_ms[turn->number];
    atomic_fetch_add(&turns->arrived, 1);
    turns->results[turn->number] = nima_order_enter(&ctx, turns->order, one);
    if (turns->results[turn->number] == NIMA_OK) {
        assert_int_equal(atomic_fetch_add(&turns->at_work, 1), 0);
        turns->places[turn->number] = atomic_fetch_add(&turns->done, 1) + 1;
        pause_ms(2);
        atomic_fetch_sub(&turns->at_work, 1);
        nima_order_leave(turns->order, one);
    }
    nima_ctx_done(&ctx);
    return NULL;
}

/* Holds the conversation while TURNS others line up one after the other, lets them go and waits
 * for them; `cancel` (or -1) leaves while it waits. */
static void line_up(struct turns *turns, int cancel)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_OK(nima_order_enter(&ctx, turns->order, one));
    pthread_t threads[TURNS];
    struct one_turn each[TURNS];
    for (int i = 0; i < TURNS; i++) {
        each[i] = (struct one_turn){turns, i};
        assert_int_equal(pthread_create(&threads[i], NULL, take_turn, &each[i]), 0);
        while (atomic_load(&turns->arrived) != i + 1) {
            pause_ms(1);
        }
        pause_ms(30); /* it waits by now */
    }
    if (cancel >= 0) {
        atomic_store(&turns->cancelled[cancel], true);
        pthread_join(threads[cancel], NULL);
    }
    assert_int_equal(atomic_load(&turns->done), 0);
    nima_order_leave(turns->order, one);
    for (int i = 0; i < TURNS; i++) {
        if (i != cancel) {
            pthread_join(threads[i], NULL);
        }
    }
    nima_ctx_done(&ctx);
}

TEST(turns_of_one_conversation_go_one_after_the_other_as_they_came)
{
    struct turns turns = {.order = nima_order_new()};
    line_up(&turns, -1);
    for (int i = 0; i < TURNS; i++) {
        ASSERT_OK(turns.results[i]);
        assert_int_equal(turns.places[i], i + 1);
    }
    nima_order_free(turns.order);
}

TEST(who_leaves_while_waiting_holds_nobody_up)
{
    struct turns turns = {.order = nima_order_new()};
    line_up(&turns, 1);
    ASSERT_RC(NIMA_E_CANCELLED, turns.results[1]);
    assert_int_equal(turns.places[0], 1);
    assert_int_equal(turns.places[2], 2);
    assert_int_equal(turns.places[TURNS - 1], TURNS - 1);
    nima_order_free(turns.order);
}

TEST(who_waits_too_long_times_out)
{
    struct turns turns = {.order = nima_order_new()};
    turns.deadline_ms[0] = nima_mono_ms() + 50;
    line_up(&turns, -1);
    ASSERT_RC(NIMA_E_TIMEOUT, turns.results[0]);
    assert_int_equal(turns.places[1], 1);
    nima_order_free(turns.order);
}

TEST(other_conversations_and_new_ones_do_not_wait)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_order *order = nima_order_new();
    nima_str absent = {NULL, 0};
    ASSERT_OK(nima_order_enter(&ctx, order, one));
    ASSERT_OK(nima_order_enter(&ctx, order, two));
    ASSERT_OK(nima_order_enter(&ctx, order, absent));
    ASSERT_OK(nima_order_enter(&ctx, order, absent));
    nima_order_leave(order, absent);
    nima_order_leave(order, one);
    ASSERT_OK(nima_order_enter(&ctx, order, one));
    nima_order_leave(order, one);
    nima_order_leave(order, two);
    nima_order_free(order);
    nima_order_free(NULL);
    nima_ctx_done(&ctx);
}

TEST(who_does_not_wait_goes_where_nobody_is)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_order *order = nima_order_new();
    ASSERT_OK(nima_order_enter(&ctx, order, one));
    ASSERT_TRUE(!nima_order_try(order, one) && nima_order_try(order, two));
    ASSERT_TRUE(!nima_order_try(order, two));
    nima_order_leave(order, two);
    nima_order_leave(order, one);
    ASSERT_TRUE(nima_order_try(order, one));
    nima_order_leave(order, one);
    nima_order_free(order);
    nima_ctx_done(&ctx);
}

TEST(a_full_line_is_busy_and_has_room_again)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_order *order = nima_order_new();
    char id[64];
    int entered = 0;
    nima_rc rc = NIMA_OK;
    while (rc == NIMA_OK && entered < 5000) {
        snprintf(id, sizeof(id), "10000000-0000-7000-8000-%012d", entered);
        rc = nima_order_enter(&ctx, order, nima_str_of(id));
        entered += rc == NIMA_OK;
    }
    ASSERT_RC(NIMA_E_BUSY, rc);
    assert_int_equal(entered, 1024);
    ASSERT_RC(NIMA_E_BUSY, nima_order_enter(&ctx, order, one));
    nima_order_leave(order, NIMA_STR("10000000-0000-7000-8000-000000000500"));
    ASSERT_OK(nima_order_enter(&ctx, order, one));
    nima_order_free(order);
    nima_ctx_done(&ctx);
}

TEST_MAIN
