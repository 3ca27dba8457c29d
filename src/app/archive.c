/*
 * A zip is read from its end: a record there tells where the directory is, and that where each
 * file is. Every number in it is a stranger's, so each is held against the bytes there are.
 */
#include "app/archive.h"

#include <string.h>
#include <zlib.h>

#include "util/buf.h"

enum {
    END_BYTES = 22,
    COMMENT_BYTES_MAX = 65535,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    PIECE_BYTES = 1 << 16,
    ENCRYPTED = 1,
    STORED = 0,
    DEFLATED = 8,
};
static const uint32_t END_MARK = 0x06054b50, ENTRY_MARK = 0x02014b50, LOCAL_MARK = 0x04034b50;

static uint32_t number(nima_str bytes, size_t at, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++) {
        value |= (uint32_t)(unsigned char)bytes.ptr[at + (size_t)i] << (8 * i);
    }
    return value;
}

/* Whether `count` bytes are there at `at`; neither sum overflows. */
static bool within(nima_str bytes, size_t at, size_t count)
{
    return at <= bytes.len && count <= bytes.len - at;
}

bool nima_archive_is(nima_str bytes)
{
    return nima_str_starts(bytes, NIMA_STR("PK\x03\x04")) ||
           nima_str_starts(bytes, NIMA_STR("PK\x05\x06"));
}

static size_t find_end(nima_str bytes)
{
    if (bytes.len < END_BYTES) {
        return SIZE_MAX;
    }
    size_t last = bytes.len - END_BYTES;
    size_t first = last > COMMENT_BYTES_MAX ? last - COMMENT_BYTES_MAX : 0;
    for (size_t at = last + 1; at-- > first;) {
        if (number(bytes, at, 4) == END_MARK) {
            return at;
        }
    }
    return SIZE_MAX;
}

struct entry {
    nima_str name;
    uint32_t flags, method, crc, packed, size, at;
    size_t next; /* where the next entry of the directory is */
};

static bool read_entry(nima_str bytes, size_t at, struct entry *out)
{
    if (!within(bytes, at, ENTRY_BYTES) || number(bytes, at, 4) != ENTRY_MARK) {
        return false;
    }
    size_t name = number(bytes, at + 28, 2);
    size_t rest = name + number(bytes, at + 30, 2) + number(bytes, at + 32, 2);
    if (!within(bytes, at + ENTRY_BYTES, rest)) {
        return false;
    }
    *out = (struct entry){
        .name = nima_str_sub(bytes, at + ENTRY_BYTES, at + ENTRY_BYTES + name),
        .flags = number(bytes, at + 8, 2),
        .method = number(bytes, at + 10, 2),
        .crc = number(bytes, at + 16, 4),
        .packed = number(bytes, at + 20, 4),
        .size = number(bytes, at + 24, 4),
        .at = number(bytes, at + 42, 4),
        .next = at + ENTRY_BYTES + rest,
    };
    return true;
}

static nima_rc broken(struct nima_ctx *ctx, const struct entry *entry)
{
    return nima_fail(ctx, NIMA_E_MALFORMED, "the zip is broken at the file " NIMA_FMT,
                     NIMA_ARG(nima_utf8_prefix(entry->name, 100)));
}

/* Unpacks into the buffer, whose maximum ends a bomb. */
static bool inflate_all(nima_str packed, struct nima_buf *out)
{
    unsigned char piece[PIECE_BYTES];
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)packed.ptr,
                       .avail_in = (uInt)packed.len};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        return false;
    }
    int rc = Z_OK;
    while (rc == Z_OK && !out->overflowed) {
        stream.next_out = piece;
        stream.avail_out = sizeof(piece);
        rc = inflate(&stream, Z_NO_FLUSH);
        nima_buf_add(out, (nima_str){(const char *)piece, sizeof(piece) - stream.avail_out});
    }
    inflateEnd(&stream);
    return rc == Z_STREAM_END;
}

static nima_rc unpack(struct nima_ctx *ctx, nima_str bytes, const struct entry *entry,
                      struct nima_buf *out)
{
    if ((entry->flags & ENCRYPTED) != 0 || entry->at == UINT32_MAX || entry->size == UINT32_MAX ||
        (entry->method != STORED && entry->method != DEFLATED)) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "this zip is encrypted or packed in a way that is not read here: unpack "
                         "it and import the file in it");
    }
    if (!within(bytes, entry->at, LOCAL_BYTES) || number(bytes, entry->at, 4) != LOCAL_MARK) {
        return broken(ctx, entry);
    }
    size_t from = (size_t)entry->at + LOCAL_BYTES + number(bytes, (size_t)entry->at + 26, 2) +
                  number(bytes, (size_t)entry->at + 28, 2);
    if (!within(bytes, from, entry->packed)) {
        return broken(ctx, entry);
    }
    nima_str packed = nima_str_sub(bytes, from, from + entry->packed);
    bool whole = true;
    if (entry->method == STORED) {
        nima_buf_add(out, packed);
    } else {
        whole = inflate_all(packed, out);
    }
    if (out->overflowed) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "the files in the zip are over %zu MiB",
                         out->max >> 20);
    }
    uLong crc = crc32_z(0, (const unsigned char *)out->ptr, out->len);
    return whole && crc == entry->crc ? NIMA_OK : broken(ctx, entry);
}

static nima_str base_of(nima_str name)
{
    size_t at = name.len;
    while (at > 0 && name.ptr[at - 1] != '/') {
        at--;
    }
    return nima_str_sub(name, at, name.len);
}

nima_rc nima_archive_read(struct nima_ctx *ctx, nima_str bytes, size_t bytes_max,
                          bool (*wanted)(nima_str name), nima_archive_visit visit, void *user,
                          size_t *count_out)
{
    size_t end = find_end(bytes), count = 0, used = 0;
    if (end == SIZE_MAX) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "the zip is cut short: it has no directory");
    }
    size_t at = number(bytes, end + 16, 4), all = number(bytes, end + 10, 2);
    struct entry entry = {.name = NIMA_STR("?")};
    for (size_t i = 0; i < all; i++, at = entry.next) {
        if (!read_entry(bytes, at, &entry)) {
            return broken(ctx, &entry);
        }
        if (!wanted(base_of(entry.name))) {
            continue;
        }
        struct nima_buf text;
        nima_buf_init(&text, bytes_max - used);
        nima_rc rc = unpack(ctx, bytes, &entry, &text);
        rc = rc == NIMA_OK ? visit(ctx, user, nima_buf_view(&text)) : rc;
        used += text.len;
        nima_buf_done(&text);
        NIMA_TRY(rc);
        count++;
    }
    *count_out = count;
    return NIMA_OK;
}
