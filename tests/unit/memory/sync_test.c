/* Index and store never disagree: crashes, a second process, other people, many threads. */
#include "memory/support_memory.h"

#include <pthread.h>
#include <stdio.h>

enum { WRITERS = 2, READERS = 2, ROUNDS = 40 };

TEST(after_a_restart_all_is_found)
{
    struct world w = world_open();
    remember(&w, "The user plays the oboe");
    world_restart(&w);
    ASSERT_TRUE(finds(&w, w.memory, "oboe", "The user plays the oboe"));
    world_close(&w);
}

TEST(a_second_memory_on_the_same_store_sees_every_write)
{
    struct world w = world_open();
    struct nima_memory *other = nima_memory_new(w.store, w.llm, NULL);
    remember(&w, "The user plays the oboe");
    ASSERT_TRUE(finds(&w, other, "oboe", "The user plays the oboe"));
    struct nima_fact fact = remember(&w, "The user sails a dinghy");
    ASSERT_TRUE(finds(&w, other, "dinghy", "The user sails a dinghy"));
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, other, fact.id));
    ASSERT_TRUE(!finds(&w, w.memory, "dinghy", "The user sails a dinghy"));
    struct nima_fact_patch patch = {.fact = NIMA_STR("The user plays the bassoon")};
    struct nima_fact out;
    fact = search(&w, w.memory, "oboe").items[0].fact;
    ASSERT_OK_CTX(&w.ctx, nima_memory_patch(&w.ctx, other, fact.id, &patch, &out));
    ASSERT_TRUE(finds(&w, w.memory, "bassoon", "The user plays the bassoon"));
    ASSERT_TRUE(!finds(&w, w.memory, "oboe", "The user plays the oboe"));
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget(&w.ctx, other));
    ASSERT_INT_EQ(search(&w, w.memory, "bassoon").count, 0);
    nima_memory_free(other);
    world_close(&w);
}

TEST(people_never_see_each_other)
{
    struct world w = world_open();
    for (int i = 0; i < 30; i++) {
        w.ctx.user_id = i % 2 == 0 ? NIMA_STR("ana") : NIMA_STR("bob");
        remember(
            &w,
            nima_fmt(&w.ctx, "The user " NIMA_FMT " has lamp %d", NIMA_ARG(w.ctx.user_id), i).ptr);
        struct nima_memory_hits hits = search(&w, w.memory, "lamp ana bob");
        ASSERT_TRUE(hits.count > 0);
        for (size_t k = 0; k < hits.count; k++) {
            ASSERT_TRUE(nima_str_find(hits.items[k].fact.fact, w.ctx.user_id, 0) != SIZE_MAX);
        }
    }
    struct nima_fact theirs = search(&w, w.memory, "lamp").items[0].fact;
    w.ctx.user_id = NIMA_STR("ana");
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_memory_delete(&w.ctx, w.memory, theirs.id));
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget(&w.ctx, w.memory));
    w.ctx.user_id = NIMA_STR("bob");
    ASSERT_TRUE(search(&w, w.memory, "lamp").count > 0);
    world_close(&w);
}

TEST(an_idle_index_is_dropped_and_comes_back)
{
    struct world w = world_open();
    remember(&w, "The user plays the oboe");
    ASSERT_TRUE(finds(&w, w.memory, "oboe", "The user plays the oboe"));
    struct nima_memory_options options;
    nima_memory_defaults(&options);
    options.index_idle_s = 1;
    struct nima_memory *brief = nima_memory_new(w.store, w.llm, &options);
    ASSERT_TRUE(finds(&w, brief, "oboe", "The user plays the oboe"));
    nima_memory_tick(&w.ctx, brief);
    ASSERT_TRUE(finds(&w, brief, "oboe", "The user plays the oboe"));
    nima_memory_free(brief);
    world_close(&w);
}

TEST(many_deletes_wear_the_index_out_and_it_is_built_anew)
{
    struct world w = world_open();
    enum { COUNT = 600 };
    struct nima_fact *facts = NIMA_NEW(w.ctx.arena, struct nima_fact, COUNT);
    struct nima_fact *out = NIMA_NEW(w.ctx.arena, struct nima_fact, COUNT);
    bool created[COUNT];
    for (int i = 0; i < COUNT; i++) {
        facts[i] = a_fact(nima_fmt(&w.ctx, "The user has lamp %d", i).ptr);
    }
    ASSERT_OK_CTX(&w.ctx, nima_memory_add_many(&w.ctx, w.memory, facts, COUNT, out, created));
    (void)search(&w, w.memory, "lamp");
    for (int i = 0; i < 400; i++) {
        ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, out[i].id));
    }
    ASSERT_TRUE(finds(&w, w.memory, "lamp 555", "The user has lamp 555"));
    ASSERT_TRUE(!finds(&w, w.memory, "lamp 55", "The user has lamp 55"));
    struct nima_memory_stats stats;
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_INT_EQ(stats.index_rows, COUNT - 400);
    world_close(&w);
}

struct job {
    struct world *w;
    int number;
    int failures;
};

static void *write_some(void *arg)
{
    struct job *job = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct nima_ctx ctx;
        nima_ctx_init(&ctx);
        ctx.user_id = NIMA_STR("ana");
        struct nima_fact fact =
            a_fact(nima_fmt(&ctx, "The user has lamp %d of writer %d", i, job->number).ptr);
        struct nima_fact out;
        bool created;
        nima_rc rc = nima_memory_add(&ctx, job->w->memory, &fact, &out, &created);
        if (rc == NIMA_OK && i % 3 == 0) {
            rc = nima_memory_delete(&ctx, job->w->memory, out.id);
        }
        job->failures += rc != NIMA_OK;
        nima_ctx_done(&ctx);
    }
    return NULL;
}

static void *read_some(void *arg)
{
    struct job *job = arg;
    for (int i = 0; i < ROUNDS * 2; i++) {
        struct nima_ctx ctx;
        nima_ctx_init(&ctx);
        ctx.user_id = NIMA_STR("ana");
        struct nima_memory_query query = {.text = NIMA_STR("lamp"), .limit = 5};
        struct nima_memory_hits hits;
        nima_rc rc = nima_memory_search(&ctx, job->w->memory, &query, &hits);
        job->failures += rc != NIMA_OK && rc != NIMA_E_BUSY;
        if (i % 10 == 0) {
            nima_memory_tick(&ctx, job->w->memory);
        }
        nima_ctx_done(&ctx);
    }
    return NULL;
}

TEST(many_threads_search_and_write)
{
    struct world w = world_open();
    pthread_t threads[WRITERS + READERS];
    struct job jobs[WRITERS + READERS];
    for (int i = 0; i < WRITERS + READERS; i++) {
        jobs[i] = (struct job){.w = &w, .number = i};
        pthread_create(&threads[i], NULL, i < WRITERS ? write_some : read_some, &jobs[i]);
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        pthread_join(threads[i], NULL);
        ASSERT_INT_EQ(jobs[i].failures, 0);
    }
    struct nima_memory_stats stats;
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_INT_EQ(stats.index_rows, stats.facts.active);
    ASSERT_INT_EQ(stats.facts.active, WRITERS * (ROUNDS - (ROUNDS + 2) / 3));
    world_close(&w);
}

/* Two memories on one store are as two processes are: neither knows of the other's locks. */
struct telling {
    struct nima_memory *memory;
    const char *said;
    pthread_barrier_t *start;
    nima_str user_id;
};

static void *tells(void *arg)
{
    struct telling *t = arg;
    struct nima_ctx ctx;
    struct nima_learned_list list;
    struct nima_utterance said = {.text = nima_str_of(t->said)};
    nima_ctx_init(&ctx);
    ctx.user_id = t->user_id;
    pthread_barrier_wait(t->start);
    nima_rc rc = nima_memory_learn(&ctx, t->memory, &said, &list);
    nima_ctx_done(&ctx);
    return rc == NIMA_OK ? t : NULL;
}

TEST(two_homes_that_are_said_at_once_leave_one)
{
    static const char *const said[] = {"I live in Lisbon.", "I live in Porto.", "I live in Faro.",
                                       "I live in Braga."};
    enum { TELLERS = 4, TIMES = 25 };
    struct world w = world_open();
    struct nima_memory *other = nima_memory_new(w.store, w.llm, NULL);
    for (int n = 0; n < TIMES; n++) {
        pthread_barrier_t start;
        pthread_t threads[TELLERS];
        struct telling telling[TELLERS];
        w.ctx.user_id = nima_fmt(&w.ctx, "person%d", n);
        pthread_barrier_init(&start, NULL, TELLERS);
        for (int i = 0; i < TELLERS; i++) {
            telling[i] =
                (struct telling){i % 2 == 0 ? w.memory : other, said[i], &start, w.ctx.user_id};
            assert_int_equal(pthread_create(&threads[i], NULL, tells, &telling[i]), 0);
        }
        for (int i = 0; i < TELLERS; i++) {
            void *ended = NULL;
            pthread_join(threads[i], &ended);
            assert_non_null(ended);
        }
        pthread_barrier_destroy(&start);
        struct nima_fact_filter filter = {.status = NIMA_STR("active"), .limit = 10};
        struct nima_fact_rows rows;
        ASSERT_OK_CTX(&w.ctx, nima_facts_list(&w.ctx, w.store, &filter, &rows));
        ASSERT_INT_EQ(rows.count, 1);
    }
    nima_memory_free(other);
    world_close(&w);
}

TEST_MAIN
