#pragma once
/*
 * Private to src/tasks/lists: a list's file as lines.
 */
#include "tasks/lists.h"

struct nima_lists_line {
    nima_str text; /* the whole line without its end */
    nima_str item; /* of an item: its text */
    bool is_item, done;
};
struct nima_lists_file {
    struct nima_lists_line *lines;
    size_t count, room;
    bool crlf;
};
/* Lines of `content`, with room for `more` of them. */
void nima_lists_parse(struct nima_ctx *ctx, nima_str content, size_t more,
                      struct nima_lists_file *out);
/* The lines as a text. */
nima_str nima_lists_write(struct nima_ctx *ctx, const struct nima_lists_file *file);
/* Behind the last item, or at the end. */
void nima_lists_append(struct nima_ctx *ctx, struct nima_lists_file *file, nima_str item);
void nima_lists_drop(struct nima_lists_file *file, size_t line);
void nima_lists_mark(struct nima_ctx *ctx, struct nima_lists_file *file, size_t line, bool done);
/* The line of the item that is meant; SIZE_MAX: none. Its very words go before others. */
size_t nima_lists_find(struct nima_ctx *ctx, const struct nima_lists_file *file, nima_str said);
