#pragma once
/*
 * banned: functions of libc that are easy to get wrong become compile errors. Forced into every
 * file of ours by the build (-include), after the system headers that declare them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NIMA_BANNED(func) sorry_##func##_is_a_banned_function
#undef strcpy
#define strcpy(d, s) NIMA_BANNED(strcpy)
#undef strcat
#define strcat(d, s) NIMA_BANNED(strcat)
#undef strncpy
#define strncpy(d, s, n) NIMA_BANNED(strncpy)
#undef sprintf
#define sprintf(...) NIMA_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) NIMA_BANNED(vsprintf)
#undef strtok
#define strtok(s, d) NIMA_BANNED(strtok)
#undef atoi
#define atoi(s) NIMA_BANNED(atoi)
#undef rand
#define rand() NIMA_BANNED(rand)
#undef gmtime
#define gmtime(t) NIMA_BANNED(gmtime)
#undef localtime
#define localtime(t) NIMA_BANNED(localtime)
#undef system
#define system(c) NIMA_BANNED(system)
#undef popen
#define popen(c, m) NIMA_BANNED(popen)
