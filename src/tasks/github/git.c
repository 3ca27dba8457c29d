/*
 * git on a checkout. The folder below the file roots holds the files and nothing else: what git
 * keeps is in the folder of everything that is kept, where no file action reaches it, since its
 * configuration and hooks can start programs. No configuration of the machine or of a person is
 * read, no hook is run; the token is told in the environment, to one host.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tasks/file/file_int.h"
#include "tasks/github/github_int.h"
#include "util/base64.h"
#include "util/child.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/file.h"

enum {
    ERR_BYTES_MAX = 16 << 10,
    MESSAGE_BYTES_MAX = 400,
    NOTE_BYTES_MAX = 1024,
    ARGS_MAX = 128,
    ENV_MAX = 80,
    KEY_CHARS = 32,
    ALONE_MS = 60000, /* for what has no deadline of its own: a preview */
    OBJECT_BYTES_MAX = 1 << 30,
};

/* Where from */

/* https://api.github.com is https://github.com to git, https://HOST/api/v3 is https://HOST. */
static nima_rc site_of(struct nima_ctx *ctx, const struct nima_github *github, nima_str *out)
{
    struct nima_url url;
    NIMA_TRY(nima_url_read(ctx, github->base, &url));
    size_t host = nima_str_find(github->base, NIMA_STR("//"), 0) + 2;
    size_t slash = nima_str_find(github->base, NIMA_STR("/"), host);
    nima_str name = nima_str_sub(github->base, host, slash);
    name = nima_str_starts_nocase(name, NIMA_STR("api.")) ? nima_str_sub(name, 4, name.len) : name;
    *out = nima_fmt(ctx, NIMA_FMT "://" NIMA_FMT, NIMA_ARG(url.scheme), NIMA_ARG(name));
    return NIMA_OK;
}

/* The folder */

static nima_rc open_tree(struct nima_ctx *ctx, struct nima_git *git, bool make)
{
    const struct nima_github_params *p = git->github.p;
    struct nima_place place;
    nima_rc rc =
        nima_place_open(ctx, &git->github.job->tasks->roots, p->root, git->path, make, &place);
    if (rc == NIMA_OK && make && mkdirat(place.dir, place.name, 0755) != 0 && errno != EEXIST) {
        rc = nima_place_fail(ctx, git->path, errno);
    }
    rc = rc == NIMA_OK ? nima_place_folder(ctx, &place, &git->tree) : rc;
    nima_place_done(&place);
    return rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc;
}

static nima_rc take_lock(struct nima_ctx *ctx, struct nima_git *git)
{
    /* What a killed git left; nobody else works here as long as the lock is ours. */
    static const char *const stale[] = {
        "index.lock",       "HEAD.lock",           "config.lock",           "shallow.lock",
        "packed-refs.lock", "refs/nima/base.lock", "refs/nima/pending.lock"};
    git->lock = open(nima_fmt(ctx, "%s.lock", git->dir).ptr, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (git->lock < 0) {
        return nima_fail(ctx, NIMA_E_STORE, "%s.lock: %s", git->dir, strerror(errno));
    }
    if (flock(git->lock, LOCK_EX | LOCK_NB) != 0) {
        return nima_fail(ctx, NIMA_E_BUSY, "another task works in " NIMA_FMT, NIMA_ARG(git->path));
    }
    for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++) {
        unlink(nima_fmt(ctx, "%s/%s", git->dir, stale[i]).ptr);
    }
    return NIMA_OK;
}

nima_rc nima_git_begin(struct nima_ctx *ctx, struct nima_job *job, bool make, struct nima_git *out)
{
    struct nima_git *git = out;
    const struct nima_github_params *p = job->params;
    const struct nima_tasks *tasks = job->tasks;
    nima_str site, root = p->root;
    *git = (struct nima_git){.tree = -1, .lock = -1};
    NIMA_TRY(nima_github_begin(ctx, job, &git->github));
    NIMA_TRY(nima_path_plain(ctx, "params.path", p->path, &git->path));
    if (git->path.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.path",
                               "params.path must be a folder below a root, not the root itself");
    }
    NIMA_TRY(site_of(ctx, &git->github, &site));
    git->url = nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT ".git", NIMA_ARG(site), NIMA_ARG(p->repo));
    NIMA_TRY(open_tree(ctx, git, make));
    root = root.len > 0 ? root : nima_str_of(tasks->roots.items[0].name);
    nima_str key = nima_sha256_hex(
        ctx, nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT, NIMA_ARG(root), NIMA_ARG(git->path)));
    const char *folder = nima_fmt(ctx, NIMA_FMT "/github", NIMA_ARG(tasks->options.data)).ptr;
    NIMA_TRY(nima_dir_make(ctx, folder));
    char path[4096];
    if (folder[0] != '/' && realpath(folder, path) != NULL) {
        folder = nima_fmt(ctx, "%s", path).ptr; /* git begins in the checkout */
    }
    git->dir =
        nima_fmt(ctx, "%s/" NIMA_FMT ".git", folder, NIMA_ARG(nima_str_sub(key, 0, KEY_CHARS))).ptr;
    return take_lock(ctx, git);
}

void nima_git_done(struct nima_git *git)
{
    const int fds[] = {git->tree, git->lock};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (git->index != NULL) {
        unlink(git->index);
    }
    git->tree = git->lock = -1;
}

nima_rc nima_git_may(struct nima_ctx *ctx, const struct nima_git *git, const char *action,
                     nima_str below)
{
    const struct nima_integration *file;
    const struct nima_action *found;
    struct nima_file_params params = {.root = git->github.p->root};
    struct nima_policy policy;
    NIMA_TRY(nima_action_find(ctx, &git->github.job->tasks->options, NIMA_STR("file"),
                              nima_str_of(action), &file, &found));
    params.path = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(git->path),
                           below.len > 0 ? "/" : "", NIMA_ARG(below));
    NIMA_TRY(nima_policy_decide(ctx, git->github.job->tasks, file, found, &params, &policy));
    if (policy.verdict == NIMA_DENY) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.path", NIMA_FMT ": " NIMA_FMT,
                               NIMA_ARG(params.path), NIMA_ARG(policy.row));
    }
    return NIMA_OK;
}

/* What is written beside it */

nima_rc nima_git_note_read(struct nima_ctx *ctx, const struct nima_git *git, const char *name,
                           struct nima_git_note *out)
{
    nima_str text;
    nima_rc rc =
        nima_file_read(ctx, nima_fmt(ctx, "%s/%s", git->dir, name).ptr, NOTE_BYTES_MAX, &text);
    *out = (struct nima_git_note){0};
    if (rc == NIMA_E_NOT_FOUND) {
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    struct nima_git_note note;
    if (nima_str_next(&text, '\n', &note.repo) && nima_str_next(&text, '\n', &note.branch) &&
        nima_str_next(&text, '\n', &note.task)) {
        *out = note;
    }
    return NIMA_OK;
}

nima_rc nima_git_note_write(struct nima_ctx *ctx, const struct nima_git *git, const char *name,
                            const struct nima_git_note *note)
{
    nima_str text = nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT "\n", NIMA_ARG(note->repo),
                             NIMA_ARG(note->branch), NIMA_ARG(note->task));
    return nima_file_write(ctx, nima_fmt(ctx, "%s/%s", git->dir, name).ptr, text, 0600);
}

/* What git sees */

struct environment {
    const char *items[ENV_MAX];
    size_t count, settings;
};

static void add(struct environment *env, nima_str item)
{
    nima_assert(env->count < ENV_MAX - 1);
    env->items[env->count++] = item.ptr;
}

static void set(struct nima_ctx *ctx, struct environment *env, const char *key, nima_str value)
{
    add(env, nima_fmt(ctx, "GIT_CONFIG_KEY_%zu=%s", env->settings, key));
    add(env, nima_fmt(ctx, "GIT_CONFIG_VALUE_%zu=" NIMA_FMT, env->settings, NIMA_ARG(value)));
    env->settings++;
}

static void set_all(struct nima_ctx *ctx, const struct nima_git *git, struct environment *env)
{
    static const struct {
        const char *key, *value;
    } settings[] = {
        {"core.hooksPath", "/dev/null"},
        {"core.fsmonitor", "false"},
        {"core.symlinks", "false"}, /* a link would lead out of the roots */
        {"core.autocrlf", "false"},
        {"core.attributesFile", "/dev/null"},
        {"core.excludesFile", "/dev/null"},
        {"core.protectHFS", "true"},
        {"core.protectNTFS", "true"},
        {"credential.helper", ""},
        {"http.followRedirects", "false"},
        {"http.proxy", ""},
        {"protocol.allow", "never"},
        {"protocol.https.allow", "always"},
        {"protocol.http.allow", "always"},
        {"transfer.fsckObjects", "true"},
        {"submodule.recurse", "false"},
        {"fetch.recurseSubmodules", "false"},
        {"push.recurseSubmodules", "no"},
        {"diff.ignoreSubmodules", "all"},
        {"gc.auto", "0"},
        {"maintenance.auto", "false"},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        set(ctx, env, settings[i].key, nima_str_of(settings[i].value));
    }
    nima_str token = git->github.token;
    if (token.len > 0) {
        nima_str pair = nima_fmt(ctx, "x-access-token:" NIMA_FMT, NIMA_ARG(token));
        nima_str key = nima_fmt(ctx, "http." NIMA_FMT ".extraHeader", NIMA_ARG(git->url));
        set(ctx, env, key.ptr,
            nima_fmt(ctx, "Authorization: Basic " NIMA_FMT,
                     NIMA_ARG(nima_base64_write(ctx, pair))));
    }
    add(env, nima_fmt(ctx, "GIT_CONFIG_COUNT=%zu", env->settings));
}

static void add_person(struct nima_ctx *ctx, const struct nima_git *git, struct environment *env)
{
    static const char *const roles[] = {"AUTHOR", "COMMITTER"};
    nima_str author = git->github.job->tasks->options.github_author;
    author = author.len > 0 ? author : NIMA_STR("Nima <nima@localhost>");
    size_t open = nima_str_find(author, NIMA_STR(" <"), 0);
    nima_str name = nima_str_sub(author, 0, open);
    nima_str address = nima_str_sub(author, open + 2, author.len - 1);
    for (size_t i = 0; i < 2; i++) {
        add(env, nima_fmt(ctx, "GIT_%s_NAME=" NIMA_FMT, roles[i], NIMA_ARG(name)));
        add(env, nima_fmt(ctx, "GIT_%s_EMAIL=" NIMA_FMT, roles[i], NIMA_ARG(address)));
    }
}

static const char *const *environment(struct nima_ctx *ctx, const struct nima_git *git)
{
    static const char *const always[] = {"LC_ALL=C",
                                         "GIT_CONFIG_NOSYSTEM=1",
                                         "GIT_CONFIG_GLOBAL=/dev/null",
                                         "GIT_ATTR_NOSYSTEM=1",
                                         "GIT_TERMINAL_PROMPT=0",
                                         "GIT_LITERAL_PATHSPECS=1",
                                         "GIT_NO_REPLACE_OBJECTS=1",
                                         "GIT_WORK_TREE=."};
    static const char *const ours[] = {"PATH", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
                                       "GIT_SSL_CAINFO"};
    struct environment *env = NIMA_NEW(ctx->arena, struct environment, 1);
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        add(env, nima_str_of(always[i]));
    }
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        const char *value = getenv(ours[i]);
        if (value != NULL) {
            add(env, nima_fmt(ctx, "%s=%s", ours[i], value));
        }
    }
    add(env, nima_fmt(ctx, "HOME=%s", git->dir));
    add(env, nima_fmt(ctx, "GIT_DIR=%s", git->dir));
    if (git->index != NULL) {
        add(env, nima_fmt(ctx, "GIT_INDEX_FILE=%s", git->index));
    }
    add_person(ctx, git, env);
    set_all(ctx, git, env);
    return env->items;
}

/* What it says */

static bool holds(nima_str text, const char *words)
{
    return nima_str_find(text, nima_str_of(words), 0) != SIZE_MAX;
}

/* The lines that tell what is wrong, as one. */
static nima_str message_of(struct nima_ctx *ctx, const struct nima_git *git, nima_str said)
{
    static const char *const telling[] = {"fatal: ", "error: ", "remote: ", "!", NULL};
    struct nima_buf buf;
    nima_str line;
    nima_buf_init(&buf, (size_t)2 * ERR_BYTES_MAX);
    while (nima_str_next(&said, '\n', &line)) {
        line = nima_str_trim(line);
        bool tells = false;
        for (size_t i = 0; telling[i] != NULL; i++) {
            tells = tells || nima_str_starts(line, nima_str_of(telling[i]));
        }
        if (tells) {
            nima_buf_fmt(&buf, "%s" NIMA_FMT, buf.len > 0 ? "; " : "", NIMA_ARG(line));
        }
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    text = nima_secrets_mask(ctx, &git->github.job->tasks->secrets, text);
    char *shown = nima_cstr(ctx, nima_utf8_prefix(text, MESSAGE_BYTES_MAX));
    for (char *c = shown; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 ? ' ' : *c;
    }
    return text.len > 0 && nima_utf8_valid(nima_str_of(shown)) ? nima_str_of(shown)
                                                               : NIMA_STR("it does not say why");
}

static nima_rc refused(struct nima_ctx *ctx, const struct nima_git *git,
                       const struct nima_child_end *end)
{
    static const struct {
        const char *words;
        nima_rc rc;
    } meanings[] = {
        {"error: 401", NIMA_E_UNAUTHORIZED},
        {"Authentication failed", NIMA_E_UNAUTHORIZED},
        {"could not read Username", NIMA_E_UNAUTHORIZED},
        {"error: 403", NIMA_E_FORBIDDEN},
        {"[remote rejected]", NIMA_E_FORBIDDEN},
        {"error: 429", NIMA_E_RATE},
        {"error: 30", NIMA_E_CONFLICT}, /* moved */
        {"[rejected]", NIMA_E_CONFLICT},
        {"couldn't find remote ref", NIMA_E_NOT_FOUND},
        {"not found", NIMA_E_NOT_FOUND},
        {"error: 5", NIMA_E_UNAVAILABLE},
        {"unable to access", NIMA_E_UNAVAILABLE},
        {"hung up", NIMA_E_UNAVAILABLE},
        {"RPC failed", NIMA_E_UNAVAILABLE},
        {"early EOF", NIMA_E_UNAVAILABLE},
        {"unable to fork", NIMA_E_UNAVAILABLE},
    };
    nima_str said = nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT, NIMA_ARG(end->err), NIMA_ARG(end->out));
    nima_rc rc = NIMA_E_INVALID;
    for (size_t i = 0; rc == NIMA_E_INVALID && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        rc = holds(said, meanings[i].words) ? meanings[i].rc : rc;
    }
    return nima_fail(ctx, rc, "git: " NIMA_FMT, NIMA_ARG(message_of(ctx, git, said)));
}

/* The call */

/* After the fork, before git. */
static int enter(void *user)
{
    const struct nima_git *git = user;
    const struct rlimit limit = {OBJECT_BYTES_MAX, OBJECT_BYTES_MAX};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || (git->tree >= 0 && fchdir(git->tree) != 0)) {
        return errno;
    }
    return 0;
}

static nima_rc start(struct nima_ctx *ctx, const struct nima_git *git, const char *const *arguments,
                     nima_str input, size_t max, struct nima_child_end *end)
{
    const char **argv = NIMA_NEW(ctx->arena, const char *, ARGS_MAX);
    size_t count = 1;
    if (nima_child_find(ctx, NIMA_STR("git"), &argv[0]) != NIMA_OK) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "git is not installed (Debian: git)");
    }
    for (size_t i = 0; arguments[i] != NULL; i++) {
        nima_assert(count < ARGS_MAX - 1);
        argv[count++] = arguments[i];
    }
    struct nima_git copy = *git;
    struct nima_child child = {.argv = argv,
                               .env = environment(ctx, git),
                               .input = input,
                               .out_bytes_max = max,
                               .err_bytes_max = ERR_BYTES_MAX,
                               .before = enter,
                               .user = &copy};
    bool alone = ctx->deadline_ms == 0;
    ctx->deadline_ms = alone ? nima_mono_ms() + ALONE_MS : ctx->deadline_ms;
    nima_rc rc = nima_child_run(ctx, &child, end);
    ctx->deadline_ms = alone ? 0 : ctx->deadline_ms;
    return rc;
}

nima_rc nima_git_run(struct nima_ctx *ctx, const struct nima_git *git, const char *const *arguments,
                     nima_str input, size_t max, nima_str *out)
{
    struct nima_child_end end;
    NIMA_TRY(start(ctx, git, arguments, input, max, &end));
    if (!end.out_cut && end.signal != 0) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "git was ended by signal %d", end.signal);
    }
    if (!end.out_cut && end.code != 0) {
        return refused(ctx, git, &end);
    }
    *out = end.out;
    return NIMA_OK;
}

nima_str nima_git_line(struct nima_ctx *ctx, const struct nima_git *git,
                       const char *const *arguments)
{
    struct nima_child_end end;
    nima_str line = NIMA_STR("");
    if (start(ctx, git, arguments, (nima_str){0}, ERR_BYTES_MAX, &end) == NIMA_OK &&
        end.code == 0) {
        nima_str text = end.out;
        nima_str_next(&text, '\n', &line);
    }
    return nima_fmt(ctx, NIMA_FMT, NIMA_ARG(line));
}

nima_rc nima_git_remote(struct nima_ctx *ctx, const struct nima_git *git, nima_str branch,
                        nima_str *sha)
{
    const char *ref = nima_fmt(ctx, "refs/heads/" NIMA_FMT, NIMA_ARG(branch)).ptr;
    const char *const list[] = {"ls-remote", "-q", git->url.ptr, ref, NULL};
    nima_str text, first, name;
    NIMA_TRY(nima_git_run(ctx, git, list, (nima_str){0}, ERR_BYTES_MAX, &text));
    *sha = (nima_str){0};
    while (nima_str_next(&text, '\n', &name)) {
        if (nima_str_next(&name, '\t', &first) && nima_str_eq(name, nima_str_of(ref))) {
            *sha = first;
        }
    }
    return NIMA_OK;
}
