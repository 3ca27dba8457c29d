#include "app/files.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

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
