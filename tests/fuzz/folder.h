#pragma once
/*
 * folder: a folder for targets that need files; in memory where the machine has such a place, since
 * syncing is not what they are about.
 */
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "support/folder.h"

/* `folder` has room for 64 bytes. */
static inline void fuzz_folder_make(char folder[64])
{
    snprintf(folder, 64, "%s/nima-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_must(mkdtemp(folder) != NULL);
}
