/* One thing said many times does not take the place of others. */
#include "memory/thin.h"

#include "support/test.h"

enum { DIMS = 4, HITS_MAX = 32 };

static const float home[DIMS] = {1, 0, 0, 0}, near_home[DIMS] = {0.95F, 0.31225F, 0, 0};
static const float work[DIMS] = {0, 0, 1, 0};

struct table {
    struct nima_ctx ctx;
    struct nima_memory_hits hits;
};

static struct table table_open(void)
{
    struct table t = {.hits = {.count = 0}};
    nima_ctx_init(&t.ctx);
    t.hits.items = NIMA_NEW(t.ctx.arena, struct nima_memory_hit, HITS_MAX);
    return t;
}

static void hit(struct table *t, const char *text, const float *vector, double score)
{
    t->hits.items[t->hits.count++] =
        (struct nima_memory_hit){.fact = {.fact = nima_str_of(text),
                                          .embedding = vector,
                                          .dims = vector != NULL ? DIMS : 0,
                                          .embedding_model = NIMA_STR("m")},
                                 .score = score};
}

static void thin(struct table *t, size_t limit)
{
    nima_memory_thin(&t->ctx, &t->hits, limit);
}

TEST(what_is_said_many_times_leaves_room)
{
    struct table t = table_open();
    for (int i = 0; i < 20; i++) {
        hit(&t, nima_fmt(&t.ctx, "The user lives in Lisbon, wording %c", 'a' + i).ptr, home,
            0.6 - 0.001 * i);
    }
    hit(&t, "The user works as a nurse", work, 0.4);
    thin(&t, 5);
    ASSERT_INT_EQ(t.hits.count, 2);
    ASSERT_STR_EQ(t.hits.items[0].fact.fact, "The user lives in Lisbon, wording a");
    ASSERT_STR_EQ(t.hits.items[1].fact.fact, "The user works as a nurse");
    nima_ctx_done(&t.ctx);
}

TEST(what_is_alike_but_not_the_same_comes_later)
{
    struct table t = table_open();
    hit(&t, "The user ran 10 km", home, 0.6);
    hit(&t, "The user ran 12 km", home, 0.59);
    hit(&t, "The user does not run", near_home, 0.58);
    hit(&t, "The user works as a nurse", work, 0.4);
    thin(&t, 2);
    ASSERT_INT_EQ(t.hits.count, 2);
    ASSERT_STR_EQ(t.hits.items[0].fact.fact, "The user ran 10 km");
    ASSERT_STR_EQ(t.hits.items[1].fact.fact, "The user works as a nurse");
    nima_ctx_done(&t.ctx);
}

TEST(numbers_and_denials_are_never_left_out_where_there_is_room)
{
    struct table t = table_open();
    hit(&t, "The user ran 10 km", home, 0.6);
    hit(&t, "The user ran 12 km", home, 0.59);
    hit(&t, "The user does not run", home, 0.58);
    thin(&t, 5);
    ASSERT_INT_EQ(t.hits.count, 3);
    nima_ctx_done(&t.ctx);
}

TEST(without_vectors_words_tell_what_is_alike)
{
    struct table t = table_open();
    hit(&t, "The user lives in Lisbon", NULL, 0.6);
    hit(&t, "User lives in Lisbon", NULL, 0.59);
    hit(&t, "The user lives with a dog in Lisbon", NULL, 0.58);
    hit(&t, "The user works as a nurse", work, 0.4);
    thin(&t, 2);
    ASSERT_STR_EQ(t.hits.items[1].fact.fact, "The user works as a nurse");
    nima_ctx_done(&t.ctx);
}

TEST(nothing_is_thinned_to_nothing)
{
    struct table t = table_open();
    thin(&t, 3);
    ASSERT_INT_EQ(t.hits.count, 0);
    nima_ctx_done(&t.ctx);
}

TEST_MAIN
