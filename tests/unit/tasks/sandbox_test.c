/* What a program in the sandbox can do, tried by programs. */
#include "tasks/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "util/child.h"

enum { MEMORY = 512 << 20, FILE_BYTES = 1 << 20, OUT_BYTES = 100000 };

static struct nima_ctx ctx;
static char work[] = "/tmp/nima-sandbox-XXXXXX", outside[] = "/tmp/nima-outside-XXXXXX";

__attribute__((constructor)) static void prepare(void)
{
    signal(SIGPIPE, SIG_IGN); /* as main.c does */
    nima_ctx_init(&ctx);
    nima_assert(mkdtemp(work) != NULL && mkdtemp(outside) != NULL);
}

__attribute__((destructor)) static void clean(void)
{
    unlink(nima_fmt(&ctx, "%s/here", work).ptr);
    unlink(nima_fmt(&ctx, "%s/large", work).ptr);
    rmdir(work);
    rmdir(outside);
    nima_ctx_done(&ctx);
}

static nima_rc run(const char *program, const char *argument, struct nima_child_end *end)
{
    static const char *const readable[] = {
        "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/dev/null", NULL};
    const char *const writable[] = {work, NULL};
    const char *const argv[] = {program, "-c", argument, NULL};
    const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
    struct nima_sandbox_options options = {.readable = readable,
                                           .writable = writable,
                                           .memory_bytes = MEMORY,
                                           .file_bytes = FILE_BYTES,
                                           .cpu_s = 1,
                                           .without_landlock = true};
    struct nima_sandbox sandbox;
    NIMA_TRY(nima_sandbox_open(&ctx, &options, &sandbox));
    struct nima_child child = {.argv = argv,
                               .env = env,
                               .folder = work,
                               .input = NIMA_STR("given\n"),
                               .out_bytes_max = OUT_BYTES,
                               .err_bytes_max = 10000,
                               .before = nima_sandbox_enter,
                               .user = &sandbox};
    nima_rc rc = nima_child_run(&ctx, &child, end);
    nima_sandbox_close(&sandbox);
    return rc;
}

/* A line of shell that must not come to its end. */
static void refused(const char *script)
{
    struct nima_child_end end = {0};
    ASSERT_OK_CTX(&ctx, run("/bin/sh", script, &end));
    if (end.code == 0) {
        fail_msg("it was done: %s: %s", script, end.out.ptr);
    }
}

TEST(it_reads_what_it_is_given_and_writes_in_its_folder)
{
    struct nima_child_end end;
    ASSERT_OK_CTX(&ctx,
                  run("/bin/sh", "read -r x; echo \"$x\" > here; read -r y < here; echo $y", &end));
    assert_int_equal(end.code, 0);
    ASSERT_STR_EQ(end.out, "given\n");
}

TEST(files_outside_are_neither_read_nor_written)
{
    if (nima_sandbox_landlock() == 0) {
        skip(); /* the last test says what holds then */
    }
    refused("read -r x < /etc/passwd");
    refused(nima_fmt(&ctx, "echo x > %s/file", outside).ptr);
    refused("echo x > /tmp/nima-sandbox-escaped");
    refused("cd /root && set -- .* && [ \"$1\" != \".*\" ]");
    refused("read -r x < /proc/1/environ");
    refused(": > /usr/nima-sandbox-escaped");
}

TEST(no_process_is_begun_and_none_is_ended)
{
    refused("f() { f | f & }; f");
    refused("(exit 0)");
    refused("kill -0 1");
    refused(nima_fmt(&ctx, "kill -9 %d", (int)getpid()).ptr);
}

/* The calls themselves, in a process that entered without becoming a program: the number of the
 * first that was not refused, or 0. */
static int first_allowed(const struct nima_sandbox *sandbox)
{
    struct nima_sandbox own = *sandbox;
    if (nima_sandbox_enter(&own) != 0) {
        return 100;
    }
    const bool allowed[] = {
        socket(AF_INET, SOCK_STREAM, 0) >= 0,
        socket(AF_UNIX, SOCK_STREAM, 0) >= 0,
        ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0,
        syscall(SYS_process_vm_readv, getppid(), NULL, 0UL, NULL, 0UL, 0UL) >= 0,
        unshare(CLONE_NEWUSER) == 0,
        fork() >= 0,
        kill(getppid(), 0) == 0,
        setsid() > 0,
        open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0,
        syscall(SYS_bpf, 0, NULL, 0UL) >= 0 || errno != EPERM,
        execl("/bin/true", "true", NULL) == 0 || errno != EPERM,
    };
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (allowed[i]) {
            return (int)i + 1;
        }
    }
    return kill(getpid(), 0) == 0 ? 0 : 101; /* to itself it may */
}

TEST(network_other_processes_and_the_machine_are_out_of_reach)
{
    struct nima_sandbox_options options = {.alone = true, .without_landlock = true, .cpu_s = 10};
    struct nima_sandbox sandbox;
    int status = 0;
    ASSERT_OK_CTX(&ctx, nima_sandbox_open(&ctx, &options, &sandbox));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(first_allowed(&sandbox));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    nima_sandbox_close(&sandbox);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(a_file_has_its_limit)
{
    refused("while :; do echo 0123456789012345678901234567890123456789; done > large");
}

TEST(output_without_end_is_cut)
{
    struct nima_child_end end;
    ASSERT_OK_CTX(&ctx, run("/bin/sh", "while :; do echo 01234567890123456789; done", &end));
    assert_true(end.out_cut);
    assert_true(end.out.len <= OUT_BYTES);
}

TEST(work_without_end_is_ended_by_its_time)
{
    struct nima_child_end end;
    ASSERT_OK_CTX(&ctx, run("/bin/sh", "while :; do :; done", &end));
    assert_int_equal(end.code, -1);
    assert_true(end.signal == SIGXCPU || end.signal == SIGKILL);
}

TEST(without_landlock_nothing_is_run_unless_it_is_said)
{
    struct nima_sandbox_options options = {.without_landlock = true};
    struct nima_sandbox sandbox;
    ASSERT_OK_CTX(&ctx, nima_sandbox_open(&ctx, &options, &sandbox));
    assert_int_equal(sandbox.ruleset >= 0, nima_sandbox_landlock() > 0);
    nima_sandbox_close(&sandbox);
    options.without_landlock = false;
    nima_rc rc = nima_sandbox_open(&ctx, &options, &sandbox);
    assert_int_equal(rc, nima_sandbox_landlock() > 0 ? NIMA_OK : NIMA_E_UNAVAILABLE);
    if (rc == NIMA_OK) {
        nima_sandbox_close(&sandbox);
    }
}

/* This process from here on is one of a kernel that knows no Landlock: its calls give ENOSYS. */
static bool forget_landlock(void)
{
    enum { FIRST = 444, BEHIND = 447 };
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, BEHIND, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(steps) / sizeof(steps[0]), steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int in_an_old_kernel(void)
{
    struct nima_sandbox_options options = {.alone = true, .cpu_s = 10};
    struct nima_sandbox sandbox;
    if (!forget_landlock() || nima_sandbox_landlock() != 0) {
        return 110;
    }
    if (nima_sandbox_open(&ctx, &options, &sandbox) != NIMA_E_UNAVAILABLE ||
        strstr(ctx.error.message, "Landlock") == NULL) {
        return 111;
    }
    options.without_landlock = true;
    if (nima_sandbox_open(&ctx, &options, &sandbox) != NIMA_OK || sandbox.ruleset != -1) {
        return 112;
    }
    return first_allowed(&sandbox);
}

TEST(in_a_kernel_without_landlock_seccomp_still_keeps_it)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(in_an_old_kernel());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

TEST_MAIN
