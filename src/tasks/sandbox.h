#pragma once
/*
 * sandbox: what a program may do that works on content from outside, or is not ours. No network, no
 * other program's memory, no new processes, no file but those named; and no more memory, time,
 * files or output than is said. Kept by the kernel (Landlock, seccomp, rlimits) until it ends.
 * Lifetime   _open/_close in the parent; entered by the child, which cannot leave it.
 * Threads    _enter is safe after a fork of one thread among many: it makes system calls alone.
 * Errors     UNAVAILABLE where the kernel has no Landlock and that is not taken.
 */
#include "util/ctx.h"

struct nima_sandbox_options {
    const char *const *readable; /* may be read and executed; end in NULL; what is not there counts
                                    for nothing */
    const char *const *writable; /* folders; may be NULL */
    size_t memory_bytes;         /* address space; 0: no limit */
    size_t file_bytes;           /* of each file it writes */
    int cpu_s;
    bool alone;            /* it opens no file at all, and stays the program it is */
    bool without_landlock; /* it may run where the kernel has none: files are then not kept */
};
struct nima_sandbox {
    int ruleset; /* -1: the kernel has no Landlock */
    size_t memory_bytes, file_bytes;
    int cpu_s;
    bool alone;
};

/* The version of Landlock that this kernel keeps; 0: none. */
int nima_sandbox_landlock(void);
NIMA_MUST_USE nima_rc nima_sandbox_open(struct nima_ctx *ctx,
                                        const struct nima_sandbox_options *options,
                                        struct nima_sandbox *out);
void nima_sandbox_close(struct nima_sandbox *sandbox);
/* Of this process, for good. 0, or an errno: nothing may be run then. As nima_child.before. */
int nima_sandbox_enter(void *sandbox);
