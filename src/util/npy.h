#pragma once
/*
 * npy: NumPy's file format 1.0 for float32, little-endian, of shape (rows, dims).
 */
#include "util/buf.h"

/* What stands in front of the floats; 64 bytes times n. */
void nima_npy_header(struct nima_buf *buf, size_t rows, size_t dims);
/* What a file of so many bytes holds, by its start: NIMA_NPY_START_MAX bytes of it are enough. The
 * floats, rows * dims * 4 bytes, begin at *data_at and end with the file. INVALID says what is
 * wrong. */
enum { NIMA_NPY_START_MAX = 10 + 65535 };
NIMA_MUST_USE nima_rc nima_npy_shape(struct nima_ctx *ctx, nima_str start, size_t file_bytes,
                                     size_t *rows, size_t *dims, size_t *data_at);
/* A whole file; *data has rows * dims * 4 bytes and borrows from `file`. */
NIMA_MUST_USE nima_rc nima_npy_read(struct nima_ctx *ctx, nima_str file, size_t *rows, size_t *dims,
                                    nima_str *data);
