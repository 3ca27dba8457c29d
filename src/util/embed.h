#pragma once
/*
 * embed: files that the build put into the binary (cmake/embed.cmake: nima_embed). A file that
 * includes the list declares it: `NIMA_EMBEDDED(migrations);` for nima_embed(TARGET migrations …).
 * Lifetime   As the process; nothing here is ever freed. Each file is followed by a NUL.
 */
#include "util/str.h"

struct nima_embedded {
    const char *name; /* path below the BASE folder, "/" between; NULL ends the list */
    const char *from, *end;
};

#define NIMA_EMBEDDED(list) extern const struct nima_embedded nima_embedded_##list[]

static inline nima_str nima_embedded_data(const struct nima_embedded *file)
{
    return (nima_str){file->from, (size_t)(file->end - file->from)};
}

/* The file of that name, or NULL. */
static inline const struct nima_embedded *nima_embedded_find(const struct nima_embedded *list,
                                                             nima_str name)
{
    for (; list->name != NULL; list++) {
        if (nima_str_eq(nima_str_of(list->name), name)) {
            return list;
        }
    }
    return NULL;
}
