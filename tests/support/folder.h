#pragma once
/*
 * folder: removes the folder of a test with all that is in it.
 */
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static inline int test_remove_one(const char *path, const struct stat *info, int kind,
                                  struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void test_folder_remove(const char *folder)
{
    enum { OPEN_FOLDERS_MAX = 16 };
    (void)nftw(folder, test_remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
}
