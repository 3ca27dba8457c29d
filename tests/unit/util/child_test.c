#include "util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "util/clock.h"

/* /bin/sh stands for any program here: what it is told is ours alone. */
static nima_rc run(struct nima_ctx *ctx, const char *script, nima_str input,
                   struct nima_child_end *end)
{
    signal(SIGPIPE, SIG_IGN); /* as main.c does */
    const char *const argv[] = {"/bin/sh", "-c", script, "sh", "a b; $HOME", NULL};
    const char *const env[] = {"PATH=/usr/bin:/bin", "GIVEN=yes", NULL};
    struct nima_child child = {.argv = argv,
                               .env = env,
                               .folder = "/tmp",
                               .input = input,
                               .out_bytes_max = 100000,
                               .err_bytes_max = 1000};
    return nima_child_run(ctx, &child, end);
}

/* Dead and not yet buried counts: who buries orphans is not ours to say. */
static bool lives(pid_t pid)
{
    char name[64], text[256] = "";
    snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        return false;
    }
    size_t got = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    const char *end = strrchr(text, ')');
    return got > 0 && end != NULL && end[2] != 'Z' && end[2] != 'X';
}

static bool gone(pid_t pid)
{
    int64_t until = nima_mono_ms() + 60000;
    while (lives(pid) && nima_mono_ms() < until) {
        usleep(1000);
    }
    return !lives(pid);
}

TEST(arguments_environment_folder_and_both_outputs_are_as_said)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    nima_ctx_init(&ctx);
    assert_int_equal(run(&ctx,
                         "printf '%s|%s|%s|%s' \"$1\" \"$GIVEN\" \"${HOME-none}\" \"$PWD\"; "
                         "echo bad >&2; exit 3",
                         (nima_str){0}, &end),
                     NIMA_OK);
    assert_int_equal(end.code, 3);
    assert_int_equal(end.signal, 0);
    assert_string_equal(nima_cstr(&ctx, end.out), "a b; $HOME|yes|none|/tmp");
    assert_string_equal(nima_cstr(&ctx, end.err), "bad\n");
    assert_false(end.out_cut || end.err_cut);
    nima_ctx_done(&ctx);
}

TEST(input_larger_than_a_pipe_goes_through_and_may_be_left_unread)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    nima_ctx_init(&ctx);
    char *text = nima_alloc(ctx.arena, 3 << 20);
    memset(text, 'x', 3 << 20);
    assert_int_equal(run(&ctx, "wc -c", (nima_str){text, 3 << 20}, &end), NIMA_OK);
    assert_int_equal(nima_str_find(end.out, NIMA_STR("3145728"), 0) != SIZE_MAX, 1);
    assert_int_equal(run(&ctx, "exec <&-; echo done", (nima_str){text, 3 << 20}, &end), NIMA_OK);
    assert_string_equal(nima_cstr(&ctx, end.out), "done\n");
    nima_ctx_done(&ctx);
}

TEST(too_much_output_ends_it)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    nima_ctx_init(&ctx);
    assert_int_equal(run(&ctx, "yes", (nima_str){0}, &end), NIMA_OK);
    assert_true(end.out_cut);
    assert_int_equal(end.out.len, 100000);
    assert_int_equal(end.signal != 0 || end.code != 0, 1);
    assert_int_equal(run(&ctx,
                         "i=0; while [ $i -lt 3000 ]; do echo x >&2; i=$((i+1)); done; echo end",
                         (nima_str){0}, &end),
                     NIMA_OK);
    assert_true(end.err_cut);
    assert_int_equal(end.err.len, 1000);
    assert_string_equal(nima_cstr(&ctx, end.out), "end\n");
    nima_ctx_done(&ctx);
}

TEST(of_errors_the_end_is_kept_where_that_is_asked_for)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    nima_ctx_init(&ctx);
    const char *const argv[] = {"/bin/sh", "-c",
                                "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last >&2", NULL};
    const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    struct nima_child child = {.argv = argv, .env = env, .err_bytes_max = 40000, .err_end = true};
    ASSERT_OK_CTX(&ctx, nima_child_run(&ctx, &child, &end));
    assert_int_equal(end.code, 0);
    assert_false(end.err_cut);
    assert_true(end.err.len > 15000 && end.err.len <= 40000);
    assert_true(nima_str_ends(end.err, NIMA_STR("xxlast\n")));
    nima_ctx_done(&ctx);
}

TEST(the_deadline_ends_it_and_all_that_it_started)
{
    struct nima_ctx ctx;
    struct nima_child_end end = {.code = 77};
    char name[] = "/tmp/nima-child-XXXXXX";
    int fd = mkstemp(name), pid = 0;
    assert_true(fd >= 0);
    nima_ctx_init(&ctx);
    ctx.deadline_ms = nima_mono_ms() + 2000;
    nima_str script = nima_fmt(&ctx,
                               "trap '' TERM; sh -c 'trap \"\" TERM; sleep 600' & "
                               "echo $! >%s; wait; wait",
                               name);
    assert_int_equal(run(&ctx, script.ptr, (nima_str){0}, &end), NIMA_E_TIMEOUT);
    assert_int_equal(end.code, 77);
    FILE *file = fdopen(fd, "r");
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    assert_true(gone(pid));
    fclose(file);
    unlink(name);
    nima_ctx_done(&ctx);
}

TEST(what_it_leaves_behind_ends_with_it)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    nima_ctx_init(&ctx);
    int64_t pid;
    assert_int_equal(run(&ctx, "sleep 600 & echo $!", (nima_str){0}, &end), NIMA_OK);
    assert_int_equal(end.code, 0);
    assert_true(nima_str_to_i64(nima_str_trim(end.out), &pid));
    assert_true(gone((pid_t)pid));
    nima_ctx_done(&ctx);
}

static void *cancel(void *flag)
{
    usleep(20000);
    atomic_store((atomic_bool *)flag, true);
    return NULL;
}

TEST(cancelling_ends_it)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    atomic_bool flag = false;
    pthread_t thread;
    nima_ctx_init(&ctx);
    ctx.cancelled = &flag;
    pthread_create(&thread, NULL, cancel, &flag);
    assert_int_equal(run(&ctx, "exec sleep 600", (nima_str){0}, &end), NIMA_E_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(run(&ctx, "true", (nima_str){0}, &end), NIMA_E_CANCELLED);
    nima_ctx_done(&ctx);
}

TEST(our_open_files_are_not_handed_on)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    nima_ctx_init(&ctx);
    int fd = open("/etc/passwd", O_RDONLY); /* without O_CLOEXEC */
    assert_true(fd > 2);
    nima_str script = nima_fmt(&ctx, "test -e /proc/self/fd/%d && echo open || echo shut", fd);
    assert_int_equal(run(&ctx, script.ptr, (nima_str){0}, &end), NIMA_OK);
    assert_string_equal(nima_cstr(&ctx, end.out), "shut\n");
    close(fd);
    nima_ctx_done(&ctx);
}

static int refuse(void *user)
{
    return *(int *)user;
}

TEST(a_program_that_cannot_start_says_why)
{
    struct nima_ctx ctx;
    struct nima_child_end end;
    const char *path = NULL;
    int error = EPERM;
    const char *const env[] = {NULL}, *const none[] = {"/nowhere/at-all", NULL};
    const char *const is[] = {"/bin/true", NULL};
    struct nima_child child = {.argv = none, .env = env};
    nima_ctx_init(&ctx);
    assert_int_equal(nima_child_run(&ctx, &child, &end), NIMA_E_NOT_FOUND);
    child.argv = is;
    child.before = refuse;
    child.user = &error;
    assert_int_equal(nima_child_run(&ctx, &child, &end), NIMA_E_FORBIDDEN);
    error = 0;
    assert_int_equal(nima_child_run(&ctx, &child, &end), NIMA_OK);
    assert_int_equal(end.code, 0);
    assert_int_equal(nima_child_find(&ctx, NIMA_STR("sh"), &path), NIMA_OK);
    assert_int_equal(path[0], '/');
    assert_int_equal(nima_child_find(&ctx, NIMA_STR("/bin/sh"), &path), NIMA_OK);
    assert_int_equal(nima_child_find(&ctx, NIMA_STR("no-such-program-here"), &path),
                     NIMA_E_NOT_FOUND);
    assert_int_equal(nima_child_find(&ctx, NIMA_STR("/bin/no-such"), &path), NIMA_E_NOT_FOUND);
    assert_int_equal(nima_child_find(&ctx, NIMA_STR(""), &path), NIMA_E_NOT_FOUND);
    nima_ctx_done(&ctx);
}

TEST_MAIN
