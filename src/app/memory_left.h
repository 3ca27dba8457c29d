#pragma once
/*
 * memory_left: bytes of main memory that a new program could have.
 */
#include <stdint.h>

/* The least of what the machine and this process's control group leave; 0: not known. */
int64_t nima_memory_left(void);
