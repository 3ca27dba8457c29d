#pragma once
/*
 * store: one SQLite store for a whole run of a target, gone with its folder at the end.
 */
#include <stdlib.h>

#include "fuzz/folder.h"
#include "store/store.h"

static struct nima_store *store;
static char folder[64];

static void clean(void)
{
    nima_store_close(store);
    test_folder_remove(folder);
}

static void open_once(struct nima_ctx *ctx)
{
    if (store != NULL) {
        return;
    }
    fuzz_folder_make(folder);
    struct nima_store_options options = {.address = nima_fmt(ctx, "sqlite:%s/nima.db", folder)};
    fuzz_must(nima_store_open(ctx, &options, &store) == NIMA_OK);
    atexit(clean);
}
