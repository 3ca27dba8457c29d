/* What several commands do with their words, and how they tell of long work. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "util/clock.h"

static void drop(int *argc, char **argv, int at, int count)
{
    for (int i = at; i + count < *argc; i++) {
        argv[i] = argv[i + count];
    }
    *argc -= count;
}

bool nima_command_flag(int *argc, char **argv, const char *name, nima_str *out)
{
    nima_str flag = nima_str_of(name);
    for (int i = 0; i < *argc; i++) {
        nima_str word = nima_str_of(argv[i]);
        if (nima_str_eq(word, flag) && i + 1 < *argc) {
            *out = nima_str_of(argv[i + 1]);
            drop(argc, argv, i, 2);
            return true;
        }
        if (nima_str_starts(word, flag) && word.len > flag.len && word.ptr[flag.len] == '=') {
            *out = nima_str_sub(word, flag.len + 1, word.len);
            drop(argc, argv, i, 1);
            return true;
        }
    }
    return false;
}

bool nima_command_switch(int *argc, char **argv, const char *name)
{
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            drop(argc, argv, i, 1);
            return true;
        }
    }
    return false;
}

nima_rc nima_command_user(struct nima_ctx *ctx, nima_str user)
{
    enum { USER_CHARS_MAX = 64 };
    bool fits = user.len >= 1 && user.len <= USER_CHARS_MAX;
    for (size_t i = 0; fits && i < user.len; i++) {
        char c = user.ptr[i];
        fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != '\0' && strchr("._@-", c) != NULL);
    }
    return fits ? NIMA_OK
                : nima_fail_field(ctx, NIMA_E_INVALID, "user",
                                  "--user must be 1 to %d letters, digits, '.', '_', '@' or '-'",
                                  USER_CHARS_MAX);
}

void nima_command_progress(const char *what, int64_t done, int64_t total)
{
    enum { TERMINAL_MS = 100, ELSEWHERE_MS = 5000 };
    static int64_t told_at; /* of one command at a time */
    bool terminal = isatty(STDERR_FILENO) == 1;
    int64_t now = nima_mono_ms();
    if (told_at == 0) {
        told_at = now; /* what is over soon needs no telling */
    }
    if (now - told_at < (terminal ? TERMINAL_MS : ELSEWHERE_MS)) {
        return;
    }
    told_at = now;
    fprintf(stderr, "%s%s: %lld", terminal ? "\r\033[K" : "", what, (long long)done);
    if (total > 0) {
        fprintf(stderr, " of %lld", (long long)total);
    }
    fprintf(stderr, "%s", terminal ? "" : "\n");
}

void nima_command_progress_done(void)
{
    if (isatty(STDERR_FILENO) == 1) {
        fprintf(stderr, "\r\033[K");
    }
}
