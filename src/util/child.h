#pragma once
/*
 * child: runs another program to its end: by argument list, never through a shell, in a process
 * group of its own that is gone when the call returns.
 * Lifetime   One call; nothing of it is left behind, whatever the program started.
 * Ownership  Results live in ctx->arena.
 * Threads    Any, in a process that ignores SIGPIPE. The program also ends when the calling thread
 *            does, be it by SIGKILL.
 * Errors     NOT_FOUND for a program that is not there, FORBIDDEN for one that cannot be run,
 *            CANCELLED and TIMEOUT as nima_ctx_stopped says; UNAVAILABLE when the system cannot
 *            start one more. A program that fails is no error: look at the end.
 */
#include "util/ctx.h"

struct nima_child {
    const char *const *argv; /* ends in NULL; argv[0] is a path, see nima_child_find */
    const char *const *env;  /* "NAME=value", ends in NULL: all that the program sees */
    const char *folder;      /* where it starts; NULL: "/" */
    nima_str input;          /* on its standard input; absent: nothing */
    size_t out_bytes_max, err_bytes_max;
    bool err_end; /* of standard error its end is kept, not its beginning */
    /* Called in the new process before the program, NULL: nothing. Only what is safe after a fork
     * of one thread among many; what is not 0 is an errno and starts nothing. */
    int (*before)(void *user);
    void *user;
};
struct nima_child_end {
    int code;   /* of its exit; -1 when a signal ended it */
    int signal; /* that ended it; 0: none */
    nima_str out, err;
    bool out_cut; /* it wrote more than out_bytes_max, and was ended for it */
    bool err_cut; /* the same of err_bytes_max, but it was let go on (with err_end, never) */
};

/* Where the program is: `name` itself when it has a slash, else the first in PATH that can be run.
 * NOT_FOUND. */
NIMA_MUST_USE nima_rc nima_child_find(struct nima_ctx *ctx, nima_str name, const char **out);
NIMA_MUST_USE nima_rc nima_child_run(struct nima_ctx *ctx, const struct nima_child *child,
                                     struct nima_child_end *out);
