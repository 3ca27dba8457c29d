/*
 * Paths below the roots. openat2() walks a path in one call with the rules of file_int.h; where the
 * kernel lacks it, the same walk is made part by part.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tasks/file/file_int.h"
#include "util/file.h"
#include "util/uuid.h"

enum { NAME_BYTES_MAX = 255, NEW_FILE_MODE = 0644, NEW_FOLDER_MODE = 0755 };

/* The roots */

static nima_rc open_root(struct nima_ctx *ctx, nima_str path, bool make, struct nima_roots *out)
{
    if (out->count >= NIMA_ROOTS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "file_roots", "tasks.file_roots: at most %d",
                               NIMA_ROOTS_MAX);
    }
    const char *text = nima_cstr(ctx, path);
    if (make) {
        NIMA_TRY(nima_dir_make(ctx, text));
    }
    int fd = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "file_roots",
                               "tasks.file_roots: %s cannot be opened: %s", text, strerror(errno));
    }
    struct nima_root *root = &out->items[out->count++];
    const char *slash = strrchr(text, '/');
    root->fd = fd;
    root->path = nima_xstrdup(path);
    root->name = nima_xstrdup(nima_str_of(slash != NULL ? slash + 1 : text));
    return NIMA_OK;
}

nima_rc nima_roots_open(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                        struct nima_roots *out)
{
    nima_str rest = options->file_roots, path;
    while (nima_str_next(&rest, ',', &path)) {
        path = nima_str_trim(path);
        while (path.len > 1 && nima_str_ends(path, NIMA_STR("/"))) {
            path.len--;
        }
        if (path.len > 0) {
            NIMA_TRY(open_root(ctx, path, false, out));
        }
    }
    if (out->count > 0) {
        return NIMA_OK;
    }
    return open_root(ctx, nima_fmt(ctx, NIMA_FMT "/files", NIMA_ARG(options->data)), true, out);
}

void nima_roots_close(struct nima_roots *roots)
{
    for (size_t i = 0; i < roots->count; i++) {
        close(roots->items[i].fd);
        free(roots->items[i].path);
        free(roots->items[i].name);
    }
    roots->count = 0;
}

static nima_rc find_root(struct nima_ctx *ctx, const struct nima_roots *roots, nima_str name,
                         const struct nima_root **out)
{
    for (size_t i = 0; i < roots->count; i++) {
        if (name.len == 0 || nima_str_eq(name, nima_str_of(roots->items[i].name))) {
            *out = &roots->items[i];
            return NIMA_OK;
        }
    }
    return nima_fail_field(ctx, NIMA_E_INVALID, "params.root", "there is no root \"" NIMA_FMT "\"",
                           NIMA_ARG(nima_utf8_prefix(name, 60)));
}

/* Paths as texts */

static nima_rc bad_path(struct nima_ctx *ctx, const char *field, const char *why)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, nima_fmt(ctx, "params.%s", field).ptr,
                           "%s must be a path below the root: %s", field, why);
}

nima_rc nima_path_plain(struct nima_ctx *ctx, const char *field, nima_str path, nima_str *out)
{
    nima_str part;
    char *plain = nima_alloc(ctx->arena, path.len + 1);
    size_t used = 0;
    if (path.len > NIMA_PATH_BYTES_MAX) {
        return bad_path(ctx, field, "it is too long");
    }
    if (!nima_utf8_valid(path)) {
        return bad_path(ctx, field, "it is no text");
    }
    if (path.len > 0 && path.ptr[0] == '/') {
        return bad_path(ctx, field, "it begins with a slash");
    }
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.ptr[i] < 0x20 || path.ptr[i] == 0x7f) {
            return bad_path(ctx, field, "it holds a control character");
        }
    }
    while (nima_str_next(&path, '/', &part)) {
        if (nima_str_eq(part, NIMA_STR(".."))) {
            return bad_path(ctx, field, "it goes up");
        }
        if (part.len > NAME_BYTES_MAX) {
            return bad_path(ctx, field, "a name in it is too long");
        }
        if (part.len > 0 && !nima_str_eq(part, NIMA_STR("."))) {
            if (used > 0) {
                plain[used++] = '/';
            }
            memcpy(plain + used, part.ptr, part.len);
            used += part.len;
        }
    }
    *out = (nima_str){plain, used};
    return NIMA_OK;
}

/* Errors of the system */

nima_rc nima_place_fail(struct nima_ctx *ctx, nima_str path, int error)
{
    path = path.len > 0 ? path : NIMA_STR(".");
    switch (error) {
    case ENOENT:
        return nima_fail(ctx, NIMA_E_NOT_FOUND, NIMA_FMT " is not there", NIMA_ARG(path));
    case ELOOP:
    case EXDEV:
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         NIMA_FMT " leads through a symbolic link or out of the root",
                         NIMA_ARG(path));
    case EEXIST:
    case ENOTEMPTY:
        return nima_fail(ctx, NIMA_E_CONFLICT, NIMA_FMT ": %s", NIMA_ARG(path), strerror(error));
    case EACCES:
    case EPERM:
    case EROFS:
        return nima_fail(ctx, NIMA_E_FORBIDDEN, NIMA_FMT ": %s", NIMA_ARG(path), strerror(error));
    case EAGAIN:
    case EBUSY:
    case EMFILE:
    case ENFILE:
    case ETXTBSY:
        return nima_fail(ctx, NIMA_E_BUSY, NIMA_FMT ": %s", NIMA_ARG(path), strerror(error));
    case ENOTDIR:
    case EISDIR:
    case EINVAL:
    case ENAMETOOLONG:
    case ENXIO:
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT ": %s", NIMA_ARG(path), strerror(error));
    default:
        return nima_fail(ctx, NIMA_E_STORE, NIMA_FMT ": %s", NIMA_ARG(path), strerror(error));
    }
}

nima_rc nima_place_regular(struct nima_ctx *ctx, nima_str path, const struct stat *info)
{
    if (S_ISLNK(info->st_mode)) {
        return nima_place_fail(ctx, path, ELOOP);
    }
    if (!S_ISREG(info->st_mode)) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT " is no ordinary file", NIMA_ARG(path));
    }
    if (info->st_nlink > 1) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         NIMA_FMT " has another name (a hard link), which may be outside the root",
                         NIMA_ARG(path));
    }
    return NIMA_OK;
}

/* Walking */

/* Relative to `dir`, no link followed, not out of `dir`. */
static int open_below(int dir, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int open_part(int dir, const char *name, bool make)
{
    if (make && mkdirat(dir, name, NEW_FOLDER_MODE) != 0 && errno != EEXIST) {
        return -1;
    }
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int walk(struct nima_ctx *ctx, int root, nima_str path, bool make)
{
    nima_str part;
    int dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (dir >= 0 && path.len > 0 && nima_str_next(&path, '/', &part)) {
        int next = open_part(dir, nima_cstr(ctx, part), make);
        int error = errno;
        close(dir);
        errno = error;
        dir = next;
    }
    return dir;
}

static int open_folder(struct nima_ctx *ctx, const struct nima_roots *roots, int root,
                       nima_str path, bool make)
{
    if (!make && !roots->walk) {
        int fd = open_below(root, path.len > 0 ? nima_cstr(ctx, path) : ".");
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return fd;
        }
    }
    return walk(ctx, root, path, make);
}

nima_rc nima_place_open(struct nima_ctx *ctx, const struct nima_roots *roots, nima_str root,
                        nima_str path, bool parents, struct nima_place *out)
{
    const struct nima_root *found = NULL;
    nima_str plain;
    *out = (struct nima_place){.dir = -1};
    NIMA_TRY(nima_path_plain(ctx, "path", path, &plain));
    NIMA_TRY(find_root(ctx, roots, root, &found));
    size_t cut = plain.len;
    while (cut > 0 && plain.ptr[cut - 1] != '/') {
        cut--;
    }
    nima_str name = nima_str_sub(plain, cut, plain.len);
    snprintf(out->name, sizeof(out->name), NIMA_FMT, NIMA_ARG(name.len > 0 ? name : NIMA_STR(".")));
    out->path = plain;
    out->dir =
        open_folder(ctx, roots, found->fd, nima_str_sub(plain, 0, cut > 0 ? cut - 1 : 0), parents);
    return out->dir >= 0 ? NIMA_OK : nima_place_fail(ctx, plain, errno);
}

void nima_place_done(struct nima_place *place)
{
    if (place->dir >= 0) {
        close(place->dir);
        place->dir = -1;
    }
}

/* Looking */

nima_rc nima_place_stat(struct nima_ctx *ctx, const struct nima_place *place, struct stat *info,
                        bool *exists)
{
    if (fstatat(place->dir, place->name, info, AT_SYMLINK_NOFOLLOW) == 0) {
        *exists = true;
        return NIMA_OK;
    }
    *exists = false;
    return errno == ENOENT ? NIMA_OK : nima_place_fail(ctx, place->path, errno);
}

nima_rc nima_place_folder(struct nima_ctx *ctx, const struct nima_place *place, int *fd_out)
{
    int fd = openat(place->dir, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return nima_place_fail(ctx, place->path, errno);
    }
    *fd_out = fd;
    return NIMA_OK;
}

/* O_NONBLOCK: opening a pipe that nobody writes to must not wait. A device is not opened at all,
 * since opening one may already do something. */
nima_rc nima_place_read(struct nima_ctx *ctx, const struct nima_place *place, int *fd_out,
                        struct stat *info)
{
    bool exists;
    NIMA_TRY(nima_place_stat(ctx, place, info, &exists));
    if (!exists) {
        return nima_place_fail(ctx, place->path, ENOENT);
    }
    NIMA_TRY(nima_place_regular(ctx, place->path, info));
    int fd = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return nima_place_fail(ctx, place->path, errno);
    }
    nima_rc rc = fstat(fd, info) == 0 ? nima_place_regular(ctx, place->path, info)
                                      : nima_place_fail(ctx, place->path, errno);
    if (rc != NIMA_OK) {
        close(fd);
        return rc;
    }
    *fd_out = fd;
    return NIMA_OK;
}

/* The file may grow while it is read: the limit is on what is read, not on what fstat said. */
static nima_rc read_all(struct nima_ctx *ctx, nima_str path, int fd, size_t max_bytes,
                        nima_str *out)
{
    enum { PIECE = 1 << 16 };
    struct nima_buf buf;
    char *piece = nima_alloc(ctx->arena, PIECE);
    ssize_t got = 1;
    nima_rc rc = NIMA_OK;
    nima_buf_init(&buf, max_bytes);
    while (rc == NIMA_OK && got > 0 && !buf.overflowed) {
        got = read(fd, piece, PIECE);
        if (got > 0) {
            nima_buf_add(&buf, (nima_str){piece, (size_t)got});
        }
        rc = got < 0 && errno != EINTR ? nima_place_fail(ctx, path, errno) : nima_ctx_stopped(ctx);
    }
    if (rc == NIMA_OK && buf.overflowed) {
        rc = nima_fail(ctx, NIMA_E_TOO_LARGE, NIMA_FMT " is over %zu bytes", NIMA_ARG(path),
                       max_bytes);
    }
    if (rc == NIMA_OK) {
        *out = buf.len > 0 ? nima_str_copy(ctx->arena, nima_buf_view(&buf)) : NIMA_STR("");
    }
    nima_buf_done(&buf);
    return rc;
}

nima_rc nima_place_content(struct nima_ctx *ctx, const struct nima_place *place, size_t max_bytes,
                           nima_str *out, struct stat *info)
{
    int fd;
    NIMA_TRY(nima_place_read(ctx, place, &fd, info));
    nima_rc rc = read_all(ctx, place->path, fd, max_bytes, out);
    close(fd);
    return rc;
}

/* Writing */

static int write_all(int fd, nima_str content)
{
    size_t done = 0;
    while (done < content.len) {
        ssize_t put = write(fd, content.ptr + done, content.len - done);
        if (put < 0 && errno != EINTR) {
            return -1;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

static int fill(int fd, nima_str content, const struct stat *old)
{
    if (old != NULL && (old->st_uid != geteuid() || old->st_gid != getegid()) &&
        fchown(fd, old->st_uid, old->st_gid) != 0) {
        return -1;
    }
    mode_t mode = old != NULL ? old->st_mode & 07777 : NEW_FILE_MODE;
    return write_all(fd, content) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0 ? 0 : -1;
}

nima_rc nima_place_write(struct nima_ctx *ctx, const struct nima_place *place, nima_str content,
                         const struct stat *old, bool fresh, bool *made)
{
    char id[NIMA_UUID_CHARS + 1];
    nima_uuid_write(id);
    const char *temporary = nima_fmt(ctx, ".nima-%s", id).ptr;
    int fd =
        openat(place->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return nima_place_fail(ctx, place->path, errno);
    }
    int failed = fill(fd, content, old) != 0 ? errno : 0;
    if (close(fd) != 0 && failed == 0) {
        failed = errno;
    }
    if (failed == 0 && renameat2(place->dir, temporary, place->dir, place->name,
                                 fresh ? RENAME_NOREPLACE : 0) != 0) {
        failed = errno;
    }
    if (made != NULL) {
        *made = failed == 0;
    }
    if (failed != 0) {
        unlinkat(place->dir, temporary, 0);
        return nima_place_fail(ctx, place->path, failed);
    }
    return fsync(place->dir) == 0 ? NIMA_OK : nima_place_fail(ctx, place->path, errno);
}
