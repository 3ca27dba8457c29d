/*
 * NumPy's file format, version 1.0: a magic word, the length of a header, the header, which is a
 * Python literal, and the floats. numpy.load() reads what is written here; what is read must be
 * float32 of two dimensions, as numpy.save() writes it.
 */
#include "util/npy.h"

#include <string.h>

enum { ALIGN = 64, PREFIX = 10 };

void nima_npy_header(struct nima_buf *buf, size_t rows, size_t dims)
{
    char header[200];
    int length =
        snprintf(header, sizeof(header),
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, dims);
    size_t total = (PREFIX + (size_t)length + 1 + ALIGN - 1) / ALIGN * ALIGN;
    size_t text = total - PREFIX;
    nima_buf_add(buf, NIMA_STR("\x93NUMPY\x01"));
    nima_buf_add_char(buf, '\0');
    nima_buf_add_char(buf, (char)(text & 255));
    nima_buf_add_char(buf, (char)(text >> 8));
    nima_buf_add(buf, (nima_str){header, (size_t)length});
    for (size_t i = (size_t)length; i + 1 < text; i++) {
        nima_buf_add_char(buf, ' ');
    }
    nima_buf_add_char(buf, '\n');
}

/* The number behind `key`, or false. */
static bool number_at(nima_str header, size_t *at, size_t *out)
{
    size_t value = 0, start;
    while (*at < header.len && header.ptr[*at] == ' ') {
        ++*at;
    }
    for (start = *at; *at < header.len && header.ptr[*at] >= '0' && header.ptr[*at] <= '9'; ++*at) {
        if (value > SIZE_MAX / 20) {
            return false;
        }
        value = value * 10 + (size_t)(header.ptr[*at] - '0');
    }
    *out = value;
    return *at > start;
}

static bool read_shape(nima_str header, size_t *rows, size_t *dims)
{
    size_t at = nima_str_find(header, NIMA_STR("'shape': ("), 0);
    if (at == SIZE_MAX) {
        return false;
    }
    at += strlen("'shape': (");
    if (!number_at(header, &at, rows) || at >= header.len || header.ptr[at++] != ',' ||
        !number_at(header, &at, dims)) {
        return false;
    }
    at += at < header.len && header.ptr[at] == ','; /* a third number may not follow it */
    return at < header.len && header.ptr[at] == ')';
}

nima_rc nima_npy_shape(struct nima_ctx *ctx, nima_str start, size_t file_bytes, size_t *rows,
                       size_t *dims, size_t *data_at)
{
    if (start.len < PREFIX || memcmp(start.ptr, "\x93NUMPY", 6) != 0) {
        return nima_fail(ctx, NIMA_E_INVALID, "it is no .npy file");
    }
    if (start.ptr[6] != 1) {
        return nima_fail(ctx, NIMA_E_INVALID, "it is of another version of the format than 1.0");
    }
    size_t length = (unsigned char)start.ptr[8] | (size_t)(unsigned char)start.ptr[9] << 8;
    if (start.len < PREFIX + length) {
        return nima_fail(ctx, NIMA_E_INVALID, "it is cut short");
    }
    nima_str header = nima_str_sub(start, PREFIX, PREFIX + length);
    if (nima_str_find(header, NIMA_STR("'<f4'"), 0) == SIZE_MAX ||
        nima_str_find(header, NIMA_STR("'fortran_order': False"), 0) == SIZE_MAX ||
        !read_shape(header, rows, dims)) {
        return nima_fail(ctx, NIMA_E_INVALID, "it does not hold float32 of shape (rows, dims)");
    }
    size_t floats = file_bytes - (PREFIX + length), wanted;
    if (__builtin_mul_overflow(*rows, *dims, &wanted) ||
        __builtin_mul_overflow(wanted, sizeof(float), &wanted) || wanted != floats ||
        (*rows > 0 && *dims == 0)) {
        return nima_fail(ctx, NIMA_E_INVALID, "its shape (%zu, %zu) does not fit its size", *rows,
                         *dims);
    }
    *data_at = PREFIX + length;
    return NIMA_OK;
}

nima_rc nima_npy_read(struct nima_ctx *ctx, nima_str file, size_t *rows, size_t *dims,
                      nima_str *data)
{
    size_t at;
    NIMA_TRY(nima_npy_shape(ctx, file, file.len, rows, dims, &at));
    *data = nima_str_sub(file, at, file.len);
    return NIMA_OK;
}
