#include "app/import.h"

#include <string.h>

/* The last place takes whatever more reasons there are. */
static void count_one(struct nima_left_out *list, const char *why, nima_str name)
{
    size_t i = 0;
    while (i + 1 < NIMA_LEFT_REASONS_MAX && list[i].why != NULL && strcmp(list[i].why, why) != 0) {
        i++;
    }
    if (list[i].why == NULL) {
        list[i].why = why;
        nima_str kept = nima_utf8_prefix(name, NIMA_LEFT_NAME_BYTES_MAX);
        for (size_t at = 0; at < kept.len; at++) { /* one line, whatever it is called */
            list[i].first[at] = (unsigned char)kept.ptr[at] < ' ' ? ' ' : kept.ptr[at];
        }
    }
    list[i].count++;
}

void nima_imported_leave(struct nima_imported *done, const char *why, nima_str name)
{
    done->left_out++;
    count_one(done->reasons, why, name);
}

void nima_imported_note(struct nima_imported *done, const char *why, nima_str name)
{
    count_one(done->notes, why, name);
}
