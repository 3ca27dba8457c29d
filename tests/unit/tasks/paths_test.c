/* Paths tried against the file integration: whatever is asked, what lies outside the root is
 * neither shown nor touched. */
#include "tasks/support_tasks.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CANARY "quokka-canary"

static const char *const traps[] = {
    "link",      "linkdir/canary",
    "linkdir",   "absolute",
    "up/canary", "up",
    "hard",      "fifo",
    "self",      "chain",
    "deep/link", "deep/up/canary",
    "null",      "proc/environ",
    "proc/cwd",  "proc/root/etc/passwd",
    "proc",      "socket",
};

static const char *const climbs[] = {
    "../outside/canary",
    "a/../../outside/canary",
    "./../outside/canary",
    "a/b/../../../outside/canary",
    "..",
    "../",
    "../../../../../../../etc/passwd",
    "a/..",
    "a/./../../outside/canary",
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    "/proc/self/root/etc/passwd",
    "/proc/1/environ",
    "/dev/zero",
    "/dev/stdin",
    "/",
    "///",
    "a//..//..//outside/canary",
    "..//outside/canary",
};

/* What is no way up on Linux, and so a name like any other: never anything outside. */
static const char *const lookalikes[] = {
    "..%2foutside%2fcanary",
    "%2e%2e/outside/canary",
    "..%c0%afoutside",
    "..\\\\outside\\\\canary",
    "....//outside/canary",
    "\\uff0e\\uff0e/outside/canary",
    "\\u2024\\u2024/outside/canary",
    ".../outside/canary",
    "..\\u2215outside",
    "..\\u2044outside/canary",
    "~/canary",
    "~root/.bashrc",
    "$HOME/canary",
    "file:///etc/passwd",
    "C:\\\\canary",
    "*",
    "{a,b}",
    "`id`",
    "$(id)",
    "a;cat canary",
    "| cat",
    "-rf",
    "--help",
    "..\\u200b/outside/canary",
    "\\u202e../outside",
    "..;/outside/canary",
    " ../outside/canary",
    ".. /outside/canary",
};
/* Control characters, and texts that are none. */
static const char *const broken[] = {"a\\u0000/../../outside/canary",
                                     "canary\\u0000.txt",
                                     "a\\nb",
                                     "..\\u0000",
                                     "\\u001b[2J",
                                     "a\\u007fb",
                                     "\\t"};

static void make_traps(struct world *w)
{
    world_put(w, "outside/canary", CANARY);
    world_put(w, "root/inside.txt", "inside");
    int fd = open(w->root, O_RDONLY | O_DIRECTORY);
    char canary[160], fifo[160];
    snprintf(canary, sizeof(canary), "%s/canary", w->outside);
    snprintf(fifo, sizeof(fifo), "%s/fifo", w->root);
    mkdirat(fd, "a", 0755);
    mkdirat(fd, "a/b", 0755);
    mkdirat(fd, "deep", 0755);
    int failed = symlinkat("../outside/canary", fd, "link") | symlinkat(w->outside, fd, "linkdir") |
                 symlinkat(canary, fd, "absolute") | symlinkat("../outside", fd, "up") |
                 linkat(AT_FDCWD, canary, fd, "hard", 0) | mkfifo(fifo, 0644) |
                 symlinkat("self", fd, "self") | symlinkat("link", fd, "chain") |
                 symlinkat("../../outside/canary", fd, "deep/link") |
                 symlinkat("../../outside", fd, "deep/up") | symlinkat("/dev/null", fd, "null") |
                 symlinkat("/proc/self", fd, "proc") | symlinkat("/dev/log", fd, "socket");
    close(fd);
    ASSERT_INT_EQ(failed, 0);
}

/* {action, params with one %s}; `move` and `copy` have it at either end. */
static const char *const actions[][2] = {
    {"read_file", "{\"path\":\"%s\"}"},
    {"write_file", "{\"path\":\"%s\",\"content\":\"evil\"}"},
    {"append_file", "{\"path\":\"%s\",\"content\":\"evil\"}"},
    {"delete", "{\"path\":\"%s\"}"},
    {"list_dir", "{\"path\":\"%s\"}"},
    {"search", "{\"path\":\"%s\",\"query\":\"quokka\"}"},
    {"process", "{\"path\":\"%s\",\"op\":\"head\"}"},
    {"process", "{\"path\":\"%s\",\"op\":\"replace\",\"find\":\"quokka\",\"with\":\"evil\"}"},
    {"copy", "{\"path\":\"%s\",\"to\":\"taken\",\"overwrite\":true}"},
    {"copy", "{\"path\":\"inside.txt\",\"to\":\"%s\",\"overwrite\":true}"},
    {"move", "{\"path\":\"%s\",\"to\":\"moved\",\"overwrite\":true}"},
    {"make_dir", "{\"path\":\"%s/new\",\"parents\":true}"},
};
enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

struct tally {
    int tried, escaped, done;
};

static bool unharmed(struct world *w)
{
    struct stat info;
    const char *canary = nima_fmt(&w->ctx, "%s/canary", w->outside).ptr;
    return stat(canary, &info) == 0 && info.st_size == (off_t)strlen(CANARY) &&
           nima_str_eq(world_file(w, "outside/canary"), NIMA_STR(CANARY)) &&
           access(nima_fmt(&w->ctx, "%s/new", w->outside).ptr, F_OK) != 0;
}

static void try_one(struct world *w, const char *action, const char *format, const char *path,
                    struct tally *tally)
{
    const struct nima_integration *integration;
    const struct nima_action *row;
    void *params;
    char text[2000];
    const char *at = strstr(format, "%s");
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - format), format, path, at + 2);
    struct nima_ctx *ctx = &w->ctx;
    ASSERT_OK_CTX(ctx, nima_action_find(ctx, NULL, NIMA_STR("file"), nima_str_of(action),
                                        &integration, &row));
    tally->tried++;
    struct nima_job job = {.tasks = w->tasks,
                           .id = NIMA_STR("018f0000-0000-7000-8000-000000000001")};
    nima_str result = {0};
    nima_rc rc = nima_action_params(ctx, row, nima_str_of(text), &params);
    if (rc == NIMA_OK) {
        job.params = params;
        rc = row->run(ctx, &job, &result);
    }
    tally->done += rc == NIMA_OK;
    bool shown = nima_str_find(result, NIMA_STR("quokka"), 0) != SIZE_MAX ||
                 nima_str_find(result, NIMA_STR("root:"), 0) != SIZE_MAX ||
                 nima_str_find(nima_str_of(ctx->error.message), NIMA_STR("quokka-"), 0) != SIZE_MAX;
    if (shown || !unharmed(w)) {
        tally->escaped++;
        print_error("%s %s escaped\n", action, text);
    }
    unlink(nima_fmt(ctx, "%s/018f0000-0000-7000-8000-000000000001.json", w->tasks->undo).ptr);
    unlink(nima_fmt(ctx, "%s/018f0000-0000-7000-8000-000000000001", w->tasks->undo).ptr);
}

static void try_all(bool walk)
{
    struct tally refused = {0}, harmless = {0};
    struct world w = world_open();
    w.tasks->roots.walk = walk;
    make_traps(&w);
    for (size_t a = 0; a < ACTIONS; a++) {
        for (size_t i = 0; i < sizeof(climbs) / sizeof(climbs[0]); i++) {
            try_one(&w, actions[a][0], actions[a][1], climbs[i], &refused);
        }
        for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
            try_one(&w, actions[a][0], actions[a][1], broken[i], &refused);
        }
        for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
            try_one(&w, actions[a][0], actions[a][1], traps[i], &refused);
        }
        for (size_t i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++) {
            try_one(&w, actions[a][0], actions[a][1], lookalikes[i], &harmless);
        }
    }
    ASSERT_INT_EQ(refused.escaped + harmless.escaped, 0);
    ASSERT_INT_EQ(refused.done, 0);
    ASSERT_TRUE(refused.tried + harmless.tried >= 300);
    world_close(&w);
}

TEST(no_path_leads_outside_by_openat2)
{
    try_all(false);
}

TEST(no_path_leads_outside_part_by_part)
{
    try_all(true);
}

/* A name that is a folder (or a file) one moment and a link outside the next. */

struct swapper {
    int root;
    atomic_bool stop;
};

static void *swap(void *arg)
{
    struct swapper *s = arg;
    while (!atomic_load(&s->stop)) {
        renameat2(s->root, "flip", s->root, "flop", RENAME_EXCHANGE);
    }
    return NULL;
}

static void race(bool walk)
{
    enum { ROUNDS = 1500 };
    struct tally tally = {0};
    struct world w = world_open();
    w.tasks->roots.walk = walk;
    world_put(&w, "outside/canary", CANARY);
    struct swapper s = {.root = open(w.root, O_RDONLY | O_DIRECTORY)};
    pthread_t thread;
    ASSERT_INT_EQ(mkdirat(s.root, "flip", 0755) | symlinkat("../outside", s.root, "flop"), 0);
    world_put(&w, "root/flip/canary", "harmless");
    pthread_create(&thread, NULL, swap, &s);
    for (int i = 0; i < ROUNDS; i++) {
        const char *const *action = actions[i % 3];
        try_one(&w, action[0], action[1], "flip/canary", &tally);
        struct nima_error none = {0};
        w.ctx.error = none;
    }
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    close(s.root);
    ASSERT_INT_EQ(tally.escaped, 0);
    world_close(&w);
}

TEST(a_folder_swapped_for_a_link_while_it_is_used_leads_nowhere)
{
    race(false);
    race(true);
}

TEST(a_file_swapped_for_a_link_while_it_is_used_leads_nowhere)
{
    enum { ROUNDS = 3000 };
    static const char *const reading[][2] = {
        {"read_file", "{\"path\":\"%s\"}"},
        {"search", "{\"path\":\"\",\"query\":\"quokka\",\"pattern\":\"%s\"}"},
        {"copy", "{\"path\":\"%s\",\"to\":\"taken\",\"overwrite\":true}"},
    };
    struct tally tally = {0};
    struct world w = world_open();
    world_put(&w, "outside/canary", CANARY);
    world_put(&w, "root/flip", "harmless");
    struct swapper s = {.root = open(w.root, O_RDONLY | O_DIRECTORY)};
    pthread_t thread;
    ASSERT_INT_EQ(symlinkat("../outside/canary", s.root, "flop"), 0);
    pthread_create(&thread, NULL, swap, &s);
    for (int i = 0; i < ROUNDS; i++) {
        struct nima_error none = {0};
        try_one(&w, reading[i % 3][0], reading[i % 3][1], "flip", &tally);
        w.ctx.error = none;
    }
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    close(s.root);
    ASSERT_INT_EQ(tally.escaped, 0);
    ASSERT_TRUE(world_file(&w, "root/taken").ptr == NULL ||
                nima_str_eq(world_file(&w, "root/taken"), NIMA_STR("harmless")));
    world_close(&w);
}

TEST(a_device_is_no_file)
{
    static const char *const cases[][2] = {
        {"read_file", "{\"path\":\"zero\"}"},
        {"process", "{\"path\":\"zero\",\"op\":\"lines\"}"},
        {"copy", "{\"path\":\"zero\",\"to\":\"null\",\"overwrite\":true}"},
        {"append_file", "{\"path\":\"full\",\"content\":\"x\"}"},
    };
    struct world w = world_folder();
    w.options.data = nima_str_of(w.folder);
    w.options.file_roots = NIMA_STR("/dev");
    ASSERT_OK_CTX(&w.ctx, nima_tasks_open(&w.ctx, &w.options, &w.tasks));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nima_task_row row = world_do(&w, "file", cases[i][0], cases[i][1]);
        ASSERT_STR_EQ(row.status, "failed");
        ASSERT_TRUE(nima_str_find(row.error, NIMA_STR("is no ordinary file"), 0) != SIZE_MAX);
    }
    world_close(&w);
}

TEST(a_long_path_and_a_long_name_are_refused)
{
    struct world w = world_open();
    struct tally tally = {0};
    char name[400], path[1900];
    world_put(&w, "outside/canary", CANARY);
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    try_one(&w, "read_file", actions[0][1], name, &tally);
    for (size_t i = 0; i < sizeof(path) - 1; i++) {
        path[i] = i % 2 == 0 ? 'd' : '/';
    }
    path[sizeof(path) - 1] = '\0';
    try_one(&w, "make_dir", "{\"path\":\"%s\"}", path, &tally);
    ASSERT_INT_EQ(tally.done, 0);
    world_close(&w);
}

TEST_MAIN
