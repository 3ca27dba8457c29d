#pragma once
/*
 * folder: a folder for targets that need files; in memory where the machine has such a place, since
 * syncing is not what they are about.
 */
#include <ftw.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

static inline int fuzz_remove_one(const char *path, const struct stat *info, int kind,
                                  struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void fuzz_folder_empty(const char *folder)
{
    enum { OPEN_MAX_FILES = 8 };
    (void)nftw(folder, fuzz_remove_one, OPEN_MAX_FILES, FTW_DEPTH | FTW_PHYS);
}

/* `folder` has room for 64 bytes. */
static inline void fuzz_folder_make(char folder[64])
{
    snprintf(folder, 64, "%s/nima-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_must(mkdtemp(folder) != NULL);
}
