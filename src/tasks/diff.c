/*
 * Two texts as the lines that differ: what is the same at the beginning and the end is left out but
 * for a few lines. One change is shown exactly, several as one piece that holds them all.
 */
#include "tasks/file/file_int.h"

enum { AROUND = 3, DIFF_BYTES_MAX = 64 * 1024 };

struct lines {
    nima_str *items;
    size_t count;
};

static struct lines split(struct nima_ctx *ctx, nima_str text)
{
    struct lines lines = {0};
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n';
    }
    lines.items = NIMA_NEW(ctx->arena, nima_str, count + 1);
    for (size_t at = 0; at < text.len;) {
        size_t end = nima_str_find(text, NIMA_STR("\n"), at);
        end = end == SIZE_MAX ? text.len : end;
        lines.items[lines.count++] = nima_str_sub(text, at, end);
        at = end + 1;
    }
    return lines;
}

static void write_lines(struct nima_buf *buf, char mark, const struct lines *lines, size_t from,
                        size_t end)
{
    for (size_t i = from; i < end; i++) {
        nima_buf_add_char(buf, mark);
        nima_buf_add(buf, lines->items[i]);
        nima_buf_add_char(buf, '\n');
    }
}

static void write_diff(struct nima_buf *buf, const struct lines *a, const struct lines *b)
{
    size_t shorter = a->count < b->count ? a->count : b->count, head = 0, tail = 0;
    while (head < shorter && nima_str_eq(a->items[head], b->items[head])) {
        head++;
    }
    while (tail < shorter - head &&
           nima_str_eq(a->items[a->count - 1 - tail], b->items[b->count - 1 - tail])) {
        tail++;
    }
    if (head == a->count && head == b->count) {
        return;
    }
    size_t from = head > AROUND ? head - AROUND : 0;
    size_t after = tail < AROUND ? tail : AROUND;
    size_t a_end = a->count - tail, b_end = b->count - tail;
    nima_buf_fmt(buf, "@@ -%zu,%zu +%zu,%zu @@\n", from + 1, a_end + after - from, from + 1,
                 b_end + after - from);
    write_lines(buf, ' ', a, from, head);
    write_lines(buf, '-', a, head, a_end);
    write_lines(buf, '+', b, head, b_end);
    write_lines(buf, ' ', a, a_end, a_end + after);
}

nima_str nima_diff(struct nima_ctx *ctx, nima_str before, nima_str after)
{
    if (!nima_utf8_valid(before) || !nima_utf8_valid(after)) {
        return nima_fmt(ctx, "(binary, %zu bytes before, %zu after)", before.len, after.len);
    }
    struct lines a = split(ctx, before), b = split(ctx, after);
    struct nima_buf buf;
    nima_buf_init(&buf, DIFF_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR(""));
    write_diff(&buf, &a, &b);
    nima_str diff =
        buf.overflowed
            ? nima_fmt(ctx, "(too long to show: %zu lines before, %zu after)", a.count, b.count)
            : nima_str_copy(ctx->arena, buf.len > 0 ? nima_buf_view(&buf) : NIMA_STR(""));
    nima_buf_done(&buf);
    return diff;
}
