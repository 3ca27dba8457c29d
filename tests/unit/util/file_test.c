#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "util/file.h"

struct world {
    struct nima_ctx ctx;
    char folder[64];
};

static struct world world_open(void)
{
    struct world w = {.folder = "/tmp/nima-file-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    nima_ctx_init(&w.ctx);
    return w;
}

static const char *path_of(struct world *w, const char *name)
{
    return nima_fmt(&w->ctx, "%s/%s", w->folder, name).ptr;
}

/* How many entries the folder has; removes the files among them when told. */
static int count_files(struct world *w, bool remove)
{
    int count = 0;
    DIR *dir = opendir(w->folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.') {
            count++;
            if (remove) {
                unlinkat(dirfd(dir), entry->d_name, 0);
            }
        }
    }
    closedir(dir);
    return count;
}

static void world_close(struct world *w)
{
    count_files(w, true);
    rmdir(w->folder);
    nima_ctx_done(&w->ctx);
}

TEST(what_was_written_is_read_back_byte_for_byte)
{
    struct world w = world_open();
    const char *path = path_of(&w, "a");
    nima_str data = NIMA_STR("one\0two\n\xFF"), back;
    ASSERT_OK_CTX(&w.ctx, nima_file_write(&w.ctx, path, data, 0600));
    ASSERT_OK_CTX(&w.ctx, nima_file_read(&w.ctx, path, 100, &back));
    assert_true(nima_str_eq(data, back));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    world_close(&w);
}

TEST(an_empty_file_is_an_empty_text)
{
    struct world w = world_open();
    nima_str back = {NULL, 0};
    ASSERT_OK(nima_file_write(&w.ctx, path_of(&w, "a"), NIMA_STR(""), 0600));
    ASSERT_OK(nima_file_read(&w.ctx, path_of(&w, "a"), 0, &back));
    assert_non_null(back.ptr);
    assert_int_equal(back.len, 0);
    world_close(&w);
}

TEST(a_rewrite_replaces_the_file_and_leaves_nothing_beside_it)
{
    struct world w = world_open();
    const char *path = path_of(&w, "a");
    nima_str back;
    ASSERT_OK(nima_file_write(&w.ctx, path, NIMA_STR("a long first text"), 0600));
    ASSERT_OK(nima_file_write(&w.ctx, path, NIMA_STR("short"), 0600));
    ASSERT_OK(nima_file_read(&w.ctx, path, 100, &back));
    ASSERT_STR_EQ(back, "short");
    assert_int_equal(count_files(&w, false), 1);
    world_close(&w);
}

TEST(a_missing_file_is_not_found_and_named)
{
    struct world w = world_open();
    nima_str back = NIMA_STR("untouched");
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_file_read(&w.ctx, path_of(&w, "none"), 10, &back));
    assert_non_null(strstr(w.ctx.error.message, "/none: No such file"));
    ASSERT_STR_EQ(back, "untouched");
    world_close(&w);
}

TEST(a_file_over_the_maximum_is_too_large)
{
    struct world w = world_open();
    nima_str back = NIMA_STR("untouched");
    ASSERT_OK(nima_file_write(&w.ctx, path_of(&w, "a"), NIMA_STR("12345"), 0600));
    ASSERT_OK(nima_file_read(&w.ctx, path_of(&w, "a"), 5, &back));
    back = NIMA_STR("untouched");
    ASSERT_RC(NIMA_E_TOO_LARGE, nima_file_read(&w.ctx, path_of(&w, "a"), 4, &back));
    ASSERT_STR_EQ(back, "untouched");
    world_close(&w);
}

TEST(folders_and_devices_are_no_files)
{
    struct world w = world_open();
    nima_str back;
    ASSERT_RC(NIMA_E_STORE, nima_file_read(&w.ctx, w.folder, 10, &back));
    ASSERT_RC(NIMA_E_STORE, nima_file_read(&w.ctx, "/dev/zero", 10, &back));
    world_close(&w);
}

TEST(a_write_that_cannot_be_done_leaves_nothing_behind)
{
    struct world w = world_open();
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_file_write(&w.ctx, path_of(&w, "none/a"), NIMA_STR("x"), 0600));
    const char *folder = path_of(&w, "folder");
    ASSERT_OK(nima_dir_make(&w.ctx, folder));
    ASSERT_RC(NIMA_E_STORE, nima_file_write(&w.ctx, folder, NIMA_STR("x"), 0600));
    assert_int_equal(count_files(&w, false), 1);
    rmdir(folder);
    world_close(&w);
}

struct race {
    struct world *w;
    const char *path;
    char letter;
    atomic_int *failures;
};

enum { RACE_BYTES = 50000 };

static void *rewrite(void *user)
{
    struct race *race = user;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    char *text = nima_alloc(ctx.arena, RACE_BYTES);
    memset(text, race->letter, RACE_BYTES);
    for (int i = 0; i < 20; i++) {
        nima_str data = {text, RACE_BYTES};
        if (nima_file_write(&ctx, race->path, data, 0600) != NIMA_OK) {
            atomic_fetch_add(race->failures, 1);
        }
    }
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(a_reader_beside_two_writers_always_sees_a_whole_file)
{
    struct world w = world_open();
    const char *path = path_of(&w, "a");
    ASSERT_OK(nima_file_write(&w.ctx, path, NIMA_STR(""), 0600));
    atomic_int failures = 0;
    struct race races[2] = {{&w, path, 'a', &failures}, {&w, path, 'b', &failures}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, rewrite, &races[i]), 0);
    }
    for (int round = 0; round < 100; round++) {
        nima_str back;
        ASSERT_OK_CTX(&w.ctx, nima_file_read(&w.ctx, path, RACE_BYTES, &back));
        assert_true(back.len == 0 || back.len == RACE_BYTES);
        for (size_t i = 1; i < back.len; i++) {
            assert_int_equal(back.ptr[i], back.ptr[0]);
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(count_files(&w, false), 1);
    world_close(&w);
}

TEST(folders_are_made_with_their_parents)
{
    struct world w = world_open();
    ASSERT_OK_CTX(&w.ctx, nima_dir_make(&w.ctx, path_of(&w, "a/b/c/")));
    ASSERT_OK_CTX(&w.ctx, nima_dir_make(&w.ctx, path_of(&w, "a/b/c")));
    struct stat info;
    assert_int_equal(stat(path_of(&w, "a/b"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    rmdir(path_of(&w, "a/b/c"));
    rmdir(path_of(&w, "a/b"));
    rmdir(path_of(&w, "a"));
    world_close(&w);
}

TEST(a_file_in_the_way_of_a_folder_is_told)
{
    struct world w = world_open();
    const char *path = path_of(&w, "a");
    ASSERT_OK(nima_file_write(&w.ctx, path, NIMA_STR("x"), 0600));
    ASSERT_RC(NIMA_E_STORE, nima_dir_make(&w.ctx, path));
    assert_non_null(strstr(w.ctx.error.message, "is not a folder"));
    ASSERT_RC(NIMA_E_STORE, nima_dir_make(&w.ctx, path_of(&w, "a/b")));
    ASSERT_RC(NIMA_E_STORE, nima_dir_make(&w.ctx, ""));
    world_close(&w);
}

TEST_MAIN
