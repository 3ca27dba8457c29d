/* Jobs in order, one for each key, taken back with their person. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"
#include "util/worker.h"

enum { LINE = 4, HOUR_MS = 3600000 };

struct bench {
    atomic_int begun, cancelled, freed, last;
    atomic_bool hold; /* jobs wait until they are cancelled */
};

struct job {
    struct bench *bench;
    int number;
};

static nima_rc run(struct nima_ctx *ctx, void *user, void *item)
{
    struct bench *bench = user;
    const struct job *job = item;
    atomic_fetch_add(&bench->begun, 1);
    while (atomic_load(&bench->hold)) {
        if (nima_ctx_stopped(ctx) != NIMA_OK) {
            atomic_fetch_add(&bench->cancelled, 1);
            return NIMA_E_CANCELLED;
        }
        usleep(1000);
    }
    atomic_store(&bench->last, job->number);
    return NIMA_OK;
}

static void done(void *item)
{
    struct job *job = item;
    atomic_fetch_add(&job->bench->freed, 1);
    test_free(job);
}

static struct nima_worker *open_worker(struct bench *bench)
{
    struct nima_worker_options options = {.name = "test",
                                          .line_max = LINE,
                                          .job_ms_max = HOUR_MS,
                                          .run = run,
                                          .done = done,
                                          .user = bench};
    return nima_worker_new(&options);
}

static bool push(struct nima_worker *worker, struct bench *bench, const char *who, const char *key,
                 int number)
{
    struct job *job = test_calloc(1, sizeof(*job));
    *job = (struct job){bench, number};
    return nima_worker_push(worker, nima_str_of(who), nima_str_of(key), job);
}

static void wait_until(const atomic_int *counter, int least)
{
    for (int i = 0; i < 60000 && atomic_load(counter) < least; i++) {
        usleep(1000);
    }
    assert_true(atomic_load(counter) >= least);
}

TEST(each_job_is_done_and_freed)
{
    struct bench bench = {0};
    struct nima_worker *worker = open_worker(&bench);
    for (int i = 1; i <= 20; i++) {
        assert_true(push(worker, &bench, "ann", NULL, i));
        wait_until(&bench.freed, i);
        assert_int_equal(atomic_load(&bench.last), i);
    }
    struct nima_worker_counts counts;
    nima_worker_count(worker, &counts);
    assert_int_equal(counts.done, 20);
    assert_int_equal(counts.waiting + counts.dropped, 0);
    nima_worker_free(worker);
}

TEST(a_full_line_refuses_and_the_same_key_takes_the_place)
{
    struct bench bench = {.hold = true};
    struct nima_worker *worker = open_worker(&bench);
    assert_true(push(worker, &bench, "ann", NULL, 0));
    wait_until(&bench.begun, 1);
    for (int i = 0; i < LINE; i++) {
        assert_true(push(worker, &bench, "ann", i == 2 ? "talk" : NULL, i));
    }
    assert_false(push(worker, &bench, "ann", NULL, 9));
    assert_true(push(worker, &bench, "ann", "talk", 9));
    struct nima_worker_counts counts;
    nima_worker_count(worker, &counts);
    assert_int_equal(counts.waiting, LINE + 1);
    assert_int_equal(counts.dropped, 1);
    assert_int_equal(atomic_load(&bench.freed), 2); /* the refused one, and the one replaced */
    nima_worker_free(worker);
    assert_int_equal(atomic_load(&bench.cancelled), 1);
    assert_int_equal(atomic_load(&bench.freed), LINE + 3);
}

TEST(a_person_takes_back_what_waits_and_what_is_at_work)
{
    struct bench bench = {.hold = true};
    struct nima_worker *worker = open_worker(&bench);
    assert_true(push(worker, &bench, "ann", NULL, 1));
    assert_true(push(worker, &bench, "bob", NULL, 2));
    assert_true(push(worker, &bench, "ann", NULL, 3));
    wait_until(&bench.begun, 1);
    nima_worker_drop(worker, NIMA_STR("ann"));
    assert_int_equal(atomic_load(&bench.cancelled), 1);
    wait_until(&bench.begun, 2); /* bob's */
    atomic_store(&bench.hold, false);
    wait_until(&bench.freed, 3);
    assert_int_equal(atomic_load(&bench.last), 2);
    nima_worker_drop(worker, NIMA_STR("nobody"));
    nima_worker_free(worker);
    nima_worker_free(NULL);
}

TEST_MAIN
