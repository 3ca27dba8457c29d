#include <pthread.h>
#include <string.h>

#include "support/test.h"
#include "util/uuid.h"

enum { THREADS = 8, EACH = 5000 };

static char made[THREADS][EACH][NIMA_UUID_CHARS + 1];

static void *make(void *user)
{
    char(*mine)[NIMA_UUID_CHARS + 1] = user;
    for (int i = 0; i < EACH; i++) {
        nima_uuid_write(mine[i]);
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

TEST(ids_of_many_threads_differ_and_sort_by_the_time_they_were_made)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make, made[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < EACH; i++) {
            assert_true(nima_uuid_valid(nima_str_of(made[t][i])));
            assert_true(i == 0 || strcmp(made[t][i - 1], made[t][i]) < 0);
        }
    }
    qsort(made, (size_t)THREADS * EACH, sizeof(made[0][0]), by_text);
    char(*all)[NIMA_UUID_CHARS + 1] = made[0];
    for (int i = 1; i < THREADS * EACH; i++) {
        assert_string_not_equal(all[i - 1], all[i]);
    }
}

TEST(a_new_id_is_of_version_7_and_in_lower_case)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str id = nima_uuid_new(&ctx);
    assert_int_equal(id.len, NIMA_UUID_CHARS);
    assert_int_equal(id.ptr[14], '7');
    assert_non_null(strchr("89ab", id.ptr[19]));
    for (size_t i = 0; i < id.len; i++) {
        assert_non_null(strchr("0123456789abcdef-", id.ptr[i]));
    }
    nima_ctx_done(&ctx);
}

TEST(an_id_of_any_version_and_case_is_read_into_lower_case)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str id = {NULL, 0};
    nima_str given = NIMA_STR("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6");
    ASSERT_OK(nima_uuid_read(&ctx, given, "id", &id));
    ASSERT_STR_EQ(id, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    ASSERT_OK(nima_uuid_read(&ctx, NIMA_STR("00000000-0000-0000-0000-000000000000"), "id", &id));
    nima_ctx_done(&ctx);
}

TEST(what_is_no_id_is_refused_by_the_name_of_its_field)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    static const char *const bad[] = {
        "",
        "f81d4fae",
        "f81d4fae7dec11d0a76500a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf67",
        "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae_7dec-11d0-a765-00a0c91e6bf6",
        "{81d4fae-7dec-11d0-a765-00a0c91e6bf}",
        "f81d4fae-7dec-11d0-a765-00a0c91e6b\xC3\xA9",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        nima_str id = NIMA_STR("untouched");
        ASSERT_RC(NIMA_E_INVALID,
                  nima_uuid_read(&ctx, nima_str_of(bad[i]), "conversation_id", &id));
        ASSERT_STR_EQ(id, "untouched");
        assert_string_equal(ctx.error.field, "conversation_id");
    }
    assert_false(nima_uuid_valid(NIMA_STR("f81d4fae-7dec-11d0-a765-00a0c91e6bf\0")));
    nima_ctx_done(&ctx);
}

TEST(random_bytes_fill_all_that_was_asked_for)
{
    unsigned char bytes[4096] = {0};
    nima_random_bytes(bytes, sizeof(bytes));
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        zeros += bytes[i] == 0;
    }
    assert_true(zeros < 100);
    nima_random_bytes(bytes, 0);
}

TEST_MAIN
