/*
 * Landlock and seccomp by their system calls. Landlock's structures are written down here, since
 * the headers of a distribution know fewer versions than its kernel; each version is asked for no
 * more than it knows. seccomp names what is refused: a list of what is allowed would have to know
 * every language's runtime, and files and network are Landlock's as well.
 */
#include "tasks/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Landlock */

enum {
    CREATE_RULESET = 444,
    ADD_RULE = 445,
    RESTRICT_SELF = 446,
    VERSION_FLAG = 1,
    RULE_PATH_BENEATH = 1,
    VERSION_REFER = 2,
    VERSION_TRUNCATE = 3,
    VERSION_NET = 4,
    VERSION_IOCTL = 5,
    VERSION_SCOPES = 6,
};
#define FS_FIRST      ((UINT64_C(1) << 13) - 1) /* execute to make_sym: the first version's */
#define FS_EXECUTE    (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE  (UINT64_C(1) << 2)
#define FS_READ_DIR   (UINT64_C(1) << 3)
#define FS_REFER      (UINT64_C(1) << 13)
#define FS_TRUNCATE   (UINT64_C(1) << 14)
#define FS_IOCTL_DEV  (UINT64_C(1) << 15)
#define FS_OF_FILES   (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset {
    uint64_t fs, net, scopes;
};
struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

int nima_sandbox_landlock(void)
{
    long version = syscall(CREATE_RULESET, NULL, (size_t)0, VERSION_FLAG);
    return version > 0 ? (int)version : 0;
}

static uint64_t all_of(int version)
{
    return FS_FIRST | (version >= VERSION_REFER ? FS_REFER : 0) |
           (version >= VERSION_TRUNCATE ? FS_TRUNCATE : 0) |
           (version >= VERSION_IOCTL ? FS_IOCTL_DEV : 0);
}

static nima_rc allow(struct nima_ctx *ctx, int ruleset, const char *path, uint64_t rights)
{
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return NIMA_OK;
    }
    bool there = fd >= 0 && fstat(fd, &info) == 0;
    rights &= there && S_ISDIR(info.st_mode) ? UINT64_MAX : FS_OF_FILES;
    struct path_rule rule = {rights, fd};
    bool made = there && syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return made ? NIMA_OK
                : nima_fail(ctx, NIMA_E_UNAVAILABLE, "the sandbox cannot allow %s: %s", path,
                            strerror(error));
}

static nima_rc fill(struct nima_ctx *ctx, const struct nima_sandbox_options *options, int ruleset,
                    uint64_t all)
{
    uint64_t read_only = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR;
    uint64_t in_folder = all & ~(FS_EXECUTE | FS_IOCTL_DEV);
    for (size_t i = 0; options->readable != NULL && options->readable[i] != NULL; i++) {
        NIMA_TRY(allow(ctx, ruleset, options->readable[i], read_only));
    }
    for (size_t i = 0; options->writable != NULL && options->writable[i] != NULL; i++) {
        NIMA_TRY(allow(ctx, ruleset, options->writable[i], in_folder));
    }
    return NIMA_OK;
}

nima_rc nima_sandbox_open(struct nima_ctx *ctx, const struct nima_sandbox_options *options,
                          struct nima_sandbox *out)
{
    struct nima_sandbox made = {.ruleset = -1,
                                .memory_bytes = options->memory_bytes,
                                .file_bytes = options->file_bytes,
                                .cpu_s = options->cpu_s,
                                .alone = options->alone};
    int version = nima_sandbox_landlock();
    if (version == 0 && !options->without_landlock) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE,
                         "this kernel keeps no sandbox (Landlock is missing or switched off)");
    }
    if (version > 0) {
        struct ruleset attr = {.fs = all_of(version),
                               .net = version >= VERSION_NET ? 3 : 0,
                               .scopes = version >= VERSION_SCOPES ? 3 : 0};
        size_t size = version >= VERSION_SCOPES ? sizeof(attr)
                      : version >= VERSION_NET  ? offsetof(struct ruleset, scopes)
                                                : offsetof(struct ruleset, net);
        made.ruleset = (int)syscall(CREATE_RULESET, &attr, size, 0);
        if (made.ruleset < 0) {
            return nima_fail(ctx, NIMA_E_UNAVAILABLE, "no sandbox can be made: %s",
                             strerror(errno));
        }
        nima_rc rc = fill(ctx, options, made.ruleset, attr.fs);
        if (rc != NIMA_OK) {
            nima_sandbox_close(&made);
            return rc;
        }
    }
    *out = made;
    return NIMA_OK;
}

void nima_sandbox_close(struct nima_sandbox *sandbox)
{
    if (sandbox->ruleset >= 0) {
        close(sandbox->ruleset);
        sandbox->ruleset = -1;
    }
}

/* seccomp */

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#define OUR_ARCH 0 /* nothing of another machine is run in the sandbox */
#endif
#define OTHER_NUMBERS 0x40000000U /* x32: the same calls once more */

/* Network, other processes, and what changes the machine. setpgid and setsid: who left the group
 * would outlive it. */
static const int refused[] = {
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_setpgid,
    SYS_setsid,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsmount,
    SYS_fspick,
    SYS_fsconfig,
    SYS_mount_setattr,
    SYS_unshare,
    SYS_setns,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_acct,
    SYS_quotactl,
    SYS_syslog,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    SYS_mknodat,
    SYS_setpriority,
    SYS_sched_setscheduler,
    SYS_sched_setattr,
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_mq_open,
    SYS_vhangup,
#if defined(SYS_fork)
    SYS_fork,
    SYS_vfork,
    SYS_mknod,
#endif
};

/* Of who works on what it was given, and nothing else. */
static const int refused_alone[] = {
    SYS_execve, SYS_execveat, SYS_openat, SYS_openat2, SYS_memfd_create,
#if defined(SYS_open)
    SYS_open,   SYS_creat,
#endif
};

enum { FILTER_MAX = 256 };
struct filter {
    struct sock_filter steps[FILTER_MAX];
    unsigned short count;
};

static void add(struct filter *filter, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
    filter->steps[filter->count++] = (struct sock_filter){code, yes, no, value};
}

static void add_return(struct filter *filter, uint32_t what)
{
    add(filter, BPF_RET | BPF_K, what, 0, 0);
}

static void refuse(struct filter *filter, int call, int error)
{
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1);
    add_return(filter, SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* Threads are let through, by the flags of clone; clone3 hides them, and who is told that there is
 * no such call takes the other. */
static void refuse_processes(struct filter *filter)
{
    refuse(filter, SYS_clone3, ENOSYS);
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
    add(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args), 0, 0);
    add(filter, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
    add_return(filter, SECCOMP_RET_ERRNO | EPERM);
    add_return(filter, SECCOMP_RET_ALLOW);
}

/* For itself (0, or its own number, which it keeps) it may, for nobody else. */
static void refuse_for_others(struct filter *filter, int call, pid_t self)
{
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 5);
    add(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args), 0, 0);
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)self, 2, 0);
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, call == SYS_prlimit64, 0);
    add_return(filter, SECCOMP_RET_ERRNO | EPERM);
    add_return(filter, SECCOMP_RET_ALLOW);
}

static void make_filter(struct filter *filter, bool alone)
{
    filter->count = 0;
    add(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
    add_return(filter, SECCOMP_RET_KILL_PROCESS);
    add(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    add(filter, BPF_JMP | BPF_JGE | BPF_K, OTHER_NUMBERS, 0, 1);
    add_return(filter, SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        refuse(filter, refused[i], EPERM);
    }
    if (alone) {
        for (size_t i = 0; i < sizeof(refused_alone) / sizeof(refused_alone[0]); i++) {
            refuse(filter, refused_alone[i], EPERM);
        }
    }
    refuse_for_others(filter, SYS_kill, getpid());
    refuse_for_others(filter, SYS_tgkill, getpid());
    refuse_for_others(filter, SYS_prlimit64, getpid());
    refuse_processes(filter);
    add_return(filter, SECCOMP_RET_ALLOW);
}

/* Entering */

static int limit(int what, size_t most)
{
    struct rlimit now, wanted = {most, most};
    if (getrlimit(what, &now) != 0) {
        return errno;
    }
    wanted.rlim_max = wanted.rlim_max < now.rlim_max ? wanted.rlim_max : now.rlim_max;
    wanted.rlim_cur = wanted.rlim_max;
    return setrlimit(what, &wanted) == 0 ? 0 : errno;
}

static int limit_all(const struct nima_sandbox *s)
{
    enum { FILES_MAX = 64 };
    const struct {
        int what;
        size_t most;
    } limits[] = {{RLIMIT_CORE, 0},
                  {RLIMIT_MEMLOCK, 0},
                  {RLIMIT_MSGQUEUE, 0},
                  {RLIMIT_NOFILE, FILES_MAX},
                  {RLIMIT_FSIZE, s->file_bytes},
                  {RLIMIT_CPU, s->cpu_s > 0 ? (size_t)s->cpu_s : (size_t)RLIM_INFINITY},
                  {RLIMIT_AS, s->memory_bytes > 0 ? s->memory_bytes : (size_t)RLIM_INFINITY}};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        int error = limit(limits[i].what, limits[i].most);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

/* Who runs as root is nobody in particular from here on. */
static int drop_rights(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &head, none) == 0 ? 0 : errno;
}

int nima_sandbox_enter(void *sandbox)
{
    const struct nima_sandbox *s = sandbox;
    struct filter filter;
    make_filter(&filter, s->alone);
    struct sock_fprog program = {filter.count, filter.steps};
    int error = limit_all(s);
    error = error == 0 ? drop_rights() : error;
    if (error != 0) {
        return error;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        (s->ruleset >= 0 && syscall(RESTRICT_SELF, s->ruleset, 0) != 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        return errno;
    }
    return 0;
}
