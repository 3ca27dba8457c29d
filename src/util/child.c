/*
 * One fork, one exec, three pipes. What fails before the exec comes back as an errno through a
 * fourth pipe that the exec closes. The group's leader is waited for with WNOWAIT first, so that
 * its number still belongs to it when the rest of the group is ended.
 */
#include "util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"

enum {
    TICK_MS = 50,
    SHORT_TICK_MS = 5,
    GRACE_MS = 500,
    PIECE_BYTES = 16384,
    PIECES_IN_PIPE = 4,
    PATH_BYTES_MAX = 4096,
    NOT_RUN = 127
};

nima_rc nima_child_find(struct nima_ctx *ctx, nima_str name, const char **out)
{
    const char *path = getenv("PATH");
    nima_str rest = nima_str_of(path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"), folder;
    if (nima_str_find(name, NIMA_STR("/"), 0) != SIZE_MAX) {
        rest = NIMA_STR("");
        const char *there = nima_cstr(ctx, name);
        if (access(there, X_OK) == 0) {
            *out = there;
            return NIMA_OK;
        }
    }
    while (name.len > 0 && nima_str_next(&rest, ':', &folder)) {
        const char *there =
            nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(folder), NIMA_ARG(name)).ptr;
        if (folder.len > 0 && folder.ptr[0] == '/' && access(there, X_OK) == 0) {
            *out = there;
            return NIMA_OK;
        }
    }
    return nima_fail(ctx, NIMA_E_NOT_FOUND, "the program " NIMA_FMT " is not installed",
                     NIMA_ARG(nima_utf8_prefix(name, 200)));
}

/* [0] is read from, [1] written to. */
struct pipes {
    int in[2], out[2], err[2], failed[2];
};

static void shut(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void shut_all(struct pipes *p)
{
    int *const all[] = {p->in, p->out, p->err, p->failed};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        shut(&all[i][0]);
        shut(&all[i][1]);
    }
}

static nima_rc open_pipes(struct nima_ctx *ctx, struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->in, O_CLOEXEC) != 0 || pipe2(p->out, O_CLOEXEC) != 0 ||
        pipe2(p->err, O_CLOEXEC) != 0 || pipe2(p->failed, O_CLOEXEC) != 0) {
        shut_all(p);
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "no further program can be started: %s",
                         strerror(errno));
    }
    const int ours[] = {p->in[1], p->out[0], p->err[0]};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        fcntl(ours[i], F_SETFL, fcntl(ours[i], F_GETFL) | O_NONBLOCK);
    }
    return NIMA_OK;
}

/* In the new process */

static int prepare(const struct nima_child *child, const struct pipes *p, pid_t parent)
{
    sigset_t none;
    const int reset[] = {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    for (size_t i = 0; i < sizeof(reset) / sizeof(reset[0]); i++) {
        signal(reset[i], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return errno;
    }
    if (getppid() != parent) {
        return ECHILD; /* it went before it could be told */
    }
    if (dup2(p->in[0], STDIN_FILENO) < 0 || dup2(p->out[1], STDOUT_FILENO) < 0 ||
        dup2(p->err[1], STDERR_FILENO) < 0 ||
        chdir(child->folder != NULL ? child->folder : "/") != 0) {
        return errno;
    }
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    return child->before != NULL ? child->before(child->user) : 0;
}

__attribute__((noreturn)) static void become(const struct nima_child *child, const struct pipes *p,
                                             pid_t parent)
{
    int error = prepare(child, p, parent);
    if (error == 0) {
        /* execve() takes them without const and changes nothing. */
        execve(child->argv[0], (char *const *)(uintptr_t)child->argv,
               (char *const *)(uintptr_t)child->env);
        error = errno;
    }
    ssize_t told = write(p->failed[1], &error, sizeof(error));
    _exit(told == (ssize_t)sizeof(error) ? NOT_RUN : NOT_RUN - 1);
}

/* In ours */

struct run {
    struct nima_ctx *ctx;
    const struct nima_child *child;
    struct pipes pipes;
    pid_t pid;
    size_t sent;
    struct nima_buf out, err;
    bool out_cut, err_cut;
};

static nima_rc start(struct run *run)
{
    struct nima_ctx *ctx = run->ctx;
    struct pipes *p = &run->pipes;
    const char *program = run->child->argv[0];
    pid_t parent = getpid();
    int error = 0;
    NIMA_TRY(open_pipes(ctx, p));
    run->pid = fork();
    if (run->pid == 0) {
        become(run->child, p, parent);
    }
    if (run->pid < 0) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "%s cannot be started: %s", program,
                         strerror(errno));
    }
    setpgid(run->pid, run->pid); /* whichever of the two is first */
    shut(&p->in[0]);
    shut(&p->out[1]);
    shut(&p->err[1]);
    shut(&p->failed[1]);
    ssize_t got;
    do {
        got = read(p->failed[0], &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(error)) {
        return NIMA_OK;
    }
    return nima_fail(ctx, error == ENOENT ? NIMA_E_NOT_FOUND : NIMA_E_FORBIDDEN,
                     "%s cannot be started: %s", program, strerror(error));
}

static void send_input(struct run *run)
{
    nima_str left = nima_str_sub(run->child->input, run->sent, run->child->input.len);
    ssize_t put = left.len > 0 ? write(run->pipes.in[1], left.ptr, left.len) : 0;
    run->sent += put > 0 ? (size_t)put : 0;
    bool later = put < 0 && (errno == EAGAIN || errno == EINTR);
    if (!later && (put < 0 || run->sent >= run->child->input.len)) {
        shut(&run->pipes.in[1]); /* also when it reads no further */
    }
}

static void take(int *fd, struct nima_buf *buf, bool *cut)
{
    char piece[PIECE_BYTES];
    while (*fd >= 0) {
        ssize_t got = read(*fd, piece, sizeof(piece));
        if (got <= 0) {
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                shut(fd);
            }
            return;
        }
        size_t room = buf->max - buf->len;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        nima_buf_add(buf, (nima_str){piece, kept});
        *cut = *cut || kept < (size_t)got;
        if (*cut) {
            return; /* a program that never stops writing must not hold us here */
        }
    }
}

/* What a full pipe holds, and no more at a time: it may never stop writing. */
static void take_end(int *fd, struct nima_buf *buf)
{
    char piece[PIECE_BYTES];
    for (int i = 0; i < PIECES_IN_PIPE && *fd >= 0; i++) {
        ssize_t got = read(*fd, piece, sizeof(piece));
        if (got <= 0) {
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                shut(fd);
            }
            return;
        }
        if (buf->len + (size_t)got > buf->max) {
            nima_buf_drop(buf, buf->len - buf->len / 2);
        }
        nima_buf_add(buf, (nima_str){piece, (size_t)got});
    }
}

static bool is_over(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static nima_rc follow(struct run *run)
{
    struct pipes *p = &run->pipes;
    for (bool over = false; !over;) {
        struct pollfd fds[] = {{.fd = p->in[1], .events = POLLOUT},
                               {.fd = p->out[0], .events = POLLIN},
                               {.fd = p->err[0], .events = POLLIN}};
        over = is_over(run->pid);
        if (!over) {
            poll(fds, sizeof(fds) / sizeof(fds[0]),
                 p->out[0] < 0 && p->err[0] < 0 ? SHORT_TICK_MS : TICK_MS);
        }
        if (p->in[1] >= 0) {
            send_input(run);
        }
        take(&p->out[0], &run->out, &run->out_cut);
        if (run->child->err_end) {
            take_end(&p->err[0], &run->err);
        } else {
            take(&p->err[0], &run->err, &run->err_cut);
        }
        if (run->out_cut) {
            return NIMA_OK;
        }
        NIMA_TRY(over ? NIMA_OK : nima_ctx_stopped(run->ctx));
    }
    return NIMA_OK;
}

/* Ends the group, gently first, and takes the leader's status. */
static int reap(const struct run *run)
{
    int status = 0;
    int64_t until = nima_mono_ms() + GRACE_MS;
    if (!is_over(run->pid)) {
        kill(-run->pid, SIGTERM);
    }
    while (!is_over(run->pid) && nima_mono_ms() < until) {
        poll(NULL, 0, SHORT_TICK_MS);
    }
    kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static nima_str text_of(struct nima_ctx *ctx, const struct nima_buf *buf)
{
    return buf->len > 0 ? nima_str_copy(ctx->arena, nima_buf_view(buf)) : NIMA_STR("");
}

nima_rc nima_child_run(struct nima_ctx *ctx, const struct nima_child *child,
                       struct nima_child_end *out)
{
    struct run run = {.ctx = ctx, .child = child};
    nima_assert(!child->err_end || child->err_bytes_max >= (size_t)2 * PIECE_BYTES);
    NIMA_TRY(nima_ctx_stopped(ctx));
    nima_buf_init(&run.out, child->out_bytes_max);
    nima_buf_init(&run.err, child->err_bytes_max);
    nima_rc rc = start(&run);
    rc = rc == NIMA_OK ? follow(&run) : rc;
    int status = run.pid > 0 ? reap(&run) : 0;
    if (rc == NIMA_OK) {
        *out = (struct nima_child_end){.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                                       .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                       .out = text_of(ctx, &run.out),
                                       .err = text_of(ctx, &run.err),
                                       .out_cut = run.out_cut,
                                       .err_cut = run.err_cut};
    }
    shut_all(&run.pipes);
    nima_buf_done(&run.err);
    nima_buf_done(&run.out);
    return rc;
}
