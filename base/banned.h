/* Functions whose every use is a question.  Naming one does not compile. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#define BANNED(fn, instead) sorry_##fn##_is_banned_use_##instead

#undef strcpy
#define strcpy(...) BANNED(strcpy, xstrdup)
#undef strcat
#define strcat(...) BANNED(strcat, buf_add_str)
#undef strncpy
#define strncpy(...) BANNED(strncpy, snprintf)
#undef strncat
#define strncat(...) BANNED(strncat, buf_add)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef gets
#define gets(...) BANNED(gets, fgets)
#undef strtok
#define strtok(...) BANNED(strtok, strv_split)
#undef atoi
#define atoi(...) BANNED(atoi, strtol)
#undef atol
#define atol(...) BANNED(atol, strtol)
#undef system
#define system(...) BANNED(system, posix_spawn)
#undef popen
#define popen(...) BANNED(popen, posix_spawn)
#undef gmtime
#define gmtime(...) BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(...) BANNED(localtime, localtime_r)
#undef ctime
#define ctime(...) BANNED(ctime, clock_rfc3339)
#undef rand
#define rand(...) BANNED(rand, random_bytes)
#undef srand
#define srand(...) BANNED(srand, random_bytes)

#endif
