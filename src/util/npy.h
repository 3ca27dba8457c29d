#pragma once
/*
 * npy: NumPy's file format 1.0 for float32, little-endian, of shape (rows, dims).
 */
#include "util/buf.h"

/* What stands in front of the floats; 64 bytes times n. */
void nima_npy_header(struct nima_buf *buf, size_t rows, size_t dims);
/* INVALID with what is wrong; *data has rows * dims * 4 bytes and borrows from `file`. */
NIMA_MUST_USE nima_rc nima_npy_read(struct nima_ctx *ctx, nima_str file, size_t *rows, size_t *dims,
                                    nima_str *data);
