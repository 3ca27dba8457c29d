#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/uuid.h"

static nima_rc fail_errno(struct nima_ctx *ctx, const char *doing, const char *path)
{
    bool full = errno == EMFILE || errno == ENFILE; /* which passes */
    nima_rc rc = errno == ENOENT ? NIMA_E_NOT_FOUND : full ? NIMA_E_BUSY : NIMA_E_STORE;
    return nima_fail(ctx, rc, "cannot %s %s: %s", doing, path, strerror(errno));
}

/* Reads to the end or until max_bytes + 1, so that "too large" is seen. */
static ssize_t read_all(int fd, char *to, size_t room)
{
    size_t got = 0;
    while (got < room) {
        ssize_t n = read(fd, to + got, room - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

nima_rc nima_file_read(struct nima_ctx *ctx, const char *path, size_t max_bytes, nima_str *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(ctx, "open", path);
    }
    nima_rc rc = NIMA_OK;
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        rc = nima_fail(ctx, NIMA_E_STORE, "%s is not a regular file", path);
        goto done;
    }
    if (info.st_size < 0 || (uint64_t)info.st_size > max_bytes) {
        rc = nima_fail(ctx, NIMA_E_TOO_LARGE, "%s is over %zu bytes", path, max_bytes);
        goto done;
    }
    char *data = nima_alloc(ctx->arena, (size_t)info.st_size + 1);
    ssize_t got = read_all(fd, data, (size_t)info.st_size);
    if (got < 0) {
        rc = fail_errno(ctx, "read", path);
        goto done;
    }
    data[got] = '\0';
    *out = (nima_str){data, (size_t)got};
done:
    close(fd);
    return rc;
}

static bool write_all(int fd, nima_str data)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.ptr, data.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        data.ptr += n;
        data.len -= (size_t)n;
    }
    return true;
}

static bool sync_folder_of(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : (slash == path ? 1 : (int)(slash - path));
    snprintf(folder, sizeof(folder), "%.*s", length, slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

nima_rc nima_file_write(struct nima_ctx *ctx, const char *path, nima_str data, unsigned mode)
{
    /* A name of its own for each call: two threads may write the same file. */
    char unique[NIMA_UUID_CHARS + 1];
    nima_uuid_write(unique);
    const char *temp = nima_fmt(ctx, "%s.tmp.%s", path, unique).ptr;
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return fail_errno(ctx, "create", temp);
    }
    bool ok = write_all(fd, data) && fsync(fd) == 0;
    if (close(fd) != 0 || !ok || rename(temp, path) != 0 || !sync_folder_of(path)) {
        nima_rc rc = fail_errno(ctx, "write", path);
        unlink(temp);
        return rc;
    }
    return NIMA_OK;
}

nima_rc nima_dir_make(struct nima_ctx *ctx, const char *path)
{
    if (path[0] == '\0') {
        return nima_fail(ctx, NIMA_E_STORE, "the name of the folder is empty");
    }
    char *part = nima_cstr(ctx, nima_str_of(path));
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0') {
            continue;
        }
        char end = *p;
        *p = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return fail_errno(ctx, "make the folder", part);
        }
        *p = end;
        if (end == '\0') {
            break;
        }
    }
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return nima_fail(ctx, NIMA_E_STORE, "%s is not a folder", path);
    }
    return NIMA_OK;
}
