#include "app/files.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"

enum { FOLDERS_UP = 3 };

const char *nima_app_file(struct nima_ctx *ctx, const char *name)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < FOLDERS_UP; up++) {
        char *slash = strrchr(program, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
        const char *path = nima_cstr(ctx, nima_fmt(ctx, "%s/%s", program, name));
        if (access(path, R_OK) == 0) {
            return path;
        }
    }
    return access(name, R_OK) == 0 ? name : NULL;
}

struct nima_pack_folders nima_app_packs(struct nima_ctx *ctx, const struct nima_config *config)
{
    nima_str data = config->store.data, shipped = config->knowledge.packs;
    struct nima_pack_folders folders = {
        .shipped = shipped,
        .own = nima_fmt(ctx, NIMA_FMT "/knowledge/packs", NIMA_ARG(data)),
        .cache = nima_fmt(ctx, NIMA_FMT "/knowledge/vectors", NIMA_ARG(data)),
    };
    if (shipped.len > 0 && access(nima_cstr(ctx, shipped), R_OK) != 0) {
        folders.shipped = nima_str_of(nima_app_file(ctx, nima_cstr(ctx, shipped)));
    }
    return folders;
}
